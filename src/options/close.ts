/** Options of `close()` and `closeServer()`. */

import { isRecord, shown } from './checks.js';

/** Options of `backend.close()`. */
export interface CloseOptions {
  /**
   * Milliseconds to wait for requests and tunnels; what is left then is destroyed. Greater than 0. With `Infinity`
   * requests may take as long as they need, and tunnels are ended as soon as the last request has finished.
   *
   * @default Infinity
   */
  readonly timeout?: number | undefined;
}

/** Options of `closeServer()`. */
export interface CloseServerOptions {
  /**
   * Milliseconds for all of it, from the call on; what is left then is destroyed. Greater than 0.
   *
   * @default 10000
   */
  readonly timeout?: number | undefined;
}

/** @throws TypeError for a value that is not an object with options of `close()`, RangeError for a timeout that is not above 0 */
export function closeTimeout(options: CloseOptions): number {
  return timeoutOf(options, 'close()') ?? Number.POSITIVE_INFINITY;
}

/** @throws TypeError for a value that is not an object with options of `closeServer()`, RangeError for a timeout that is not above 0 */
export function closeServerTimeout(options: CloseServerOptions): number {
  return timeoutOf(options, 'closeServer()') ?? 10_000;
}

function timeoutOf(options: CloseOptions, of: string): number | undefined {
  if (!isRecord(options)) {
    throw new TypeError(`the options of ${of} must be an object, got ${shown(options)}`);
  }
  const unknown = Object.keys(options).find((name) => name !== 'timeout');
  if (unknown !== undefined) throw new TypeError(`unknown option ${unknown} of ${of}; known: timeout`);
  const { timeout } = options;
  if (timeout === undefined || (typeof timeout === 'number' && timeout > 0)) return timeout;
  throw new RangeError(
    `timeout must be a number of milliseconds above 0, or Infinity, got ${String(timeout)}; destroy() ends at once`,
  );
}
