/** The public surface. */

export { PooledBackend } from './backend.js';
export type { Balancer, Candidate, RequestFacts } from './balance/balancer.js';
export type { BalanceOption } from './balance/balancers.js';
export type { HashOptions } from './balance/hash.js';
export type { HashKey } from './balance/hash-key.js';
export type { BackendFetchInit } from './call/fetch/fetch-input.js';
export type { BackendRequestOptions, BackendResponse, ResponseFields } from './call/request.js';
export type { RequestBodyInit } from './call/request-body.js';
export type { FieldValue, RequestFieldsInit } from './call/request-fields.js';
export type { ResponseBody } from './call/response-body.js';
export type { ClosableServer } from './client/accepted-connections.js';
export { type Closable, closeServer } from './close-server.js';
export type { Liveness } from './connection/liveness.js';
export type { OpenSocket } from './connection/open-socket.js';
export type { Connecting, Destination, Transport } from './connection/transport.js';
export type { WaitQueueStats } from './dispatch/queue/wait-queue.js';
export {
  type Attempt,
  BackendError,
  type BackendErrorDetails,
  type Delivery,
  type ErrorCode,
  type OriginCounts,
  type Phase,
  type Progress,
} from './errors.js';
export type { BackendOrigins } from './fleet/backend-origins.js';
export type { DiscoveryStats } from './fleet/discovery.js';
export type { Machine } from './machine.js';
export type { RequestHandler } from './mount/handler.js';
export type { Next } from './mount/mounted-backend.js';
export type { UpgradeHandler } from './mount/upgrade/upgrade.js';
export type {
  AttemptEndNews,
  AttemptNews,
  BackendEvents,
  CheckEvent,
  FoundEvent,
  OriginEvent,
  RequestCosts,
  RequestNews,
} from './observe/events.js';
export type {
  CheckResult,
  CloseReason,
  DownReason,
  EjectionReason,
  RefusalReason,
  ResendReason,
} from './observe/reasons.js';
export type { CloseOptions, CloseServerOptions } from './options/close.js';
export type {
  AdaptiveConcurrencyOptions,
  CheckAnswer,
  CheckOptions,
  ClusterTotal,
  ConnectOptions,
  CookieRewrite,
  DnsOptions,
  EjectionOptions,
  FieldsHook,
  FindOrigins,
  ForwardedStyle,
  HandlerOptions,
  IdempotentOption,
  Information,
  InformationHook,
  LocationHook,
  Logger,
  NonIdempotentTravel,
  OptionChanges,
  OriginOptions,
  OriginSet,
  OriginsCall,
  OriginsOption,
  OutlierOptions,
  PathHook,
  PooledBackendOptions,
  RequestTimeouts,
  ResolvedAdaptiveConcurrency,
  ResolvedCheck,
  ResolvedConnect,
  ResolvedDns,
  ResolvedEjection,
  ResolvedOptions,
  ResolvedOrigin,
  ResolvedOutliers,
  ResolvedRetryBudget,
  ResolvedSticky,
  ResponseFieldsHook,
  ResponseStatus,
  RetryBudgetOptions,
  RetryCondition,
  SharedConnections,
  StatusRange,
  StickyOptions,
  SubsetOptions,
  TlsOptions,
  UpgradeHandlerOptions,
} from './options.js';
export type { ConnectionState, ConnectionStats } from './origin/connection-stats.js';
export type { GradientSnapshot } from './origin/gradient-limit.js';
export type { CheckStats, LastCheck } from './origin/health/active-check.js';
export type { IdleLimitSnapshot } from './origin/idle-limit.js';
export type { BackendStats, OriginConnections, OriginStats } from './stats.js';
export type { StatusAuthorise } from './status/status-actions.js';
export type { StatusHandler } from './status/status-handler.js';
export type { StatusHandlerOptions } from './status/status-options.js';
export type { Clock, Timer } from './time/clock.js';
