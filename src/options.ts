/** The options of a backend, of its mounts and of its tunnels. Other rooms import most of `options/` from here. */

export type { AdaptiveConcurrencyOptions, ResolvedAdaptiveConcurrency } from './options/adaptive-concurrency.js';
export type { PooledBackendOptions } from './options/backend.js';
export type { ConnectOptions, ResolvedConnect } from './options/connect.js';
export type { ClusterTotal, SharedConnections } from './options/connections.js';
export type {
  DnsOptions,
  FindOrigins,
  OriginSet,
  OriginsCall,
  OriginsOption,
  ResolvedDns,
} from './options/discovery.js';
export type { EjectionOptions, OutlierOptions, ResolvedEjection, ResolvedOutliers } from './options/ejection.js';
export {
  type ForwardedStyle,
  type HandlerOptions,
  handlerOptionsOf,
  handlerOptionTable,
  type ResolvedHandlerOptions,
} from './options/handler.js';
export {
  type CheckAnswer,
  type CheckOptions,
  type ResolvedCheck,
  refuseCheckOf,
  type StatusRange,
} from './options/health-check.js';
export type * from './options/hooks.js';
export type { Logger } from './options/logger.js';
export type { NonIdempotentTravel } from './options/non-idempotent.js';
export {
  type ConnectionLimits,
  type OriginOptions,
  ownOrigin,
  type ResolvedOrigin,
  resolveEach,
  resolveOrigin,
  resolveOrigins,
} from './options/origins.js';
export { completeOptions, mountOptions, readOptions, resolveOptions } from './options/reading.js';
export { type GivenTimeouts, type RequestTimeouts, timeoutsOf } from './options/request-timeouts.js';
export type { ResolvedOptions } from './options/resolved.js';
export type { ResolvedRetryBudget, RetryBudgetOptions, RetryCondition } from './options/retry.js';
export type { CookieRewrite, LocationHook } from './options/rewrites.js';
export type { OptionRow } from './options/row.js';
export type { ResolvedSticky, StickyOptions } from './options/sticky.js';
export type { SubsetOptions } from './options/subset.js';
export { type OptionSection, optionRules, optionTable } from './options/table.js';
export type { TlsOptions } from './options/tls.js';
export { upgradeOptionTable } from './options/tunnel.js';
export { changedOptions, following, type LiveOptions, type OptionChanges } from './options/update.js';
export {
  type ResolvedUpgradeOptions,
  type UpgradeHandlerOptions,
  upgradeOptionsOf,
} from './options/upgrade.js';
