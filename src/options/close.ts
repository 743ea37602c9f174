/** Options of `close()`. */

/** How long `close()` waits. */
export interface CloseOptions {
  /**
   * Milliseconds for what is under way, tunnels too, then it is destroyed. Default `Infinity`: requests are waited for as
   * long as they take, and tunnels, which need not ever end, are ended when the last request has.
   */
  readonly timeout?: number | undefined;
}

/** @throws RangeError for a timeout that is not above 0 */
export function closeTimeout({ timeout = Number.POSITIVE_INFINITY }: CloseOptions): number {
  if (typeof timeout === 'number' && timeout > 0) return timeout;
  throw new RangeError(
    `timeout must be milliseconds above 0 or Infinity, got ${String(timeout)}; destroy() ends at once`,
  );
}
