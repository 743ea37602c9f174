/** What the command writes about itself: a line for each event, to stderr. */

import type { EventEmitter } from 'node:events';
import { type Clock, systemClock } from '../clock.js';
import { eventLine } from '../event-line.js';
import type { BackendEvents, EventName } from '../events.js';
import { LEVELS } from '../observe.js';
import { LOG_LEVELS, type LogLevel } from './settings.js';

/** Whoever has events. */
export type Observed = Pick<EventEmitter<BackendEvents>, 'on'>;

export class Journal {
  readonly #write: (line: string) => void;
  readonly #level: LogLevel;
  readonly #clock: Clock;

  constructor(level: LogLevel, write: (line: string) => void, clock: Clock = systemClock) {
    this.#level = level;
    this.#write = write;
    this.#clock = clock;
  }

  /** Listens only to what it will write: what nobody watches is not built. */
  follow(backend: Observed): void {
    for (const name of Object.keys(LEVELS) as EventName[]) {
      const level = LEVELS[name];
      // The emitter's types cannot follow a name that is a parameter.
      if (this.#takes(level)) backend.on(name as 'eject', (details: object) => this.#tell(level, name, details));
    }
  }

  info(message: string, details: object = {}): void {
    if (this.#takes('info')) this.#tell('info', message, details);
  }

  warn(message: string, details: object = {}): void {
    if (this.#takes('warn')) this.#tell('warn', message, details);
  }

  error(message: string, details: object = {}): void {
    if (this.#takes('error')) this.#tell('error', message, details);
  }

  #takes(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#level);
  }

  #tell(level: LogLevel, message: string, details: object): void {
    const time = new Date(this.#clock.wallNow()).toISOString();
    const words = [time, level.padEnd(5), message, eventLine(details)];
    this.#write(`${words.filter((word) => word !== '').join(' ')}\n`);
  }
}
