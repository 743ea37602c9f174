/** The same origin for the same key, as long as it has no more than its share of the work. */

import { anyHasWeight, type Balancer, type Candidate } from './balancer.js';
import { type HashKey, keyReader } from './hash-key.js';
import { leastBusy } from './least-busy.js';
import { hashOf, mixed } from './name-hash.js';

/** Sends requests with the same key to the same origin, as long as that has no more than its share of the load. */
export interface HashOptions {
  /** Selects hashing. */
  readonly type: 'hash';
  /** What to hash. A request without a key goes to the least busy origin. */
  readonly key: HashKey;
  /**
   * Maximum load of an origin as a multiple of its fair share: a number from 1, or `Infinity`. Above it the request
   * goes to the next origin.
   *
   * @default 1.25
   */
  readonly load?: number | undefined;
}

const LOAD = 1.25;

/**
 * Each origin draws a number from the key and its own name; the greatest wins (rendezvous hashing, Thaler and Ravishankar
 * 1998, with weights by the logarithm method). When an origin leaves, only its keys move; when one comes, it takes its
 * share from all. An origin whose work has reached its bound is passed over (Mirrokni, Thorup and Zadimoghaddam 2016,
 * "Consistent Hashing with Bounded Loads"), so that a key that everybody asks for does not overload one origin.
 */
export function hash({ key, load = LOAD }: Omit<HashOptions, 'type'>): Balancer {
  const read = keyReader(key);
  const names = new NameHashes();
  const withoutKey = leastBusy();
  return {
    keeps: true,
    pick(candidates, request) {
      const text = request === undefined ? undefined : read(request);
      if (text === undefined || text === '') return withoutKey.pick(candidates);
      if (typeof text !== 'string')
        throw new TypeError(`the key of a hash must be a string, got a value of type ${typeof text}`);
      return highest(candidates, hashOf(text), names, load);
    },
  };
}

function highest(candidates: readonly Candidate[], key: number, names: NameHashes, load: number): number {
  const weighted = anyHasWeight(candidates);
  let weights = 0;
  let work = 1; // the request itself
  for (const { weight, busy, dialling } of candidates) {
    weights += weighted ? weight : 1;
    work += busy + dialling;
  }
  let best = -1;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const [position, candidate] of candidates.entries()) {
    const weight = weighted ? candidate.weight : 1;
    // At least one origin has room: not all can have more than their share.
    if (weight === 0 || candidate.busy + candidate.dialling >= Math.ceil((load * work * weight) / weights)) continue;
    const drawn = (mixed(key ^ names.of(candidate)) + 0.5) / 2 ** 32;
    const score = -weight / Math.log(drawn);
    if (score <= bestScore) continue;
    bestScore = score;
    best = position;
  }
  return best;
}

/** Hashes of the names of origins, each made once. */
class NameHashes {
  readonly #known: ({ readonly name: string; readonly hash: number } | undefined)[] = []; // by index of the origin

  of({ index, origin }: Candidate): number {
    const known = this.#known[index];
    if (known?.name === origin) return known.hash;
    const made = { name: origin, hash: hashOf(origin) };
    this.#known[index] = made;
    return made.hash;
  }
}
