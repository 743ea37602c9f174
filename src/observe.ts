/** Sends events to listeners, diagnostics channels and the logger. Event objects are only built if one of these is there. */

import { type Channel, channel } from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import { debuglog, inspect } from 'node:util';
import type { Clock } from './clock.js';
import { BackendError, messageOf } from './errors.js';
import { eventLine } from './event-line.js';
import type { BackendEvents, EventName } from './events.js';
import { Repeats } from './repeats.js';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** How much each event matters, to a logger. */
export const LEVELS: Readonly<Record<EventName, Level>> = {
  connect: 'debug',
  disconnect: 'debug',
  dialFailed: 'warn',
  reachable: 'info',
  stale: 'debug',
  poisoned: 'warn',
  wait: 'debug',
  attempt: 'debug',
  attemptEnd: 'debug',
  resend: 'info',
  eject: 'warn',
  probe: 'debug',
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
  discoveryEnded: 'warn',
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
  readonly #repeats: Repeats; // for the logger: what it writes is read by people, and kept
  readonly #debug: DebugLog | undefined; // only with NODE_DEBUG=pooled-backend, which is of the process

  constructor(
    emitter: EventEmitter<BackendEvents>,
    logger: EventLogger | undefined,
    clock: Clock,
    debug: DebugLog = debuglog('pooled-backend'),
  ) {
    this.#emitter = emitter;
    this.#logger = logger;
    this.#repeats = new Repeats(clock);
    this.#debug = debug.enabled ? debug : undefined;
  }

  /** Whether the event has any listener: ask before building it. */
  watches(name: EventName): boolean {
    if (this.#logger !== undefined && this.#logs(LEVELS[name])) return true;
    return this.#debug !== undefined || channels[name].hasSubscribers || this.#emitter.listenerCount(name) > 0;
  }

  emit<Name extends EventName>(name: Name, details: BackendEvents[Name][0]): void {
    const logger = this.#logger;
    const level = levelOf(name, details);
    if (logger !== undefined && this.#logs(level)) told(() => this.#log(logger, level, name, details));
    if (channels[name].hasSubscribers) told(() => channels[name].publish(details));
    if (this.#emitter.listenerCount(name) > 0) told(() => this.#tell(name, details));
    this.#debug?.('%s %s', name, eventLine(details));
  }

  #log(logger: EventLogger, level: Level, name: EventName, details: object): void {
    const repeated = this.#repeats.sinceLast(name, details);
    if (repeated === 'too soon') return;
    const written = inJson(details);
    logger[level](repeated > 0 ? { ...written, repeated } : written, name);
  }

  /** Loggers say which levels they write, or take all. */
  #logs(level: Level): boolean {
    try {
      return this.#logger?.isLevelEnabled?.(level) ?? true;
    } catch (error) {
      seen(error);
      return false;
    }
  }

  #tell(name: EventName, details: object): void {
    const emitter: { emit(name: string, details: object): boolean } = this.#emitter;
    emitter.emit(name, details);
  }
}

/**
 * An error of your own code, or of Node, would be `{}` in a line of JSON: a BackendError has a `toJSON()`. `console` writes such an
 * error as it is, with its cause and its fields.
 */
function inJson(details: object): object {
  const error: unknown = 'error' in details ? details.error : undefined;
  if (!(error instanceof Error) || 'toJSON' in error) return details;
  const { name, stack } = error;
  const toJSON = () => ({ ...error, name, message: messageOf(error), stack });
  const shown = { toJSON: { value: toJSON }, [inspect.custom]: { value: () => error } };
  return { ...details, error: Object.create(error, shown) };
}

/** A watcher's fault is the watcher's: it must be seen, and must not stop a request half way, or the other watchers. */
function told(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    seen(error);
  }
}

function seen(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** A client that leaves is not a problem: `info` instead of `warn`. */
function levelOf(name: EventName, details: object): Level {
  const left = 'error' in details && BackendError.is(details.error) && details.error.code === 'client_aborted';
  return left && LEVELS[name] === 'warn' ? 'info' : LEVELS[name];
}
