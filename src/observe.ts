/** What can be watched: typed events, diagnostics channels and a logger. Built only when somebody watches. */

import { type Channel, channel } from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import type { BackendError } from './errors.js';

/** Events of a `PooledBackend`, each also published on the diagnostics channel `pooled-backend:<name>`. */
export interface BackendEvents {
  /** A connection was opened. */
  connect: [{ readonly origin: string; readonly open: number }];
  /** A connection was closed. `reason` as in `stats().origins[].closed`. */
  disconnect: [{ readonly origin: string; readonly reason: string; readonly exchanges: number; readonly open: number }];
  /** A dial failed; the next one may begin in `retryInMs`. */
  dialFailed: [{ readonly origin: string; readonly error: BackendError; readonly retryInMs: number }];
  /** An idle connection was found closed when it was wanted; `swept` more were with it. */
  stale: [{ readonly origin: string; readonly swept: number }];
  /** Bytes came that nobody had asked for; `heard` is their beginning. The connection is closed. */
  poisoned: [{ readonly origin: string; readonly heard: string }];
  /** A request is sent again. */
  resend: [{ readonly origin: string; readonly method: string; readonly path: string; readonly reason: string }];
  /** An origin gets no requests for a while. */
  eject: [{ readonly origin: string; readonly reason: string; readonly forMs: number }];
  /** An origin is back. */
  readmit: [{ readonly origin: string }];
  /** Too many origins are ejected or in back-off, so that all of them are tried. */
  failOpen: [{ readonly origins: readonly string[] }];
  /** The owner's balancer threw, or picked none of the candidates: the first one was taken. */
  balanceFailed: [{ readonly error: unknown }];
  /** A request was refused without being sent: the queue was full or too slow, or the backend is closing. */
  refuse: [{ readonly method: string; readonly path: string; readonly error: BackendError }];
  /** A request was answered to its end. `durationMs` includes waits and re-sends. */
  request: [
    {
      readonly method: string;
      readonly path: string;
      readonly origin: string;
      readonly statusCode: number;
      readonly attempts: number;
      readonly durationMs: number;
    },
  ];
  /** A request failed. `error.delivery` says whether it may have been processed. */
  fail: [{ readonly method: string; readonly path: string; readonly error: BackendError }];
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
  resend: 'info',
  eject: 'warn',
  readmit: 'info',
  failOpen: 'warn',
  balanceFailed: 'error',
  refuse: 'warn',
  request: 'debug',
  fail: 'warn',
};

/** As in the `logger` option. */
export type EventLogger = Readonly<Record<Level, (details: object, message: string) => void>>;

const channels = Object.fromEntries(
  Object.keys(LEVELS).map((name) => [name, channel(`pooled-backend:${name}`)]),
) as Readonly<Record<EventName, Channel>>;

export class Observer {
  readonly #emitter: EventEmitter<BackendEvents>;
  readonly #logger: EventLogger | undefined;

  constructor(emitter: EventEmitter<BackendEvents>, logger: EventLogger | undefined) {
    this.#emitter = emitter;
    this.#logger = logger;
  }

  /** Whether anybody would see the event: ask before building it. */
  watches(name: EventName): boolean {
    if (this.#logger !== undefined || channels[name].hasSubscribers) return true;
    return this.#emitter.listenerCount(name) > 0;
  }

  emit<Name extends EventName>(name: Name, details: BackendEvents[Name][0]): void {
    const logger = this.#logger;
    if (logger !== undefined) told(() => logger[LEVELS[name]](details, name));
    if (channels[name].hasSubscribers) told(() => channels[name].publish(details));
    if (this.#emitter.listenerCount(name) > 0) told(() => this.#tell(name, details));
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
