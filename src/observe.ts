/** What can be watched: typed events, diagnostics channels and a logger. Built only when somebody watches. */

import { type Channel, channel } from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import { debuglog } from 'node:util';
import type { BackendError } from './errors.js';
import { eventLine } from './event-line.js';

/** Which request an event is about. */
export interface RequestNews {
  /** Number of the request, one of its own among those of this thread. */
  readonly request: number;
  readonly method: string;
  /** As it is sent, with its query. */
  readonly path: string;
}

/** What a request took: milliseconds by HAProxy's parts, and bytes. */
export interface RequestCosts {
  /** The whole: waits and re-sends included. */
  readonly durationMs: number;
  /** Spent waiting for connections, over all waits. */
  readonly waitedMs: number;
  /** The part of `waitedMs` in which a connection that it then travelled on was being dialled. */
  readonly connectMs: number;
  /** From the head of the last attempt being written to the final response head; `undefined` when none came. */
  readonly responseMs: number | undefined;
  /** Bytes of the request's body that were given to an origin, once counted however often they were sent. */
  readonly sentBytes: number;
  /** Bytes of the response's body that came with the last attempt. */
  readonly receivedBytes: number;
}

/** One attempt as it begins. */
export interface AttemptNews extends RequestNews {
  /** From 1. */
  readonly attempt: number;
  readonly origin: string;
  /** The connection has carried a request before. */
  readonly reused: boolean;
  /** Milliseconds spent waiting for connections so far, over all waits. */
  readonly waitedMs: number;
  /**
   * Adds an end-to-end field to the head of this attempt, in the place of fields of that name: a `traceparent`, for one.
   * @throws BackendError `http_request_error` for a field that cannot be sent, Error once the event is over
   */
  addField(name: string, value: string): void;
}

/** One attempt as it ends. */
export interface AttemptEndNews extends RequestNews {
  readonly attempt: number;
  readonly origin: string;
  readonly reused: boolean;
  /** Milliseconds since the head began to be written. */
  readonly durationMs: number;
  /** Of the final head; `undefined` when none came. */
  readonly statusCode: number | undefined;
  /** Bytes of the response's body, as they came but for the chunks. */
  readonly receivedBytes: number;
  /** Why it was not answered to its end. */
  readonly error: BackendError | undefined;
}

/** What a check has found. */
export interface CheckEvent {
  readonly origin: string;
  readonly type: string;
  readonly what: string;
  readonly tookMs: number;
}

/** Events of a `PooledBackend`, each also published on the diagnostics channel `pooled-backend:<name>`. */
export interface BackendEvents {
  /** A connection was opened. */
  connect: [
    { readonly origin: string; readonly open: number /** Of the dial, TLS included. */; readonly durationMs: number },
  ];
  /** A connection was closed. `reason` as in `stats().origins[].closed`. */
  disconnect: [{ readonly origin: string; readonly reason: string; readonly exchanges: number; readonly open: number }];
  /** A dial failed; the next one may begin in `retryInMs`. */
  dialFailed: [{ readonly origin: string; readonly error: BackendError; readonly retryInMs: number }];
  /** An idle connection was found closed when it was wanted; `swept` more were with it. */
  stale: [{ readonly origin: string; readonly swept: number }];
  /** Bytes came that nobody had asked for; `heard` is their beginning. The connection is closed. */
  poisoned: [{ readonly origin: string; readonly heard: string }];
  /** A request begins to wait for a connection, for the first time or again; `length` of the queue, itself included. */
  wait: [RequestNews & { readonly travel: string; readonly length: number }];
  /** A connection was lent to a request, whose head is about to be written. */
  attempt: [AttemptNews];
  /** The attempt of that request and number is over. Told once for each attempt, whoever was there at its beginning. */
  attemptEnd: [AttemptEndNews];
  /** A request is sent again. */
  resend: [RequestNews & { readonly origin: string; readonly reason: string }];
  /** An origin gets no requests for a while. */
  eject: [{ readonly origin: string; readonly reason: string; readonly forMs: number }];
  /** An origin is back. */
  readmit: [{ readonly origin: string }];
  /** Checks have failed in a row: an origin gets no requests until they pass again. */
  down: [{ readonly origin: string; readonly reason: string }];
  /** A check passed. `what` it found is a status, `open` or `secure`. */
  checkPassed: [CheckEvent];
  /** A check failed. `error` is what a dial, an exchange or your own `expect` ended with, if any. */
  checkFailed: [CheckEvent & { readonly error: unknown }];
  /** An origin may have more requests at once, or fewer, for it answers in `latencyMs` where `usualLatencyMs` are usual. */
  concurrencyLimit: [
    {
      readonly origin: string;
      readonly limit: number;
      readonly latencyMs: number | null;
      readonly usualLatencyMs: number | null;
    },
  ];
  /** Too many origins are ejected or in back-off, so that all of them are tried. */
  failOpen: [{ readonly origins: readonly string[] }];
  /** The owner has changed an origin: `change` says how, `weight` is its weight now. */
  originChanged: [{ readonly origin: string; readonly change: string; readonly weight: number }];
  /** The primary of the cluster has said how many connections this process may hold, of the total of all. */
  shareChanged: [{ readonly origin: string; readonly share: number; readonly total: number }];
  /** This process gets no share of the connections to an origin, for now; `error` says why. */
  shareRefused: [{ readonly origin: string; readonly error: BackendError }];
  /** Other origins were found than before, or the same after a failure. `origins` are the names of those that are used. */
  discovered: [{ readonly origins: readonly string[] }];
  /**
   * Finding the origins failed, or what was found is no set: the last one stays. `failures` in a row; `retryInMs` is `null`
   * where the source says by itself when there is more.
   */
  discoveryFailed: [
    {
      readonly source: string;
      readonly error: unknown;
      readonly failures: number;
      readonly retryInMs: number | null;
    },
  ];
  /** The owner has changed options of the backend: `names` are theirs. */
  updated: [{ readonly names: readonly string[] }];
  /** The owner's balancer threw, or picked none of the candidates: the first one was taken. */
  balanceFailed: [{ readonly error: unknown }];
  /** A request was refused without being sent: the queue was full or too slow, or the backend is closing. */
  refuse: [RequestNews & { readonly error: BackendError }];
  /** A request was answered to its end, or has become a tunnel (101). */
  request: [
    RequestNews & RequestCosts & { readonly origin: string; readonly statusCode: number; readonly attempts: number },
  ];
  /** A request failed. `error.delivery` says whether it may have been processed. */
  fail: [RequestNews & RequestCosts & { readonly error: BackendError }];
  /** The backend is closed, and takes no requests any more. */
  close: [{ readonly error: Error | undefined }];
}

export type EventName = keyof BackendEvents;

type Level = 'debug' | 'info' | 'warn' | 'error';

/** How much each event matters, to a logger. */
export const LEVELS: Readonly<Record<EventName, Level>> = {
  connect: 'debug',
  disconnect: 'debug',
  dialFailed: 'warn',
  stale: 'debug',
  poisoned: 'warn',
  wait: 'debug',
  attempt: 'debug',
  attemptEnd: 'debug',
  resend: 'info',
  eject: 'warn',
  readmit: 'info',
  down: 'warn',
  checkPassed: 'debug',
  checkFailed: 'warn',
  concurrencyLimit: 'info',
  failOpen: 'warn',
  originChanged: 'info',
  shareChanged: 'info',
  shareRefused: 'error',
  discovered: 'info',
  discoveryFailed: 'warn',
  updated: 'info',
  balanceFailed: 'error',
  refuse: 'warn',
  request: 'debug',
  fail: 'warn',
  close: 'info',
};

/** As in the `logger` option. */
export type EventLogger = Readonly<Record<Level, (details: object, message: string) => void>> & {
  readonly isLevelEnabled?: ((level: Level) => boolean) | undefined;
};

/** What `util.debuglog()` gives. */
export interface DebugLog {
  (format: string, ...values: unknown[]): void;
  readonly enabled: boolean;
}

const channels = Object.fromEntries(
  Object.keys(LEVELS).map((name) => [name, channel(`pooled-backend:${name}`)]),
) as Readonly<Record<EventName, Channel>>;

export class Observer {
  readonly #emitter: EventEmitter<BackendEvents>;
  readonly #logger: EventLogger | undefined;
  readonly #debug: DebugLog | undefined; // only with NODE_DEBUG=pooled-backend, which is of the process

  constructor(
    emitter: EventEmitter<BackendEvents>,
    logger: EventLogger | undefined,
    debug: DebugLog = debuglog('pooled-backend'),
  ) {
    this.#emitter = emitter;
    this.#logger = logger;
    this.#debug = debug.enabled ? debug : undefined;
  }

  /** Whether anybody would see the event: ask before building it. */
  watches(name: EventName): boolean {
    if (this.#logger !== undefined && this.#logs(LEVELS[name])) return true;
    return this.#debug !== undefined || channels[name].hasSubscribers || this.#emitter.listenerCount(name) > 0;
  }

  emit<Name extends EventName>(name: Name, details: BackendEvents[Name][0]): void {
    const logger = this.#logger;
    const level = LEVELS[name];
    if (logger !== undefined && this.#logs(level)) told(() => logger[level](details, name));
    if (channels[name].hasSubscribers) told(() => channels[name].publish(details));
    if (this.#emitter.listenerCount(name) > 0) told(() => this.#tell(name, details));
    this.#debug?.('%s %s', name, eventLine(details));
  }

  /** Loggers say which levels they write, or take all. */
  #logs(level: Level): boolean {
    return this.#logger?.isLevelEnabled?.(level) ?? true;
  }

  #tell(name: EventName, details: object): void {
    const emitter: { emit(name: string, details: object): boolean } = this.#emitter;
    emitter.emit(name, details);
  }
}

/** A watcher's fault is the watcher's: it must be seen, and must not stop a request half way, or the other watchers. */
function told(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
