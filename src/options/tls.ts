/** The option `tls`: what `tls.connect` takes, found to be wrong before anything is dialled. */

import { createSecureContext } from 'node:tls';
import type { TlsOptions } from '../options.js';
import {
  callable,
  integer,
  isObject,
  matching,
  oneOf,
  type Rule,
  refusal,
  refuseUnknownNames,
  required,
  trueOrFalse,
} from './checks.js';

const text = matching('a string', (value): value is string => typeof value === 'string');
const number = matching('a number', (value): value is number => Number.isFinite(value));
const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
const version = oneOf(...VERSIONS);
const context = matching(
  'what tls.createSecureContext() gives',
  (value): value is object => isObject(value) && 'context' in value,
);

/** The context is tried as a whole; what is falsy it would leave out. The value is not shown: it may be secret. */
const material: Rule<unknown> = (name, value) => {
  if (typeof value === 'string' || isObject(value)) return value;
  throw new TypeError(`${name} must be a string, a buffer or a list of those`);
};

/** Never shown. */
const secret: Rule<unknown> = (name, value) => {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string`);
  return value;
};

/** tls.connect() accepts a file path instead of the text, and then trusts no certificate. */
const authorities: Rule<unknown> = (name, value) => {
  material(name, value);
  for (const one of Array.isArray(value) ? value : [value]) {
    const isText = typeof one === 'string' || Buffer.isBuffer(one);
    if (isText && !one.includes('-----BEGIN'))
      throw refusal(name, 'certificates in PEM format, not a file path', one, false);
  }
  return value;
};

/** A server that may choose chooses HTTP/2, which is not spoken here. A bad buffer would end the process with the first dial. */
const protocols = matching("a list of names without 'h2', or a buffer of them", (value): value is object => {
  const names: readonly unknown[] = ArrayBuffer.isView(value) ? namesIn(value) : Array.isArray(value) ? value : [''];
  return names.every((one) => typeof one === 'string' && one !== '' && one !== 'h2' && Buffer.byteLength(one) < 256);
});

/** Each behind its length; one that is cut off is no name. */
function namesIn({ buffer, byteOffset, byteLength }: ArrayBufferView): string[] {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const names: string[] = [];
  for (let at = 0; at < byteLength; ) {
    const end = at + 1 + (bytes[at] ?? 0);
    names.push(end > byteLength ? '' : bytes.toString('latin1', at + 1, end));
    at = end;
  }
  return names;
}

/** What of the options of `tls.connect` has an effect here. */
const rules: { readonly [Name in keyof TlsOptions]-?: Rule<unknown> } = {
  ca: authorities,
  cert: material,
  key: material,
  pfx: material,
  passphrase: secret,
  crl: material,
  servername: required(text),
  rejectUnauthorized: required(trueOrFalse()),
  checkServerIdentity: required(callable()),
  minVersion: required(version),
  maxVersion: required(version),
  ciphers: required(text),
  sigalgs: required(text),
  ecdhCurve: required(text),
  ALPNProtocols: required(protocols),
  secureContext: required(context),
  session: required(matching('a buffer', ArrayBuffer.isView)),
  pskCallback: required(callable()),
  minDHSize: required(integer(1, 65_536)),
  allowPartialTrustChain: required(trueOrFalse()),
  enableTrace: required(trueOrFalse()),
  secureOptions: required(number),
  secureProtocol: required(text),
  privateKeyIdentifier: required(text),
  privateKeyEngine: required(text),
  clientCertEngine: required(text),
};

const PLACE_NAMES = ['host', 'port', 'path', 'socket'];

export const tlsRule: Rule<TlsOptions> = (name, value) => {
  if (value === undefined) return Object.freeze({});
  if (!isObject(value) || Array.isArray(value)) throw refusal(name, 'an object', value, false);
  const given = Object.entries(value).filter(([, one]) => one !== undefined);
  for (const [key, one] of given) {
    if (PLACE_NAMES.includes(key))
      throw new TypeError(`unknown option ${name}.${key}: the address is that of the origin`);
    refuseUnknownNames(name, { [key]: one }, rules);
    rules[key as keyof typeof rules](`${name}.${key}`, one); // own, so one of the names
  }
  // Only the outermost object: it may hold buffers and contexts, which are the caller's and cannot be frozen.
  const tls: TlsOptions = Object.freeze(Object.fromEntries(given));
  const { minVersion, maxVersion } = tls;
  if (minVersion && maxVersion && VERSIONS.indexOf(minVersion) > VERSIONS.indexOf(maxVersion))
    throw new RangeError(`${name}.minVersion must be no later than maxVersion, ${maxVersion}, got ${minVersion}`);
  if (given.length > 0) refuseBadContext(name, tls);
  return tls;
};

function refuseBadContext(name: string, tls: TlsOptions): void {
  try {
    createSecureContext(tls);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TypeError(`${name} must be what tls.connect takes: ${why}`, { cause });
  }
}
