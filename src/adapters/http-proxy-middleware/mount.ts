/** One target with its backend and the handlers of it. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type HandlerOptions, PooledBackend, type RequestHandler, type UpgradeHandler } from 'pooled-backend';
import { set, valuesOf } from './fields.js';
import { locationHook } from './location.js';
import type { ProxyMiddlewareOptions } from './options.js';
import { pathHook, pathRewriter } from './paths.js';
import { ProxyRequest } from './proxy-request.js';
import { ProxyResponse } from './proxy-response.js';
import type { Target } from './target.js';

export interface TargetMount {
  readonly target: string;
  readonly backend: PooledBackend;
  readonly handle: RequestHandler;
  readonly upgrade: UpgradeHandler;
}

/** The response and the socket of a request in progress. */
export interface Ends {
  readonly responses: WeakMap<IncomingMessage, ServerResponse>;
  readonly sockets: WeakMap<IncomingMessage, Duplex>;
}

export function mountTarget(target: Target, options: ProxyMiddlewareOptions, ends: Ends): TargetMount {
  const backend = new PooledBackend(backendOptions(target, options));
  const paths = new WeakMap<IncomingMessage, string>(); // by request; only changed paths
  const shared = sharedOptions(target, options, paths);
  const { proxyReq, proxyReqWs, proxyRes } = options.on ?? {};
  const fieldsHook =
    <T>(event: ((proxyReq: ProxyRequest, req: IncomingMessage, end: T) => void) | undefined, end: WeakMap<object, T>) =>
    (fields: string[], req: IncomingMessage) => {
      addFields(fields, options);
      const other = end.get(req);
      if (event === undefined || other === undefined) return undefined;
      const { method = '', url = '', headers } = req;
      const given = headers[':authority']?.toString() ?? headers.host;
      const host = (options.changeOrigin === true ? undefined : given) ?? target.host;
      return promised(event(new ProxyRequest(method, paths.get(req) ?? url, host, fields), req, other));
    };
  return {
    target: target.origin,
    backend,
    handle: backend.handler({
      ...shared,
      onRequestFields: fieldsHook(proxyReq, ends.responses),
      onResponseFields:
        proxyRes &&
        ((fields, req, { statusCode, statusText }) => {
          const res = ends.responses.get(req);
          if (res === undefined) return undefined;
          const response = new ProxyResponse(statusCode, statusText, fields);
          const kept = promised(proxyRes(response, req, res));
          return kept === undefined ? response.changed() : kept.then(() => response.changed());
        }),
    }),
    upgrade: backend.upgradeHandler({ ...shared, onRequestFields: fieldsHook(proxyReqWs, ends.sockets) }),
  };
}

function backendOptions(target: Target, { secure = true, localAddress, logger, backend = {} }: ProxyMiddlewareOptions) {
  return {
    ...(logger !== undefined && { logger: withoutDebug(logger) }),
    ...backend,
    origins: [{ url: target.origin, socketPath: target.socketPath }],
    connect: { ...(localAddress !== undefined && { localAddress }), ...backend.connect },
    tls: { ...(!secure && { rejectUnauthorized: false }), ...target.tls, ...backend.tls },
  } as ConstructorParameters<typeof PooledBackend>[0];
}

/** No log line is built for `debug`, and for the levels that the logger does not write. */
function withoutDebug(logger: NonNullable<ProxyMiddlewareOptions['logger']>) {
  const { info, warn, error, isLevelEnabled } = logger;
  return {
    ...{ debug: ignore, info: info?.bind(logger), warn: warn?.bind(logger), error: error?.bind(logger) },
    isLevelEnabled: (level: 'debug' | 'info' | 'warn' | 'error') =>
      level !== 'debug' && (isLevelEnabled?.call(logger, level) ?? true),
  };
}

function sharedOptions(
  target: Target,
  options: ProxyMiddlewareOptions,
  paths: WeakMap<IncomingMessage, string>,
): HandlerOptions {
  const { prependPath = true, ignorePath = false, timeout, proxyTimeout } = options;
  const hook = pathHook(pathRewriter(options.pathRewrite), prependPath ? target.path : '', ignorePath);
  const silence = limit(proxyTimeout);
  return {
    host: options.changeOrigin === true ? 'origin' : 'preserve',
    forwarded: options.xfwd === true ? 'x-forwarded' : false,
    trustProxy: options.trustProxy,
    rewritePath:
      hook &&
      (async (path, req) => {
        const moved = await hook(path, req);
        paths.set(req, moved);
        return moved;
      }),
    rewriteLocation: locationHook(options, target.host),
    cookieDomainRewrite: options.cookieDomainRewrite,
    cookiePathRewrite: options.cookiePathRewrite,
    clientTimeout: limit(timeout),
    sendTimeout: silence,
    headersTimeout: silence,
    bodyTimeout: silence,
  };
}

/** In http-proxy, 0 means no limit. */
function limit(ms: number | undefined): number | undefined {
  return ms === 0 ? Number.POSITIVE_INFINITY : ms;
}

function addFields(fields: string[], { headers = {}, auth, changeOrigin = false }: ProxyMiddlewareOptions): void {
  for (const [name, value] of Object.entries(headers)) {
    // As in http-proxy, `changeOrigin` has the last word on Host.
    if (!(changeOrigin && /^host$/i.test(name))) set(fields, name, value);
  }
  if (auth !== undefined && valuesOf(fields, 'Authorization').length === 0)
    fields.push('Authorization', `Basic ${Buffer.from(auth).toString('base64')}`);
}

/** Waits for an asynchronous listener: otherwise its rejection would be unhandled and end the process. */
function promised(given: unknown): Promise<undefined> | undefined {
  return given instanceof Promise ? given.then(ignore) : undefined;
}

function ignore(): undefined {}
