/** The public surface. */

export { type CloseOptions, PooledBackend } from './backend.js';
export type { BalancedRequest, Balancer, Candidate } from './balance/balancer.js';
export type { BalanceOption } from './balance/balancers.js';
export type { HashOptions } from './balance/hash.js';
export type { HashKey } from './balance/hash-key.js';
export {
  type Attempt,
  BackendError,
  type Delivery,
  type ErrorCode,
  type OriginCounts,
  type Phase,
  type Progress,
} from './errors.js';
export type { BackendOrigins } from './fleet/backend-origins.js';
export type { DiscoveryStats } from './fleet/discovery.js';
export type { Machine } from './machine.js';
export type { BackendFetchInit } from './mount/fetch-input.js';
export type { RequestHandler } from './mount/handler.js';
export type { BackendRequestOptions, BackendResponse } from './mount/request.js';
export type { UpgradeHandler } from './mount/upgrade.js';
export type { BackendEvents } from './observe.js';
export type {
  DnsOptions,
  FindOrigins,
  HandlerOptions,
  Logger,
  OriginOptions,
  OriginSet,
  OriginsCall,
  OriginsOption,
  PooledBackendOptions,
  SharedConnections,
  SubsetOptions,
  UpgradeHandlerOptions,
} from './options.js';
export type { ConnectionState, ConnectionStats } from './origin/connection-stats.js';
export type { BackendStats, OriginConnections, OriginStats } from './stats.js';
export type { StatusHandler } from './status/status-handler.js';
export type { StatusHandlerOptions } from './status/status-options.js';
