/** The options of http-proxy-middleware that are carried, and what to use in the place of those that are not. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { BackendError, HandlerOptions, PooledBackendOptions } from 'pooled-backend';
import type { PathFilter, PathRewrite } from './paths.js';
import type { ProxyRequest } from './proxy-request.js';
import type { ProxyResponse } from './proxy-response.js';

type TlsOptions = NonNullable<PooledBackendOptions['tls']>;

/** A URL, with the path that goes in front of each request's; or its parts, with what TLS needs. */
export type ProxyTarget =
  | string
  | URL
  | ({
      /** `'http:'` or `'https:'`. @default 'http:' */
      readonly protocol?: string | undefined;
      /** Name or address of the server. @default `host` */
      readonly hostname?: string | undefined;
      /** The same, where there is no `hostname`. @default 'localhost' */
      readonly host?: string | undefined;
      /** From 1 to 65535. @default that of the protocol, 80 or 443 */
      readonly port?: number | string | undefined;
      /** Goes in front of the path of each request. @default `pathname` */
      readonly path?: string | undefined;
      /** The same, where there is no `path`. @default '' */
      readonly pathname?: string | undefined;
      /** Path of a unix socket, which is dialled in the place of host and port. @default none */
      readonly socketPath?: string | undefined;
    } & Partial<Pick<TlsOptions, TlsName>>);

/** What of TLS a target may carry. */
export type TlsName = 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'ciphers';

/** Targets by host, `'/path'`, or host and path; the first that fits the request is taken. */
export type RouterTable = Readonly<Record<string, ProxyTarget>>;

/** Calls on the way. What they throw is the request's failure. */
export interface ProxyEvents<Req = IncomingMessage, Res = ServerResponse> {
  /** Before a request is sent: its fields are yours to change. @default none */
  readonly proxyReq?: ((proxyReq: ProxyRequest, req: Req, res: Res) => void) | undefined;
  /** The same before an upgrade is sent. @default none */
  readonly proxyReqWs?: ((proxyReq: ProxyRequest, req: Req, socket: Duplex) => void) | undefined;
  /** Before a response goes to the client: its fields are yours to change. @default none */
  readonly proxyRes?: ((proxyRes: ProxyResponse, req: Req, res: Res) => void) | undefined;
  /**
   * Instead of the answer 502, 503 or 504: the response is yours to end. Upgrades that fail are answered all the same.
   *
   * @default none
   */
  readonly error?: ((error: BackendError, req: Req, res: Res, target: string) => void) | undefined;
}

/**
 * Options of http-proxy-middleware 3, and two of this library: `backend` and `trustProxy`. `Req` and `Res` are those of the
 * framework, as its functions are to see them.
 */
export interface ProxyMiddlewareOptions<Req = IncomingMessage, Res = ServerResponse> {
  /** Where requests go that the router has no target for. */
  readonly target: ProxyTarget;
  /** Other targets, each with a backend of its own. @default none */
  readonly router?: RouterTable | undefined;
  /** Sends the Host field of the target instead of the client's. @default false */
  readonly changeOrigin?: boolean | undefined;
  /** Replaces what the first expression that fits the path finds in it; or gives the path. @default none */
  readonly pathRewrite?: PathRewrite<Req> | undefined;
  /** Requests for other paths go to `next`: beginnings of paths, or a function. @default '/' */
  readonly pathFilter?: PathFilter<Req> | undefined;
  /** Puts the path of the target in front of that of the request. @default true */
  readonly prependPath?: boolean | undefined;
  /** Sends the path of the target alone. @default false */
  readonly ignorePath?: boolean | undefined;
  /** Calls on the way. @default none */
  readonly on?: ProxyEvents<Req, Res> | undefined;
  /** Sends X-Forwarded-For, -Proto, -Host and -Port. @default false */
  readonly xfwd?: boolean | undefined;
  /** Listens for 'upgrade' on the server of the first request. Better: `server.on('upgrade', middleware.upgrade)`. @default false */
  readonly ws?: boolean | undefined;
  /** `false` accepts any certificate. @default true */
  readonly secure?: boolean | undefined;
  /** Request fields to set. @default none */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** `user:password`, for requests without a field Authorization. @default none */
  readonly auth?: string | undefined;
  /** Milliseconds that a client may neither take nor give what there is; 0 is no limit. @default `clientTimeout` of the backend */
  readonly timeout?: number | undefined;
  /** Milliseconds that the target may be silent; 0 is no limit. @default `sendTimeout`, `headersTimeout` and `bodyTimeout` of the backend */
  readonly proxyTimeout?: number | undefined;
  /** Rewrites the Domain of cookies, as the option of `handler()`. @default false */
  readonly cookieDomainRewrite?: HandlerOptions['cookieDomainRewrite'];
  /** Rewrites the Path of cookies, as the option of `handler()`. @default false */
  readonly cookiePathRewrite?: HandlerOptions['cookiePathRewrite'];
  /** In Location and the like, the target's host becomes the one that the client asked for. @default false */
  readonly autoRewrite?: boolean | undefined;
  /** The same with this host. @default none */
  readonly hostRewrite?: string | undefined;
  /** `'http'` or `'https'`, in the same places. @default none */
  readonly protocolRewrite?: string | undefined;
  /** Address of this machine to dial from. @default the system's choice */
  readonly localAddress?: string | undefined;
  /** Hears of what the backends do, but for its details. @default none */
  readonly logger?: Pick<Console, 'info' | 'warn' | 'error'> | undefined;
  /** Field names keep their case, whatever this says. @default true */
  readonly preserveHeaderKeyCase?: boolean | undefined;
  /** Options of each backend, but for `origins`. @default {} */
  readonly backend?: Omit<PooledBackendOptions, 'origins'> | undefined;
  /** Whose forwarding fields are believed, as the option of `handler()`. @default false */
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

/** What to use in the place of an option that is not carried. */
const INSTEAD: Readonly<Record<string, string>> = {
  agent: 'the backend is the pool: backend: { maxConnections, keepAliveTimeout }',
  buffer: 'a body of your own is sent by request() of a PooledBackend',
  ejectPlugins: 'there are no plugins to leave out',
  followRedirects: "redirects are the client's; fetch() of a PooledBackend follows them",
  forward: 'a copy of a request is sent by request() of a PooledBackend',
  method: 'a request of another method is sent by request() of a PooledBackend',
  plugins: 'use on, and the events of middleware.backends',
  selfHandleResponse: 'bodies are not rewritten; answer from request() or fetch() of a PooledBackend',
  ssl: 'name ca, cert and key in target, or in backend: { tls }',
  toProxy: 'requests are sent with a path, not with a URL',
  context: 'use pathFilter',
  logLevel: 'use logger',
  logProvider: 'use logger',
  onError: 'use on: { error }',
  onProxyReq: 'use on: { proxyReq }',
  onProxyReqWs: 'use on: { proxyReqWs }',
  onProxyRes: 'use on: { proxyRes }',
};

const EVENTS_INSTEAD = 'use the events of middleware.backends';

/** @throws TypeError for an option that is not carried, saying what to use instead, and for one of another kind */
export function checkOptions(given: unknown): asserts given is ProxyMiddlewareOptions {
  if (typeof given !== 'object' || given === null) throw new TypeError('the options must be an object');
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) checkOption(name, value);
  }
  if (Reflect.get(given, 'target') === undefined) throw new TypeError('target must be a URL');
  for (const [name, call] of Object.entries(Reflect.get(given, 'on') ?? {})) {
    if (call === undefined) continue;
    if (!EVENTS.includes(name)) throw new TypeError(`on.${name} is not carried: ${EVENTS_INSTEAD}`);
    if (typeof call !== 'function') throw new TypeError(`on.${name} must be a function`);
  }
  const protocol = Reflect.get(given, 'protocolRewrite') ?? 'http';
  if (!/^https?:?$/.test(protocol)) throw new TypeError(`protocolRewrite must be 'http' or 'https', got ${protocol}`);
}

function checkOption(name: string, value: unknown): void {
  const kind = Object.hasOwn(CARRIED, name) ? CARRIED[name as keyof ProxyMiddlewareOptions] : undefined;
  if (kind === undefined) {
    if (value === false && Object.hasOwn(INSTEAD, name)) return; // off, as it is here
    const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : `there are ${Object.keys(CARRIED).join(', ')}`;
    throw new TypeError(`the option ${name} is not carried: ${instead}`);
  }
  if (kind !== 'any' && (typeof value !== kind || value === null)) {
    throw new TypeError(`${name} must be of type ${kind}, got ${value === null ? 'null' : typeof value}`);
  }
  if (kind === 'number' && !(Number(value) >= 0)) throw new RangeError(`${name} must be at least 0, got ${value}`);
}
