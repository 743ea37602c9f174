/** Every option of a backend: type, meaning, unit, default and bound; and the door to what makes them known. */

import type { BalanceOption } from './balance/balancers.js';
import type { NonIdempotentTravel } from './dispatch/request.js';
import type { SharedConnections } from './options/connections.js';
import type { DnsOptions, OriginsOption } from './options/discovery.js';
import type { AdaptiveConcurrencyOptions, CheckOptions, EjectionOptions } from './options/health.js';
import type { IdempotentOption } from './options/hooks.js';
import type { Logger } from './options/logger.js';
import type { ConnectOptions, RetryBudgetOptions, RetryCondition, SubsetOptions, TlsOptions } from './options/parts.js';
import type { StickyOptions } from './options/sticky.js';

export type { ClusterTotal, SharedConnections } from './options/connections.js';
export type {
  DnsOptions,
  FindOrigins,
  OriginSet,
  OriginsCall,
  OriginsOption,
  ResolvedDns,
} from './options/discovery.js';
export {
  type ForwardedStyle,
  type HandlerOptions,
  handlerOptionsOf,
  handlerOptionTable,
  type ResolvedHandlerOptions,
  resolveHandlerOptions,
} from './options/handler.js';
export {
  type AdaptiveConcurrencyOptions,
  type CheckAnswer,
  type CheckOptions,
  type EjectionOptions,
  type OutlierOptions,
  type ResolvedAdaptiveConcurrency,
  type ResolvedCheck,
  type ResolvedEjection,
  type ResolvedOutliers,
  refuseCheckOf,
} from './options/health.js';
export type * from './options/hooks.js';
export type { Logger } from './options/logger.js';
export {
  type ConnectionLimits,
  isUrl,
  type OriginOptions,
  type ResolvedOrigin,
  resolveOrigin,
  resolveOrigins,
} from './options/origins.js';
export type * from './options/parts.js';
export { copyOptions, type ResolvedOptions, resolveOptions } from './options/resolved.js';
export type { CookieRewrite, LocationHook } from './options/rewrites.js';
export type { OptionRow } from './options/row.js';
export type { ResolvedSticky, StickyOptions } from './options/sticky.js';
export { optionTable } from './options/table.js';
export { changeable, changedOptions, following, type OptionChanges } from './options/update.js';
export {
  type ResolvedUpgradeOptions,
  resolveUpgradeOptions,
  type UpgradeHandlerOptions,
  upgradeOptionsOf,
  upgradeOptionTable,
} from './options/upgrade.js';

/** Options of a `PooledBackend`. An option that is `undefined` takes its default. */
export interface PooledBackendOptions {
  /**
   * The servers: URLs (`http://host:port`, `https:` too; strings or `URL`) or objects, at least one. Or what finds them at run time: a function
   * that gives a list or a promise of one, called each `originsInterval`, or an async iterable of lists. Required, unless
   * there is `dns`.
   */
  readonly origins?: OriginsOption | undefined;
  /** Milliseconds between two calls of the function `origins`; sooner after it has failed. @default 30000 */
  readonly originsInterval?: number | undefined;
  /** Finds the origins in DNS, in the place of `origins`. @default none */
  readonly dns?: DnsOptions | undefined;
  /** Uses only some of the origins: the ones that rank highest for this process. @default all */
  readonly subset?: SubsetOptions | undefined;
  /** Hard cap of sockets per origin, dialling ones included: an integer from 1 to 65535, or of many processes. @default 100 */
  readonly maxConnections?: number | SharedConnections | undefined;
  /** Connections kept open per origin: an integer from 0 to `maxConnections`. @default 0 */
  readonly minConnections?: number | undefined;
  /**
   * Where a request that is not idempotent may travel: `'fresh'` on a connection that never carried a request,
   * `'verified'` also on a reused one that is proven, young and checked, `'any'` on any that passes the check.
   *
   * @default 'fresh'
   */
  readonly nonIdempotent?: NonIdempotentTravel | undefined;
  /** Slots per origin that fresh requests may hold at once: an integer from 1 to `maxConnections`. @default `maxConnections` */
  readonly maxFreshConnections?: number | undefined;
  /**
   * Never-used connections per origin, dialled ahead of need while `'fresh'` traffic is being seen: an integer from 1 to
   * 65535, never more than there are free slots; `false` for none.
   *
   * @default 4
   */
  readonly spareConnections?: number | false | undefined;
  /** Says of a request whether it is idempotent (RFC 9110 §9.2.2), whatever its method. @default by method */
  readonly idempotent?: IdempotentOption | undefined;
  /**
   * `'honoured'` declares that the origins de-duplicate by the Idempotency-Key field: such a request counts as
   * idempotent when its body can be sent again.
   *
   * @default false
   */
  readonly idempotencyKey?: false | 'honoured' | undefined;
  /** Requests that may wait for a connection: an integer from 0 (none waits), or `Infinity`. Then 503. @default 10000 */
  readonly maxQueue?: number | undefined;
  /** Milliseconds that a request may wait for a connection, or `Infinity`. Then 503 with Retry-After. @default 5000 */
  readonly queueTimeout?: number | undefined;
  /** Dials to one origin that may be under way at once: an integer from 1, or `Infinity`. @default Infinity */
  readonly maxDialling?: number | undefined;
  /** Milliseconds for one dial, TCP and TLS together, or `Infinity`. @default 5000 */
  readonly connectTimeout?: number | undefined;
  /** Milliseconds that an origin may take no byte of the request, or `Infinity`. Then 504. @default 60000 */
  readonly sendTimeout?: number | undefined;
  /** Milliseconds from the request fully sent to the final response head, or `Infinity`. Then 504. @default 60000 */
  readonly headersTimeout?: number | undefined;
  /**
   * Milliseconds of silence between two pieces of a response body, or `Infinity`. Stands still while the library itself
   * pauses the origin; not applied to `text/event-stream`.
   *
   * @default 60000
   */
  readonly bodyTimeout?: number | undefined;
  /**
   * Milliseconds that a client which holds a connection may neither take nor give a byte, or `Infinity`. Then both ends
   * are destroyed.
   *
   * @default 60000
   */
  readonly clientTimeout?: number | undefined;
  /** Milliseconds for the whole request, waits and retries included, or `Infinity`. Then 504. @default Infinity */
  readonly requestTimeout?: number | undefined;
  /**
   * Milliseconds that a connection may be idle and still be reused, or `Infinity`. Lowered by the server's Keep-Alive
   * field and by what was learned of the server.
   *
   * @default 60000
   */
  readonly keepAliveTimeout?: number | undefined;
  /** Exchanges after which a connection is retired: an integer from 1, or `Infinity`. @default Infinity */
  readonly maxRequestsPerConnection?: number | undefined;
  /** Milliseconds after which a connection is retired, shortened at random, or `Infinity`. @default Infinity */
  readonly maxConnectionAge?: number | undefined;
  /** Exchanges begun for one request: an integer from 1 to 100. At most one follows an ambiguous end. @default 3 */
  readonly maxAttempts?: number | undefined;
  /** What else may be retried, for idempotent requests. @default [] */
  readonly retryOn?: readonly RetryCondition[] | undefined;
  /** Limits re-sends to a share of the traffic. @default { ratio: 0.2, minPerSecond: 10 } */
  readonly retryBudget?: RetryBudgetOptions | undefined;
  /** Bytes of a request body kept so that it can be sent again: an integer from 0 to 1073741824. @default 65536 */
  readonly replayBytes?: number | undefined;
  /**
   * A request body up to this is complete before a connection is taken: bytes, an integer from 1 to 1073741824; `false`
   * streams every body.
   *
   * @default 65536
   */
  readonly requestBufferBytes?: number | false | undefined;
  /** Bytes that all bodies so buffered may take together; beyond it they stream. From 0, or `Infinity`. @default 67108864 */
  readonly requestBufferTotalBytes?: number | undefined;
  /** Response bytes read ahead of a slow client: an integer from 0 to 1073741824. @default 262144 */
  readonly spoolBytes?: number | undefined;
  /** Response bytes read ahead of all clients together: an integer from 0, or `Infinity`. @default 67108864 */
  readonly spoolTotalBytes?: number | undefined;
  /** Bytes of a response head, and of the trailers: an integer from 128 to 1048576. @default 16384 */
  readonly maxHeaderBytes?: number | undefined;
  /** How an origin is chosen. @default 'least-busy' */
  readonly balance?: BalanceOption | undefined;
  /**
   * A cookie by which the next requests of a client go to the origin that answered it, while that takes requests; `false` =
   * none. Mounts set and read it; `request()` and `fetch()` do not.
   *
   * @default false
   */
  readonly sticky?: StickyOptions | false | undefined;
  /**
   * When an origin is left out.
   *
   * @default { failures: 5, time: 1000, maxTime: 60000, maxEjected: 0.5, statuses: [], outliers: false }
   */
  readonly ejection?: EjectionOptions | undefined;
  /** Asks each origin again and again whether it is well; `false` = never. @default false */
  readonly check?: CheckOptions | false | undefined;
  /**
   * Milliseconds over which an origin that is back from an ejection, or up again, grows to its whole share; `false` = it has
   * it at once. Not at the start.
   *
   * @default false
   */
  readonly slowStart?: number | false | undefined;
  /** Gives an origin that slows down fewer requests at once; `false` = as many as it has connections. @default false */
  readonly adaptiveConcurrency?: AdaptiveConcurrencyOptions | false | undefined;
  /** How connections are dialled. @default { noDelay: true, keepAliveInitialDelay: 30000 } */
  readonly connect?: ConnectOptions | undefined;
  /** Options for `tls.connect`. SNI is the origin's hostname unless `servername` is given. @default {} */
  readonly tls?: TlsOptions | undefined;
  /** Where the library writes about itself; used as it is. @default none */
  readonly logger?: Logger | undefined;
}
