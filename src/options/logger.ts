/** The option `logger`. */

import { matching, objectWith } from './checks.js';
import { optional, type Rule } from './rules.js';

/** Receives the log lines of a backend. `console`, pino's logger and Fastify's logger can be used directly. */
export interface Logger {
  /** What happens to each connection and request. */
  debug(details: object, message: string): void;
  /** Changes of state, and retries. */
  info(details: object, message: string): void;
  /** Failures. */
  warn(details: object, message: string): void;
  /** An error in your own code or setup, such as a `Balancer` that throws. */
  error(details: object, message: string): void;
  /** Whether a level is written. Lines of other levels are not even built. If absent, every line is built. */
  isLevelEnabled?(level: 'debug' | 'info' | 'warn' | 'error'): boolean;
}

const methods = objectWith<Logger>('debug', 'info', 'warn', 'error');
const logger = matching(
  `${methods.accepts}, and a function as isLevelEnabled if it has one`,
  (value): value is Logger => {
    return methods.admits(value) && ['undefined', 'function'].includes(typeof (value.isLevelEnabled ?? undefined));
  },
);

/** How the option `logger` is read. */
export const loggerRule: Rule<Logger | undefined> = optional(logger);
