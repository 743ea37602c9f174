/** How much of its share an origin gets that has just come back. */

// With less than a tenth the origin would get hardly any request, and would not warm up.
const LEAST_SHARE = 0.1;

/**
 * Grows evenly from a tenth to the whole, 1, over `slowStartMs`. `sinceMs`: milliseconds since the origin came back; `Infinity`: it
 * was never away.
 */
export function slowStartShare(sinceMs: number, slowStartMs: number): number {
  if (sinceMs >= slowStartMs) return 1;
  return Math.max(LEAST_SHARE, sinceMs / slowStartMs);
}

/** How many of `most` connections such an origin may have busy, at least one. */
export function slowStartConnections(share: number, most: number): number {
  return Math.max(1, Math.ceil(share * most));
}
