/** When to look again. Pure; times in milliseconds. */

/** However short a record may be kept, and however often a lookup fails. */
const SHORTEST_WAIT_MS = 1000;

/** What the last lookup has come to. */
export type LookupOutcome =
  /** `keepMs`: how long its answer may be kept; `undefined` if unknown. */
  | { readonly name: 'found'; readonly keepMs: number | undefined }
  | { readonly name: 'failed'; readonly inARow: number };

/**
 * Milliseconds until the next lookup: the time for which the answer may be kept, at most `intervalMs`; without one
 * `intervalMs`; after failures 1 s, doubled each time up to `intervalMs`. What is not a time that somebody else has set is
 * shortened by up to a tenth, at random, so that a fleet that was started together does not ask in step.
 *
 * @param random 0 to 1
 */
export function nextLookupMs(outcome: LookupOutcome, intervalMs: number, random: number): number {
  const shortest = Math.min(SHORTEST_WAIT_MS, intervalMs);
  if (outcome.name === 'failed') {
    return Math.min(shortest * 2 ** (outcome.inARow - 1), intervalMs) * (1 - random / 10);
  }
  const { keepMs = Number.POSITIVE_INFINITY } = outcome;
  return keepMs < intervalMs ? Math.max(keepMs, shortest) : intervalMs * (1 - random / 10);
}
