/** The events of a backend, and what each tells. */

import type { BackendError } from './errors.js';
import type { AttemptEndNews, AttemptNews, RequestCosts, RequestNews } from './request-news.js';

export type { AttemptEndNews, AttemptNews, RequestCosts, RequestNews };

/** An event that is about one origin. */
export interface OriginEvent {
  /** `scheme://host:port` of the server that it is about. */
  readonly origin: string;
}

/** What finding the origins has come to. */
export interface FoundEvent {
  /** Names of those that are used. */
  readonly origins: readonly string[];
}

/** What a check has found. */
export interface CheckEvent extends OriginEvent {
  /** What was done: `http`, `tcp` or `tls`. */
  readonly type: string;
  /** One word for what it found: `status_200`, `open`, `secure`, `timeout`, the code of a failed dial. */
  readonly what: string;
  /** Milliseconds from its beginning to its end, the dial included. */
  readonly tookMs: number;
}

/** Events of a `PooledBackend`, each also published on the diagnostics channel `pooled-backend:<name>`. */
export interface BackendEvents {
  /** A connection was opened. */
  connect: [
    OriginEvent & {
      /** Connections to the origin that are open now, this one included. */
      readonly open: number;
      /** Milliseconds of the dial, TLS included. */
      readonly durationMs: number;
    },
  ];
  /** A connection was closed. */
  disconnect: [
    OriginEvent & {
      /** Why, as in `stats().origins[].closed`. */
      readonly reason: string;
      /** Exchanges that ended on it. */
      readonly exchanges: number;
      /** Connections to the origin that are open now, this one no longer. */
      readonly open: number;
    },
  ];
  /** A dial failed. */
  dialFailed: [
    OriginEvent & {
      /** Its `cause` is that of the system, if it has one. */
      readonly error: BackendError;
      /** Milliseconds until the origin may be dialled again. */
      readonly retryInMs: number;
    },
  ];
  /** An origin could be dialled again after dials had failed. */
  reachable: [
    OriginEvent & {
      /** Dials that had failed in a row; those that ran side by side count as one. */
      readonly failures: number;
      /** Milliseconds since the first of them failed. */
      readonly afterMs: number;
    },
  ];
  /** An idle connection was found closed when it was wanted. */
  stale: [
    OriginEvent & {
      /** How many more were found closed by the look at its neighbours. */
      readonly swept: number;
    },
  ];
  /** Bytes came that nobody had asked for. The connection is closed. */
  poisoned: [
    OriginEvent & {
      /** The beginning of those bytes as latin1, 64 at the most; empty over TLS, where they are ciphertext. */
      readonly heard: string;
    },
  ];
  /** A request begins to wait for a connection, for the first time or again. */
  wait: [
    RequestNews & {
      /** Which connections it may ride: `any`, `verified` or `fresh`. */
      readonly travel: string;
      /** Of the queue, this request included. */
      readonly length: number;
    },
  ];
  /** A connection was lent to a request, whose head is about to be written. */
  attempt: [AttemptNews];
  /** The attempt of that request and number is over. Told once for each attempt, whoever was there at its beginning. */
  attemptEnd: [AttemptEndNews];
  /** A request is sent again. */
  resend: [
    RequestNews &
      OriginEvent & {
        /** What became of the attempt before, as in `stats().origins[].resent`. */
        readonly reason: string;
      },
  ];
  /** An origin gets no requests for a while. */
  eject: [
    OriginEvent & {
      /** One word: the code of an error, `status_503`, `low_success_rate`, `slow`. */
      readonly reason: string;
      /** Milliseconds until it is tried again. */
      readonly forMs: number;
    },
  ];
  /** An origin that was ejected is tried by one request, or by a dial. */
  probe: [
    OriginEvent & {
      /** What it was ejected for. */
      readonly reason: string;
    },
  ];
  /** An origin is back. */
  readmit: [OriginEvent];
  /** Checks have failed in a row: an origin gets no requests until they pass again. */
  down: [
    OriginEvent & {
      /** `check_` and what the last of them found: `check_status_503`. */
      readonly reason: string;
    },
  ];
  /** A check passed. */
  checkPassed: [CheckEvent];
  /** A check failed. */
  checkFailed: [
    CheckEvent & {
      /** What a dial, an exchange or your own `expect` ended with; `undefined` when it was an answer that is not good. */
      readonly error: unknown;
    },
  ];
  /** An origin may have more requests at once, or fewer, by the option `adaptiveConcurrency`. */
  concurrencyLimit: [
    OriginEvent & {
      /** How many requests at once. */
      readonly limit: number;
      /** Mean of the last window, in milliseconds; `null` before the first has ended. */
      readonly latencyMs: number | null;
      /** What is usual, in milliseconds; `null` before the first window has ended. */
      readonly usualLatencyMs: number | null;
    },
  ];
  /** Too many origins are ejected or in back-off, so that all of them are tried. */
  failOpen: [
    {
      /** Names of all that are tried. */
      readonly origins: readonly string[];
    },
  ];
  /** The owner has changed an origin. */
  originChanged: [
    OriginEvent & {
      /** `added`, `draining`, `ready`, `weight`, `leaving` or `removed`. */
      readonly change: string;
      /** Its weight now: 0 to 256. */
      readonly weight: number;
    },
  ];
  /** The primary of the cluster has said how many connections this process may hold. */
  shareChanged: [
    OriginEvent & {
      /** Connections of this process. */
      readonly share: number;
      /** Connections of all processes. */
      readonly total: number;
    },
  ];
  /** This process gets no share of the connections to an origin, for now. */
  shareRefused: [
    OriginEvent & {
      /** Why. */
      readonly error: BackendError;
    },
  ];
  /** Other origins were found than before, or the same after a failure. */
  discovered: [FoundEvent];
  /** Finding the origins failed, or what was found is no set: the last one stays. */
  discoveryFailed: [
    {
      /** Who was asked: `dns`, `function` or `iterable`. */
      readonly source: string;
      /** What was thrown, or why that is no set. */
      readonly error: unknown;
      /** In a row, this one included. */
      readonly failures: number;
      /** Milliseconds until the next look; `null` where the source says by itself when there is more. */
      readonly retryInMs: number | null;
    },
  ];
  /** The async iterable that told of the origins has come to its end: those that there are stay. */
  discoveryEnded: [FoundEvent];
  /** The owner has changed options of the backend. */
  updated: [
    {
      /** Of the options. */
      readonly names: readonly string[];
    },
  ];
  /** The owner's balancer threw, or picked none of the candidates: the first one was taken. */
  balanceFailed: [
    {
      /** What it threw, or an Error that says what it gave. */
      readonly error: unknown;
    },
  ];
  /** A request was refused without being sent: the queue was full or too slow, or the backend is closing. */
  refuse: [
    RequestNews & {
      /** Its `delivery` is `unsent`. */
      readonly error: BackendError;
    },
  ];
  /** A request was answered to its end, or has become a tunnel (101). */
  request: [
    RequestNews &
      RequestCosts &
      OriginEvent & {
        /** Of the final head. */
        readonly statusCode: number;
        /** How many there were, the answered one included. */
        readonly attempts: number;
      },
  ];
  /** A request failed. */
  fail: [
    RequestNews &
      RequestCosts & {
        /** Its `delivery` says whether the request may have been processed. */
        readonly error: BackendError;
      },
  ];
  /** The backend is closed, and takes no requests any more. */
  close: [
    {
      /** What `destroy()` was given; `undefined` after `close()`. */
      readonly error: Error | undefined;
    },
  ];
}

export type EventName = keyof BackendEvents;
