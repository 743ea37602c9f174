/** When to look again. Pure; times in milliseconds. */

/** Holds however short the time is for which a record may be kept, and however often a lookup fails. */
const SHORTEST_WAIT_MS = 1000;

/** The outcome of the last lookup. */
export type LookupOutcome =
  /** `keepMs`: how long its answer may be kept; `undefined` if unknown. */
  | { readonly name: 'found'; readonly keepMs: number | undefined }
  | { readonly name: 'failed'; readonly inARow: number };

/**
 * Milliseconds until the next lookup: the time for which the answer may be kept, at most `intervalMs`; if that time is unknown,
 * `intervalMs`; after failures 1 s, doubled each time up to `intervalMs`. Times that did not come with the answer are shortened
 * by up to a tenth, at random, so that a fleet that was started together does not ask in step.
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
