/** The option `tls`: checks the options of `tls.connect` before anything is dialled. */

import { type ConnectionOptions, createSecureContext } from 'node:tls';
import { callable, integer, isObject, isRecord, matching, oneOf, text, trueOrFalse } from './checks.js';
import { type Rule, refusal, refuseUnknownNames, required } from './rules.js';

type Elsewhere = 'host' | 'port' | 'path' | 'socket' | 'lookup' | 'timeout';
type OfServers =
  | 'requestCert'
  | 'SNICallback'
  | 'ALPNCallback'
  | 'honorCipherOrder'
  | 'dhparam'
  | 'sessionIdContext'
  | 'sessionTimeout'
  | 'ticketKeys';

/** The options of `tls.connect`, except those that say where to connect and those that only affect servers. */
export type TlsOptions = Omit<ConnectionOptions, Elsewhere | OfServers>;

const number = matching('a number', (value): value is number => Number.isFinite(value));
const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
const version = oneOf(...VERSIONS);
const context = matching(
  'what tls.createSecureContext() gives',
  (value): value is object => isObject(value) && 'context' in value,
);

/**
 * Only the kind of value is checked here, because the context ignores falsy values. All else is checked when the context is
 * made. The error does not show the value: it may be secret.
 */
const material: Rule<unknown> = (name, value) => {
  if (typeof value === 'string' || isObject(value)) return value;
  throw new TypeError(`${name} must be a string, a buffer or a list of those`);
};

/** Errors never show the value. */
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

/**
 * Refuses `h2`: a server that is offered HTTP/2 chooses it, and this library does not speak it. Refuses bad buffers: they would
 * end the process at the first dial.
 */
const protocols = matching("a list of names without 'h2', or a buffer of them", (value): value is object => {
  const names: readonly unknown[] = ArrayBuffer.isView(value) ? namesIn(value) : Array.isArray(value) ? value : [''];
  return names.every((one) => typeof one === 'string' && one !== '' && one !== 'h2' && Buffer.byteLength(one) < 256);
});

/** The names in a buffer, each after a byte with its length. A name that is cut off becomes an empty one, which is refused. */
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

/** The options of `tls.connect` that have an effect here. */
const rules: { readonly [Name in keyof TlsOptions]-?: Rule<unknown> } = {
  ca: authorities,
  cert: material,
  key: material,
  pfx: material,
  passphrase: secret,
  crl: material,
  servername: required(text),
  rejectUnauthorized: required(trueOrFalse),
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
  allowPartialTrustChain: required(trueOrFalse),
  enableTrace: required(trueOrFalse),
  secureOptions: required(number),
  secureProtocol: required(text),
  privateKeyIdentifier: required(text),
  privateKeyEngine: required(text),
  clientCertEngine: required(text),
};

const PLACE_NAMES = ['host', 'port', 'path', 'socket'];

export const tlsRule: Rule<TlsOptions> = (name, value) => {
  if (value === undefined) return Object.freeze({});
  if (!isRecord(value)) throw refusal(name, 'an object', value, false);
  const given = Object.entries(value).filter(([, one]) => one !== undefined);
  for (const [key, one] of given) {
    if (PLACE_NAMES.includes(key))
      throw new TypeError(`unknown option ${name}.${key}: the address is that of the origin`);
    refuseUnknownNames(name, { [key]: one }, rules);
    rules[key as keyof typeof rules](`${name}.${key}`, one); // an own name that is known, so it has a rule
  }
  // Its lists are copied too. Buffers and contexts belong to the caller, and cannot be frozen.
  const copied = given.map(([key, one]) => [key, Array.isArray(one) ? Object.freeze([...one]) : one]);
  const tls: TlsOptions = Object.freeze(Object.fromEntries(copied));
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
