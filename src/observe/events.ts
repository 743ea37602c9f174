/** The events of a backend, and what each tells. */

import type { EventEmitter } from 'node:events';
import type { BackendError } from '../errors.js';
import type { CheckResult, CloseReason, DownReason, EjectionReason, ResendReason } from './reasons.js';
import type { AttemptEndNews, AttemptNews, RequestCosts, RequestNews } from './request-news.js';

export type { AttemptEndNews, AttemptNews, RequestCosts, RequestNews };

/** An event about one origin. */
export interface OriginEvent {
  /** Name of the origin, as `scheme://host:port`. */
  readonly origin: string;
}

/** An event about discovered origins. */
export interface FoundEvent {
  /** Names of the origins in use. */
  readonly origins: readonly string[];
}

/** The result of a health check. */
export interface CheckEvent extends OriginEvent {
  /** Kind of check: `http`, `tcp` or `tls`. */
  readonly type: 'http' | 'tcp' | 'tls';
  /** The result in one word, such as `status_200`, `open`, `timeout` or the code of a failed dial. */
  readonly what: CheckResult;
  /** Milliseconds from start to end, including the dial. */
  readonly tookMs: number;
}

/**
 * Events of a `PooledBackend`. Each is also published on the diagnostics channel `pooled-backend:<name>`. Listeners are
 * called synchronously. There is no event `error`, so no listener is required.
 *
 * @example
 * ```ts
 * backend.on('fail', ({ method, path, error }) => console.error(method, path, error.code, error.delivery));
 * ```
 */
export interface BackendEvents {
  /** A connection was opened. */
  connect: [
    event: OriginEvent & {
      /** Open connections to the origin, including this one. */
      readonly open: number;
      /** Milliseconds the dial took, including TLS. */
      readonly durationMs: number;
    },
  ];
  /** A connection was closed. */
  disconnect: [
    event: OriginEvent & {
      /** Why, as in `stats().origins[].closed`. */
      readonly reason: CloseReason;
      /** Exchanges it carried. */
      readonly exchanges: number;
      /** Open connections to the origin that remain. */
      readonly open: number;
    },
  ];
  /** A dial failed. */
  dialFailed: [
    event: OriginEvent & {
      /** Its `cause` is the error of the system, if there is one. */
      readonly error: BackendError;
      /** Milliseconds until the origin may be dialled again. */
      readonly retryInMs: number;
    },
  ];
  /** An origin could be dialled again after failed dials. */
  reachable: [
    event: OriginEvent & {
      /** Failed dials in a row before; concurrent ones count as one. */
      readonly failures: number;
      /** Milliseconds since the first of them failed. */
      readonly afterMs: number;
    },
  ];
  /** An idle connection turned out to be closed when it was needed. */
  stale: [
    event: OriginEvent & {
      /** Number of other idle connections to the same origin that were found closed right after it. */
      readonly swept: number;
    },
  ];
  /** An idle connection received bytes that were not a response to any request. It is closed. */
  poisoned: [
    event: OriginEvent & {
      /** The first 64 of these bytes, as latin1; empty over TLS if the check before a request found them, still encrypted. */
      readonly heard: string;
    },
  ];
  /** A request starts to wait for a connection, the first time or again. */
  wait: [
    event: RequestNews & {
      /** Which connections it may use: `any`, `verified` or `fresh`. */
      readonly travel: 'any' | 'verified' | 'fresh';
      /** Length of the queue, including this request. */
      readonly length: number;
    },
  ];
  /** A connection was assigned to a request, whose head is about to be written. */
  attempt: [event: AttemptNews];
  /** An attempt has ended. Emitted once for each `attempt`. */
  attemptEnd: [event: AttemptEndNews];
  /** A request is sent again. */
  resend: [
    event: RequestNews &
      OriginEvent & {
        /** How the previous attempt ended, as in `stats().origins[].resent`. */
        readonly reason: ResendReason;
      },
  ];
  /** An origin gets no requests for a while, because requests to it failed or were slow. */
  eject: [
    event: OriginEvent & {
      /** An error code, `status_503` and the like, `low_success_rate` or `slow`. */
      readonly reason: EjectionReason;
      /** Milliseconds until it is tried again. */
      readonly forMs: number;
    },
  ];
  /** An ejected origin is tried with one request or one dial. */
  probe: [
    event: OriginEvent & {
      /** Why it was ejected. */
      readonly reason: EjectionReason;
    },
  ];
  /** An origin gets requests again. */
  readmit: [event: OriginEvent];
  /** Several checks in a row failed: the origin gets no requests until checks pass again. */
  down: [
    event: OriginEvent & {
      /** `check_` and the result of the last check, for example `check_status_503`. */
      readonly reason: DownReason;
    },
  ];
  /** A health check passed. */
  checkPassed: [event: CheckEvent];
  /** A health check failed. */
  checkFailed: [
    event: CheckEvent & {
      /**
       * What the dial, the exchange or your own `expect` failed with; `undefined` if the response was not as expected.
       */
      readonly error: unknown;
    },
  ];
  /** The limit of concurrent requests to an origin has changed (option `adaptiveConcurrency`). */
  concurrencyLimit: [
    event: OriginEvent & {
      /** The new limit. */
      readonly limit: number;
      /** Mean latency of the last window in milliseconds; `null` before the first has ended. */
      readonly latencyMs: number | null;
      /** Usual latency in milliseconds; `null` before the first window has ended. */
      readonly usualLatencyMs: number | null;
    },
  ];
  /** Too many origins are ejected or cannot be dialled, so all of them are tried. */
  failOpen: [
    event: {
      /** Names of all origins that are tried. */
      readonly origins: readonly string[];
    },
  ];
  /** You added, removed, drained or weighed an origin. */
  originChanged: [
    event: OriginEvent & {
      /** What changed: `added`, `draining`, `ready`, `weight`, `leaving` or `removed`. */
      readonly change: 'added' | 'draining' | 'ready' | 'weight' | 'leaving' | 'removed';
      /** Its current weight: 0 to 256. */
      readonly weight: number;
    },
  ];
  /** The cluster's primary has assigned this process a number of connections. */
  shareChanged: [
    event: OriginEvent & {
      /** Connections this process may hold. */
      readonly share: number;
      /** Connections of all processes together. */
      readonly total: number;
    },
  ];
  /** This process has no share of the connections to an origin for now. */
  shareRefused: [
    event: OriginEvent & {
      /** The reason. */
      readonly error: BackendError;
    },
  ];
  /** A different set of origins was found, or the same one after a failure. */
  discovered: [event: FoundEvent];
  /** Finding the origins failed, or what was found is not a valid list. The last list stays in use. */
  discoveryFailed: [
    event: {
      /** Where the origins come from: `dns`, `function` or `iterable`. */
      readonly source: 'dns' | 'function' | 'iterable';
      /** What was thrown, or why the list is invalid. */
      readonly error: unknown;
      /** Failures in a row, including this one. */
      readonly failures: number;
      /** Milliseconds until the next attempt; `null` for an iterable, which decides itself. */
      readonly retryInMs: number | null;
    },
  ];
  /** The async iterable given as `origins` has ended. The last list stays in use. */
  discoveryEnded: [event: FoundEvent];
  /** You changed options with `update()`. */
  updated: [
    event: {
      /** Names of the options. */
      readonly names: readonly string[];
    },
  ];
  /** Your own `Balancer` threw or returned an invalid position. The first candidate was used. */
  balanceFailed: [
    event: {
      /** What it threw, or an Error that says what it returned. */
      readonly error: unknown;
    },
  ];
  /** A request was refused at once: the queue is full or too slow, or the backend is closing. Its `fail` follows. */
  refuse: [
    event: RequestNews & {
      /** Its `delivery` is `unsent`. */
      readonly error: BackendError;
    },
  ];
  /** A response arrived completely, or the connection has become a tunnel (101). */
  request: [
    event: RequestNews &
      RequestCosts &
      OriginEvent & {
        /** Status of the final response. */
        readonly statusCode: number;
        /** Number of attempts, including the successful one. */
        readonly attempts: number;
      },
  ];
  /** A request failed. */
  fail: [
    event: RequestNews &
      RequestCosts & {
        /** Its `delivery` says whether the origin may have processed the request. */
        readonly error: BackendError;
      },
  ];
  /** The backend is closed. */
  close: [
    event: {
      /** Argument of `destroy()`; `undefined` after `close()`. */
      readonly error: Error | undefined;
    },
  ];
}

export type EventName = keyof BackendEvents;

/** The methods of Node's emitter, with a type that a union of names fits: the listener then gets any of these events. */
export interface BackendEmitter extends EventEmitter<BackendEvents> {
  /** Calls the listener for each event of this name. */
  on<Name extends EventName>(name: Name, listener: (...args: BackendEvents[Name]) => void): this;
  /** Calls the listener for the next event of this name. */
  once<Name extends EventName>(name: Name, listener: (...args: BackendEvents[Name]) => void): this;
  /** Calls the listener no more. */
  off<Name extends EventName>(name: Name, listener: (...args: BackendEvents[Name]) => void): this;
}
