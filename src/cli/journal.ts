/** The log of the command: a line for each event, on stderr. */

import { eventLine } from '../observe/event-line.js';
import type { Logger } from '../options.js';
import { systemClock } from '../time/clock.js';
import { LOG_LEVELS, type LogLevel } from './settings.js';

/** The logger of the gateway and of its backend. */
export class Journal implements Logger {
  readonly #write: (line: string) => void;
  readonly #level: LogLevel;

  constructor(level: LogLevel, write: (line: string) => void) {
    this.#level = level;
    this.#write = write;
  }

  isLevelEnabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#level);
  }

  debug(details: object, message: string): void {
    this.#tell('debug', details, message);
  }

  info(details: object, message: string): void {
    this.#tell('info', details, message);
  }

  warn(details: object, message: string): void {
    this.#tell('warn', details, message);
  }

  error(details: object, message: string): void {
    this.#tell('error', details, message);
  }

  #tell(level: LogLevel, details: object, message: string): void {
    if (!this.isLevelEnabled(level)) return;
    const time = new Date(systemClock.wallNow()).toISOString();
    const words = [time, level.padEnd(5), message, eventLine(details)];
    this.#write(`${words.filter((word) => word !== '').join(' ')}\n`);
  }
}
