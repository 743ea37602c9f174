/** Every option of a backend as the owner writes it: type, meaning, unit, default and bound. */

import type { BalanceOption } from '../balance/balancers.js';
import type { AdaptiveConcurrencyOptions } from './adaptive-concurrency.js';
import type { ConnectOptions } from './connect.js';
import type { SharedConnections } from './connections.js';
import type { DnsOptions, OriginsOption } from './discovery.js';
import type { EjectionOptions } from './ejection.js';
import type { CheckOptions } from './health-check.js';
import type { IdempotentOption } from './hooks.js';
import type { Logger } from './logger.js';
import type { NonIdempotentTravel } from './non-idempotent.js';
import type { RetryBudgetOptions, RetryCondition } from './retry.js';
import type { StickyOptions } from './sticky.js';
import type { SubsetOptions } from './subset.js';
import type { TlsOptions } from './tls.js';

/**
 * Options of a `PooledBackend`. Times are in milliseconds, sizes in bytes; `Infinity` means no limit and `false` means
 * off. An option that is absent or `undefined` has its default. An unknown name throws a `TypeError`, a number out of
 * range a `RangeError`.
 */
export interface PooledBackendOptions {
  /**
   * The servers that requests are sent to. Required, unless `dns` is given. One of:
   * - a list with at least one entry: URLs such as `'http://127.0.0.1:9001'` (`http:` or `https:`; string or `URL`) or
   *   `OriginOptions`;
   * - a function that returns such a list or a promise of one, called every `originsInterval`;
   * - an async iterable that yields such lists.
   */
  readonly origins?: OriginsOption | undefined;
  /**
   * Milliseconds between two calls of the function given as `origins`; shorter after a call that failed.
   *
   * @default 30000
   */
  readonly originsInterval?: number | undefined;
  /** Finds the origins in DNS and keeps looking them up. Used instead of `origins`. @default none */
  readonly dns?: DnsOptions | undefined;
  /** Uses only some of the origins: those that rank highest for this process. @default all */
  readonly subset?: SubsetOptions | undefined;
  /**
   * Maximum number of sockets to each origin, counting those being dialled, idle and in use. An integer from 1 to
   * 65535; or `SharedConnections`, a total for several processes. At the limit requests wait in the queue.
   *
   * @default 100
   */
  readonly maxConnections?: number | SharedConnections | undefined;
  /** Number of connections kept open to each origin: an integer from 0 to `maxConnections`. @default 0 */
  readonly minConnections?: number | undefined;
  /**
   * Which connections a request that is not idempotent may use (RFC 9110 §9.2.2: POST and PATCH, for example).
   * - `'fresh'`: only a connection that has never carried a request, so that it cannot meet the origin's idle timeout.
   * - `'verified'`: also a reused connection that has proven to be kept alive, was idle for less than a second and is
   *   still open when checked.
   * - `'any'`: every connection that is still open when checked.
   *
   * @default 'fresh'
   */
  readonly nonIdempotent?: NonIdempotentTravel | undefined;
  /**
   * Maximum number of connections to each origin held at once by requests that need a fresh one: an integer from 1 to
   * `maxConnections`. At the limit those requests wait.
   *
   * @default `maxConnections`
   */
  readonly maxFreshConnections?: number | undefined;
  /**
   * Number of unused connections opened ahead of need to each origin, as long as requests that need a fresh connection
   * keep arriving: an integer from 1 to 65535, limited by the free slots; `false` opens none. An unused one is closed
   * after 5 seconds, or sooner if the origin was seen to close such connections sooner.
   *
   * @default 4
   */
  readonly spareConnections?: number | false | undefined;
  /**
   * Decides whether a request is idempotent (RFC 9110 §9.2.2): `true`, `false`, or `undefined` to go by the method.
   *
   * @default by method
   */
  readonly idempotent?: IdempotentOption | undefined;
  /**
   * `'honoured'` declares that every origin de-duplicates requests by their Idempotency-Key field. A request with that
   * field then counts as idempotent if its body can be sent again.
   *
   * @default false
   */
  readonly idempotencyKey?: false | 'honoured' | undefined;
  /**
   * Maximum number of requests waiting for a connection: an integer from 0 (none may wait), or `Infinity`. At the limit
   * a request gets 503.
   *
   * @default 10000
   */
  readonly maxQueue?: number | undefined;
  /**
   * Milliseconds a request may wait for a connection, over all its attempts, or `Infinity`. Then it gets 503 with
   * Retry-After, or the error of the dial it was waiting for.
   *
   * @default 5000
   */
  readonly queueTimeout?: number | undefined;
  /** Maximum number of dials to one origin at the same time: an integer from 1, or `Infinity`. @default Infinity */
  readonly maxDialling?: number | undefined;
  /** Milliseconds one dial may take, TCP and TLS together, or `Infinity`. @default 5000 */
  readonly connectTimeout?: number | undefined;
  /** Milliseconds an origin may go without accepting a byte of the request, or `Infinity`. Then 504. @default 60000 */
  readonly sendTimeout?: number | undefined;
  /** Milliseconds from the end of the request to the final response head, or `Infinity`. Then 504. @default 60000 */
  readonly headersTimeout?: number | undefined;
  /**
   * Milliseconds an origin may be silent inside a response body, or `Infinity`. Then the response is cut off. Does not
   * run while the library itself has paused the origin, nor for `text/event-stream`.
   *
   * @default 60000
   */
  readonly bodyTimeout?: number | undefined;
  /**
   * Milliseconds a client that occupies a connection may go without sending or accepting a byte, or `Infinity`. Then
   * both connections are destroyed. Waiting for the response does not count.
   *
   * @default 60000
   */
  readonly clientTimeout?: number | undefined;
  /** Milliseconds for the whole request, including waits and retries, or `Infinity`. Then 504. @default Infinity */
  readonly requestTimeout?: number | undefined;
  /**
   * Milliseconds a connection may be idle and still be reused, or `Infinity`. Lowered automatically to what the origin
   * announces in its Keep-Alive field and to the idle time after which it was seen to close.
   *
   * @default 60000
   */
  readonly keepAliveTimeout?: number | undefined;
  /** Number of exchanges after which a connection is closed: an integer from 1, or `Infinity`. @default Infinity */
  readonly maxRequestsPerConnection?: number | undefined;
  /**
   * Milliseconds after which a connection is closed, or `Infinity`; one in use is closed after its exchange. Shortened
   * at random by up to a tenth, so that connections opened together do not close together.
   *
   * @default Infinity
   */
  readonly maxConnectionAge?: number | undefined;
  /**
   * Maximum number of times one request is sent: an integer from 1 to 100; 1 turns retries off. At most one
   * of them is sent because the outcome of another is unknown.
   *
   * @default 3
   */
  readonly maxAttempts?: number | undefined;
  /** Further reasons to retry a request, for idempotent requests only. @default [] */
  readonly retryOn?: readonly RetryCondition[] | undefined;
  /** Limits retries to a share of the traffic. @default { ratio: 0.2, minPerSecond: 10 } */
  readonly retryBudget?: RetryBudgetOptions | undefined;
  /**
   * Bytes of a streamed request body kept in memory so that it can be sent again: an integer from 0 to 1073741824. A
   * longer body is sent only once.
   *
   * @default 65536
   */
  readonly replayBytes?: number | undefined;
  /**
   * Request bodies up to this many bytes are read completely before a connection is taken, so that a slow client does
   * not occupy one. An integer from 1 to 1073741824; longer bodies are streamed. `false` streams every body.
   *
   * @default 65536
   */
  readonly requestBufferBytes?: number | false | undefined;
  /**
   * Bytes all buffered request bodies may take together: an integer from 0, or `Infinity`. Beyond it bodies are
   * streamed.
   *
   * @default 67108864
   */
  readonly requestBufferTotalBytes?: number | undefined;
  /**
   * Bytes of one response read ahead of a slow client: an integer from 0 to 1073741824. Beyond it the origin is paused.
   *
   * @default 262144
   */
  readonly spoolBytes?: number | undefined;
  /** Bytes read ahead of all slow clients together: an integer from 0, or `Infinity`. @default 67108864 */
  readonly spoolTotalBytes?: number | undefined;
  /**
   * Maximum size of a response head in bytes, and of its trailers: an integer from 128 to 1048576. Then 502.
   *
   * @default 16384
   */
  readonly maxHeaderBytes?: number | undefined;
  /**
   * How an origin is chosen for a request.
   * - `'least-busy'`: the fewest connections in use or being opened, by weight; equals take turns.
   * - `'round-robin'`: each in turn, by weight.
   * - `'two-choices'`: the less busy of two chosen at random.
   * - `'first'`: the first one with room, in the order of `origins`.
   * - `HashOptions`: the same origin for the same key.
   * - `Balancer`: your own.
   *
   * @default 'least-busy'
   */
  readonly balance?: BalanceOption | undefined;
  /**
   * Keeps a client on the origin that answered its first request, by means of a cookie, as long as that origin takes
   * requests. `handler()` and `upgradeHandler()` set and read it; `request()` and `fetch()` do not. `false` turns it
   * off.
   *
   * @default false
   */
  readonly sticky?: StickyOptions | false | undefined;
  /**
   * When an origin gets no requests for a while because requests to it fail (passive health).
   *
   * @default { failures: 5, time: 1000, maxTime: 60000, maxEjected: 0.5, statuses: [], outliers: false }
   */
  readonly ejection?: EjectionOptions | undefined;
  /** Checks every origin at regular intervals (active health); `false` turns it off. @default false */
  readonly check?: CheckOptions | false | undefined;
  /**
   * Milliseconds over which the share of an origin grows from a tenth to the whole when it is back from an ejection or
   * its checks pass again. `false` gives it the whole share at once. Not applied when the process starts.
   *
   * @default false
   */
  readonly slowStart?: number | false | undefined;
  /**
   * Reduces the number of concurrent requests to an origin that becomes slower than usual; `false` turns it off.
   *
   * @default false
   */
  readonly adaptiveConcurrency?: AdaptiveConcurrencyOptions | false | undefined;
  /** How connections are dialled. @default { noDelay: true, keepAliveInitialDelay: 30000 } */
  readonly connect?: ConnectOptions | undefined;
  /**
   * Options for `tls.connect`. The server name (SNI) is the origin's host name unless `servername` is given.
   *
   * @default {}
   */
  readonly tls?: TlsOptions | undefined;
  /**
   * Receives every event as a log line, for example `console` or a pino logger. Never copied or frozen.
   *
   * @default none
   */
  readonly logger?: Logger | undefined;
}
