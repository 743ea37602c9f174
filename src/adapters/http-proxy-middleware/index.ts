/** `pooled-backend/http-proxy-middleware`: `createProxyMiddleware()` as users of http-proxy-middleware know it, over a pool. */

export { createProxyMiddleware, type ProxyMiddleware } from './middleware.js';
export type { ProxyEvents, ProxyMiddlewareOptions, ProxyTarget, RouterTable, TlsName } from './options.js';
export type { PathFilter, PathRewrite } from './paths.js';
export type { ProxyRequest } from './proxy-request.js';
export type { ProxyResponse } from './proxy-response.js';
