/** Options of `close()`. */

import { isObject, shown } from './checks.js';

/** How long `close()` waits. */
export interface CloseOptions {
  /**
   * Milliseconds for what is under way, tunnels too, then it is destroyed. Without a limit requests are waited for as long
   * as they take, and tunnels, which need not ever end, are ended when the last request has.
   *
   * @default Infinity
   */
  readonly timeout?: number | undefined;
}

/** @throws TypeError for what are no options of `close()`, RangeError for a timeout that is not above 0 */
export function closeTimeout(options: CloseOptions): number {
  if (!isObject(options) || Array.isArray(options)) {
    throw new TypeError(`the options of close() must be an object, got ${shown(options)}`);
  }
  const unknown = Object.keys(options).find((name) => name !== 'timeout');
  if (unknown !== undefined) throw new TypeError(`unknown option ${unknown} of close(); known: timeout`);
  const { timeout = Number.POSITIVE_INFINITY } = options;
  if (typeof timeout === 'number' && timeout > 0) return timeout;
  throw new RangeError(
    `timeout must be milliseconds above 0 or Infinity, got ${String(timeout)}; destroy() ends at once`,
  );
}
