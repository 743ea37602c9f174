/** A target: the server, the path that is prepended to all paths, and options for TLS. */

import { isIP } from 'node:net';
import type { PooledBackendOptions } from 'pooled-backend';
import type { ProxyTarget, TlsName } from './options.js';

export interface Target {
  /** `scheme://host:port`. */
  readonly origin: string;
  readonly host: string;
  readonly socketPath: string | undefined;
  /** Empty or with a slash in front. */
  readonly path: string;
  readonly tls: Partial<Pick<NonNullable<PooledBackendOptions['tls']>, TlsName>>;
}

const PARTS = ['protocol', 'hostname', 'host', 'port', 'path', 'pathname', 'socketPath'];
const TLS_NAMES: readonly TlsName[] = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'ciphers'];
// http-proxy accepts both kinds of scheme, for requests and for upgrades.
const WEBSOCKET_SCHEMES: Readonly<Record<string, string>> = { 'ws:': 'http:', 'wss:': 'https:' };

/** @throws TypeError for a value that names no server; the message names the option */
export function readTarget(name: string, given: ProxyTarget): Target {
  if (typeof given === 'string' || given instanceof URL) return { ...place(name, String(given)), ...NOTHING_ELSE };
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${name} must be a URL or an object with its parts`);
  for (const part of Object.keys(given)) {
    if (![...PARTS, ...TLS_NAMES].includes(part)) {
      throw new TypeError(`${name}.${part} is not supported; known: ${[...PARTS, ...TLS_NAMES].join(', ')}`);
    }
  }
  const { protocol = 'http:', hostname, host = 'localhost', port, path, pathname, socketPath } = given;
  const base = (path ?? pathname ?? '').replace(/^\/?/, '/');
  const url = `${protocol.replace(/:?$/, ':')}//${authority(name, hostname ?? host, port)}${base}`;
  const tls = Object.fromEntries(TLS_NAMES.filter((one) => given[one] !== undefined).map((one) => [one, given[one]]));
  return { ...place(name, url), socketPath, tls };
}

/** `host` may contain the port, as in a parsed URL. */
function authority(name: string, host: string, port: number | string | undefined): string {
  if (/[\s/\\?#@]/.test(host)) throw new TypeError(`${name}.host must be a host name or an IP address, got ${host}`);
  const place = isIP(host) === 6 ? `[${host}]` : host;
  return port === undefined || place.endsWith(`:${port}`) ? place : `${place}:${port}`;
}

const NOTHING_ELSE = { socketPath: undefined, tls: {} } as const;

function place(name: string, text: string): Pick<Target, 'origin' | 'host' | 'path'> {
  if (!URL.canParse(text)) throw new TypeError(`${name} must be a URL such as http://127.0.0.1:9001, got ${text}`);
  const url = new URL(text);
  const scheme = WEBSOCKET_SCHEMES[url.protocol] ?? url.protocol;
  if (!/^https?:$/.test(scheme)) throw new TypeError(`${name} must have the scheme http or https, got ${url.protocol}`);
  if (url.username !== '' || url.password !== '')
    throw new TypeError(`${name} must not contain user and password: use auth`);
  if (url.search !== '' || url.hash !== '')
    throw new TypeError(`${name} must not contain a query or fragment: use pathRewrite`);
  return { origin: `${scheme}//${url.host}`, host: url.host, path: url.pathname === '/' ? '' : url.pathname };
}
