/** Options of `close()`. */

import { isObject, shown } from './checks.js';

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

/** @throws TypeError for a value that is not an object with options of `close()`, RangeError for a timeout that is not above 0 */
export function closeTimeout(options: CloseOptions): number {
  if (!isObject(options) || Array.isArray(options)) {
    throw new TypeError(`the options of close() must be an object, got ${shown(options)}`);
  }
  const unknown = Object.keys(options).find((name) => name !== 'timeout');
  if (unknown !== undefined) throw new TypeError(`unknown option ${unknown} of close(); known: timeout`);
  const { timeout = Number.POSITIVE_INFINITY } = options;
  if (typeof timeout === 'number' && timeout > 0) return timeout;
  throw new RangeError(
    `timeout must be a number of milliseconds above 0, or Infinity, got ${String(timeout)}; destroy() ends at once`,
  );
}
