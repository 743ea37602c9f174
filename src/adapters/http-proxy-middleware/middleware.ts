/** `createProxyMiddleware()`: a middleware over a backend for each target. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { CloseOptions, PooledBackend } from 'pooled-backend';
import { type Ends, mountTarget, type TargetMount } from './mount.js';
import { checkOptions, type ProxyMiddlewareOptions, type ProxyTarget } from './options.js';
import { pathMatcher } from './paths.js';
import { routed } from './router.js';
import { readTarget } from './target.js';

/** Express and Connect middleware, and a request listener for node:http. */
export interface ProxyMiddleware {
  (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void;
  /** A listener for the server's `upgrade` event. Ignores requests that do not match `pathFilter`. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** The backends, one for each target; that of `target` comes first. */
  readonly backends: readonly PooledBackend[];
  /** Closes the backends: finishes the requests in progress, within `timeout`. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Creates a middleware that takes the options of http-proxy-middleware 3, over a pool of connections.
 *
 * @throws TypeError or RangeError for invalid options, and for options of http-proxy-middleware that are not supported;
 *   the message says what to use instead
 *
 * @example
 * ```ts
 * app.use('/api', createProxyMiddleware({ target: 'http://127.0.0.1:9001', changeOrigin: true }));
 * ```
 */
export function createProxyMiddleware<
  Req extends IncomingMessage = IncomingMessage,
  Res extends ServerResponse = ServerResponse,
>(options: ProxyMiddlewareOptions<Req, Res>): ProxyMiddleware;
export function createProxyMiddleware(options: ProxyMiddlewareOptions): ProxyMiddleware {
  checkOptions(options);
  const matches = pathMatcher(options.pathFilter);
  const ends: Ends = { responses: new WeakMap(), sockets: new WeakMap() };
  const [main, table] = mounts(options, ends);
  const mountOf = (req: IncomingMessage) => routed(table, req) ?? main;
  const listening = new WeakSet<object>(); // servers on which `ws` listens
  const onError = options.on?.error;

  /** As in http-proxy-middleware, a filter that throws matches no request. */
  function isOurs(req: IncomingMessage): boolean {
    try {
      return matches(req);
    } catch (error) {
      options.logger?.error('pathFilter threw', error);
      return false;
    }
  }

  function upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!isOurs(req)) return;
    ends.sockets.set(req, socket);
    mountOf(req).upgrade(req, socket, head);
  }

  function middleware(req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void {
    if (options.ws === true) listenForUpgrades(req.socket, listening, upgrade);
    if (!isOurs(req)) {
      if (next === undefined) res.writeHead(404).end();
      else next();
      return;
    }
    const { target, handle } = mountOf(req);
    ends.responses.set(req, res);
    if (onError === undefined) handle(req, res);
    else handle(req, res, (error) => onError(error, req, res, target));
  }

  const backends = [...new Set([main, ...table.values()])].map(({ backend }) => backend);
  return Object.assign(middleware, {
    upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      // If the option `ws` has added a listener to this server, that listener handles the upgrade.
      if (!listening.has(serverOf(req.socket))) upgrade(req, socket, head);
    },
    backends,
    close: async (closing?: CloseOptions) => {
      await Promise.all(backends.map((backend) => backend.close(closing)));
    },
  });
}

type Mounts = [main: TargetMount, table: ReadonlyMap<string, TargetMount>];

/** Equal targets share a backend. */
function mounts(options: ProxyMiddlewareOptions, ends: Ends): Mounts {
  const { target, router = {} } = options;
  if (typeof router !== 'object' || router === null) {
    throw new TypeError('router must be a table of targets: instead of a function, choose between several middlewares');
  }
  const known = new Map<ProxyTarget, TargetMount>();
  const mountOnce = (name: string, given: ProxyTarget): TargetMount => {
    const mount = known.get(given) ?? mountTarget(readTarget(name, given), options, ends);
    known.set(given, mount);
    return mount;
  };
  const main = mountOnce('target', target);
  return [main, new Map(Object.entries(router).map(([key, given]) => [key, mountOnce(`router[${key}]`, given)]))];
}

function listenForUpgrades(socket: object, listening: WeakSet<object>, upgrade: ProxyMiddleware['upgrade']): void {
  const server = serverOf(socket);
  const on: unknown = Reflect.get(server, 'on');
  if (listening.has(server) || typeof on !== 'function') return;
  listening.add(server);
  on.call(server, 'upgrade', upgrade);
}

/** The server of a connection; an empty object if nothing is known of it. */
function serverOf(socket: object): object {
  return Object(Reflect.get(socket, 'server'));
}
