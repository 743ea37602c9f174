/** The better of two origins drawn at random. */

import { anyHasWeight, type Balancer, type Candidate, compareLoad } from './balancer.js';

/**
 * The balancer `'two-choices'`: draws two origins at random, by weight, and takes the one with less work; the first if they have
 * the same. So many proxies that each see only their own load do not all choose the same idle origin.
 *
 * @param random gives numbers from 0 to below 1
 */
export function twoChoices(random: () => number): Balancer {
  return {
    pick(candidates) {
      const first = draw(candidates, random, -1);
      const second = draw(candidates, random, first);
      const one = candidates[first];
      const other = candidates[second];
      return one !== undefined && other !== undefined && compareLoad(other, one) < 0 ? second : first;
    },
  };
}

/** A position drawn by weight, other than `except`; -1 when there is none. */
function draw(candidates: readonly Candidate[], random: () => number, except: number): number {
  const weighted = anyHasWeight(candidates);
  let total = 0;
  for (const [position, { weight }] of candidates.entries()) if (position !== except) total += weighted ? weight : 1;
  if (total === 0) return -1;
  let lot = random() * total;
  let drawn = -1;
  for (const [position, candidate] of candidates.entries()) {
    const weight = weighted ? candidate.weight : 1;
    if (position === except || weight === 0) continue;
    drawn = position; // stays if rounding leaves a rest of `lot`
    lot -= weight;
    if (lot < 0) break;
  }
  return drawn;
}
