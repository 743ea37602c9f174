/** The option `logger`. */

/** Where the library writes about itself. `console`, pino's and Fastify's loggers fit. */
export interface Logger {
  /** What happens to each connection and request. */
  debug(details: object, message: string): void;
  /** What changes, and what was done about a failure. */
  info(details: object, message: string): void;
  /** What went wrong. */
  warn(details: object, message: string): void;
  /** A mistake in code of yours. */
  error(details: object, message: string): void;
  /** Whether it writes this level: what it does not write is not built. Without it everything is. */
  isLevelEnabled?(level: 'debug' | 'info' | 'warn' | 'error'): boolean;
}
