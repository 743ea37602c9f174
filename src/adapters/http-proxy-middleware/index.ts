/**
 * `pooled-backend/http-proxy-middleware`: `createProxyMiddleware()` with the options of http-proxy-middleware, over a
 * pool.
 */

export { createProxyMiddleware, type ProxyMiddleware } from './middleware.js';
export type { ProxyEvents, ProxyMiddlewareOptions, ProxyTarget, RouterTable, TlsName } from './options.js';
export type { PathFilter, PathRewrite } from './paths.js';
export type { ProxyRequest } from './proxy-request.js';
export type { ProxyResponse } from './proxy-response.js';
