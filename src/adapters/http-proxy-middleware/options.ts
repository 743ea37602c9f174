/** The options of http-proxy-middleware that are supported, and what to use instead of the others. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import type { BackendError, HandlerOptions, Logger, PooledBackendOptions } from 'pooled-backend';
import { set } from './fields.js';
import type { PathFilter, PathRewrite } from './paths.js';
import type { ProxyRequest } from './proxy-request.js';
import type { ProxyResponse } from './proxy-response.js';

type TlsOptions = NonNullable<PooledBackendOptions['tls']>;

/** A URL, whose path is prepended to that of each request; or an object with its parts and TLS options. */
export type ProxyTarget =
  | string
  | URL
  | ({
      /** `'http:'` or `'https:'`. @default 'http:' */
      readonly protocol?: string | undefined;
      /** Host name or IP address. @default `host` */
      readonly hostname?: string | undefined;
      /** Host name or IP address, if there is no `hostname`. @default 'localhost' */
      readonly host?: string | undefined;
      /** From 1 to 65535. @default that of the protocol, 80 or 443 */
      readonly port?: number | string | undefined;
      /** Prepended to the path of each request. @default `pathname` */
      readonly path?: string | undefined;
      /** Prepended to the path of each request, if there is no `path`. @default '' */
      readonly pathname?: string | undefined;
      /** Path of a Unix socket to connect to instead of host and port. @default none */
      readonly socketPath?: string | undefined;
    } & Partial<Pick<TlsOptions, TlsName>>);

/** TLS options that a target may contain. */
export type TlsName = 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'ciphers';

/** Targets by host, by `'/path'`, or by host and path. The first that matches a request is used. */
export type RouterTable = Readonly<Record<string, ProxyTarget>>;

/** Functions called during a request. If one throws, the request fails. */
export interface ProxyEvents<Req = IncomingMessage, Res = ServerResponse> {
  /** Called before a request is sent; may change its fields. @default none */
  readonly proxyReq?: ((proxyReq: ProxyRequest, req: Req, res: Res) => void) | undefined;
  /** Called before an upgrade request is sent; may change its fields. @default none */
  readonly proxyReqWs?: ((proxyReq: ProxyRequest, req: Req, socket: Duplex) => void) | undefined;
  /** Called before a response is sent to the client; may change its fields. @default none */
  readonly proxyRes?: ((proxyRes: ProxyResponse, req: Req, res: Res) => void) | undefined;
  /**
   * Called when a request fails, instead of answering 502, 503 or 504: end the response yourself. Upgrades that fail
   * are answered anyway.
   *
   * @default none
   */
  readonly error?: ((error: BackendError, req: Req, res: Res, target: string) => void) | undefined;
}

/**
 * Options of http-proxy-middleware 3, and two more: `backend` and `trustProxy`. `Req` and `Res` are the types of
 * request and response that your functions get.
 */
export interface ProxyMiddlewareOptions<Req = IncomingMessage, Res = ServerResponse> {
  /** Where to send requests that no entry of `router` matches. */
  readonly target: ProxyTarget;
  /** More targets, each with its own backend. @default none */
  readonly router?: RouterTable | undefined;
  /** Sends the target's Host field instead of the client's. @default false */
  readonly changeOrigin?: boolean | undefined;
  /**
   * Rewrites the path: regular expressions and replacements, of which the first match applies, or a function.
   *
   * @default none
   */
  readonly pathRewrite?: PathRewrite<Req> | undefined;
  /** Which paths are proxied: prefixes, or a function. Other requests go to `next`. @default '/' */
  readonly pathFilter?: PathFilter<Req> | undefined;
  /** Prepends the path of the target to that of the request. @default true */
  readonly prependPath?: boolean | undefined;
  /** Sends only the path of the target. @default false */
  readonly ignorePath?: boolean | undefined;
  /** Functions called during a request. @default none */
  readonly on?: ProxyEvents<Req, Res> | undefined;
  /** Sends X-Forwarded-For, -Proto, -Host and -Port. @default false */
  readonly xfwd?: boolean | undefined;
  /**
   * Adds an `upgrade` listener to the server on the first request. Better: `server.on('upgrade', middleware.upgrade)`.
   *
   * @default false
   */
  readonly ws?: boolean | undefined;
  /** `false` accepts any certificate. @default true */
  readonly secure?: boolean | undefined;
  /** Request fields to set. @default none */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** `user:password`, sent with requests that have no Authorization field. @default none */
  readonly auth?: string | undefined;
  /** Milliseconds a client may stall; 0 means no limit. @default `clientTimeout` of the backend */
  readonly timeout?: number | undefined;
  /**
   * Milliseconds the target may be silent; 0 means no limit.
   *
   * @default `sendTimeout`, `headersTimeout` and `bodyTimeout` of the backend
   */
  readonly proxyTimeout?: number | undefined;
  /** Rewrites the Domain of cookies, as the option of `handler()` does. @default false */
  readonly cookieDomainRewrite?: HandlerOptions['cookieDomainRewrite'];
  /** Rewrites the Path of cookies, as the option of `handler()` does. @default false */
  readonly cookiePathRewrite?: HandlerOptions['cookiePathRewrite'];
  /** Replaces the target's host in Location and similar fields by the host that the client asked for. @default false */
  readonly autoRewrite?: boolean | undefined;
  /** Replaces the target's host in these fields by this one. @default none */
  readonly hostRewrite?: string | undefined;
  /** Replaces the protocol in these fields: `'http'` or `'https'`. @default none */
  readonly protocolRewrite?: string | undefined;
  /** Local IP address to connect from. @default the system's choice */
  readonly localAddress?: string | undefined;
  /** Receives the events of the backends, except those of level `debug`. @default none */
  readonly logger?: (Pick<Console, 'info' | 'warn' | 'error'> & Pick<Logger, 'isLevelEnabled'>) | undefined;
  /** Has no effect: field names always keep their case. @default true */
  readonly preserveHeaderKeyCase?: boolean | undefined;
  /** Options of each backend, except `origins`. @default {} */
  readonly backend?: Omit<PooledBackendOptions, 'origins'> | undefined;
  /** Proxies whose forwarding fields are kept, as the option of `handler()`. @default false */
  readonly trustProxy?: HandlerOptions['trustProxy'];
}

type Kind = 'boolean' | 'string' | 'number' | 'object' | 'any';

const CARRIED: Readonly<Record<keyof ProxyMiddlewareOptions, Kind>> = {
  target: 'any',
  router: 'any',
  changeOrigin: 'boolean',
  pathRewrite: 'any',
  pathFilter: 'any',
  prependPath: 'boolean',
  ignorePath: 'boolean',
  on: 'object',
  xfwd: 'boolean',
  ws: 'boolean',
  secure: 'boolean',
  headers: 'object',
  auth: 'string',
  timeout: 'number',
  proxyTimeout: 'number',
  cookieDomainRewrite: 'any',
  cookiePathRewrite: 'any',
  autoRewrite: 'boolean',
  hostRewrite: 'string',
  protocolRewrite: 'string',
  localAddress: 'string',
  logger: 'object',
  preserveHeaderKeyCase: 'boolean',
  backend: 'object',
  trustProxy: 'any',
};

const EVENTS = ['proxyReq', 'proxyReqWs', 'proxyRes', 'error'];

/** What to use instead of an option that is not supported. */
const INSTEAD: Readonly<Record<string, string>> = {
  agent: 'the backend is the pool: backend: { maxConnections, keepAliveTimeout }',
  buffer: 'send a body of your own with request() of a PooledBackend',
  ejectPlugins: 'there are no plugins to leave out',
  followRedirects: 'redirects are left to the client; fetch() of a PooledBackend follows them',
  forward: 'send a copy of a request with request() of a PooledBackend',
  method: 'send a request of another method with request() of a PooledBackend',
  plugins: 'use on, and the events of middleware.backends',
  selfHandleResponse: 'bodies are not rewritten; answer with request() or fetch() of a PooledBackend',
  ssl: 'put ca, cert and key into target, or into backend: { tls }',
  toProxy: 'requests are always sent with a path, not with a URL',
  context: 'use pathFilter',
  logLevel: 'use logger',
  logProvider: 'use logger',
  onError: 'use on: { error }',
  onProxyReq: 'use on: { proxyReq }',
  onProxyReqWs: 'use on: { proxyReqWs }',
  onProxyRes: 'use on: { proxyRes }',
};

const EVENTS_INSTEAD = 'use the events of middleware.backends';

/** @throws TypeError for an option that is not supported, saying what to use instead, and for a value of the wrong kind */
export function checkOptions(given: unknown): asserts given is ProxyMiddlewareOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw notAnObject(given);
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) checkOption(name, value);
  }
  if (Reflect.get(given, 'target') === undefined) throw new TypeError('target must be a URL');
  for (const [name, call] of Object.entries(Reflect.get(given, 'on') ?? {})) {
    if (call === undefined) continue;
    if (!EVENTS.includes(name)) throw new TypeError(`on.${name} is not supported: ${EVENTS_INSTEAD}`);
    if (typeof call !== 'function') throw new TypeError(`on.${name} must be a function`);
  }
  for (const [name, value] of Object.entries(Reflect.get(given, 'headers') ?? {}))
    set([], `headers.${name}`, value as string); // throws for a value that cannot be sent
  const protocol = Reflect.get(given, 'protocolRewrite') ?? 'http';
  if (!/^https?:?$/.test(protocol)) throw new TypeError(`protocolRewrite must be 'http' or 'https', got ${protocol}`);
}

/** Version 2 also took a path before the options, and the URL of the target in their place. */
function notAnObject(given: unknown): TypeError {
  const must = 'the options must be an object';
  const shown = typeof given === 'function' ? '(pathname, req) => boolean' : inspect(given, { breakLength: Infinity });
  if (typeof given === 'string' && given.includes('://')) return new TypeError(`${must}: { target: ${shown} }`);
  const isFilter = typeof given === 'string' || typeof given === 'function' || Array.isArray(given);
  if (!isFilter) return new TypeError(`${must}, got ${shown}`);
  const now = `{ pathFilter: ${shown}, target: 'http://…' }`;
  return new TypeError(`${must}: the path that came before them in version 2 is an option now, ${now}`);
}

function checkOption(name: string, value: unknown): void {
  const kind = Object.hasOwn(CARRIED, name) ? CARRIED[name as keyof ProxyMiddlewareOptions] : undefined;
  if (kind === undefined) {
    if (value === false && Object.hasOwn(INSTEAD, name)) return; // `false` turns off something that does not exist here
    const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : `known: ${Object.keys(CARRIED).join(', ')}`;
    throw new TypeError(`the option ${name} is not supported: ${instead}`);
  }
  if (kind !== 'any' && (typeof value !== kind || value === null)) {
    throw new TypeError(`${name} must be of type ${kind}, got ${value === null ? 'null' : typeof value}`);
  }
  if (kind === 'number' && !(Number(value) >= 0)) throw new RangeError(`${name} must be at least 0, got ${value}`);
}
