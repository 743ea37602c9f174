/** Sends events to listeners, diagnostics channels and the logger. Event objects are only built if one of these is there. */

import { type Channel, channel } from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import { debuglog, inspect } from 'node:util';
import { BackendError, isError, messageOf } from '../errors.js';
import type { Clock } from '../time/clock.js';
import { throwUncaught } from '../uncaught.js';
import { eventLine } from './event-line.js';
import type { BackendEvents, EventName } from './events.js';
import { Repeats } from './repeats.js';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** The level at which each event is logged. */
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
  refuse: 'debug',
  request: 'debug',
  fail: 'warn',
  close: 'info',
};

/** As in the `logger` option. */
export type EventLogger = Readonly<Record<Level, (details: object, message: string) => void>> & {
  readonly isLevelEnabled?: ((level: Level) => boolean) | undefined;
};

/** What `util.debuglog()` returns. */
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
  readonly #repeats: Repeats; // for the logger alone: people read its lines, and keep them
  readonly #debug: DebugLog | undefined; // set only with NODE_DEBUG=pooled-backend, which applies to the whole process

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

  /** A logger may say which levels it writes. Otherwise it gets all of them. */
  #logs(level: Level): boolean {
    try {
      return this.#logger?.isLevelEnabled?.(level) ?? true;
    } catch (error) {
      throwUncaught(error);
      return false;
    }
  }

  #tell(name: EventName, details: object): void {
    const emitter: { emit(name: string, details: object): boolean } = this.#emitter;
    emitter.emit(name, details);
  }
}

/**
 * In a line of JSON, an error of the user's code or of Node would be `{}`, so it gets a `toJSON()`. A BackendError already has one.
 * `console` writes such an error as it is, with its cause and its fields.
 */
function inJson(details: object): object {
  const error: unknown = 'error' in details ? details.error : undefined;
  if (!isError(error) || 'toJSON' in error) return details;
  const { name, stack } = error;
  const toJSON = () => ({ ...error, name, message: messageOf(error), stack });
  const shown = { toJSON: { value: toJSON }, [inspect.custom]: { value: () => error } };
  return { ...details, error: Object.create(error, shown) };
}

/** What a listener throws must be seen, but must not stop a request half-way, or keep the event from the other listeners. */
function told(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    throwUncaught(error);
  }
}

/** A client that leaves is not a problem: `info` instead of `warn`. */
function levelOf(name: EventName, details: object): Level {
  const left = 'error' in details && BackendError.is(details.error) && details.error.code === 'client_aborted';
  return left && LEVELS[name] === 'warn' ? 'info' : LEVELS[name];
}
