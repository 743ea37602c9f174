/** The origin with the least work for its weight. */

import { anyHasWeight, type Balancer, type Candidate, compareLoad } from './balancer.js';
import { Rotation } from './round-robin.js';

/** The balancer `'least-busy'`. Origins with the same load take turns, by weight: with little traffic, those are all origins. */
export function leastBusy(): Balancer {
  const rotation = new Rotation();
  let least: Candidate | undefined;
  const isAsIdle = (candidate: Candidate) => least !== undefined && compareLoad(candidate, least) === 0;
  return {
    pick(candidates) {
      least = leastLoaded(candidates);
      return rotation.next(candidates, isAsIdle);
    },
  };
}

function leastLoaded(candidates: readonly Candidate[]): Candidate | undefined {
  const weighted = anyHasWeight(candidates);
  let least: Candidate | undefined;
  for (const candidate of candidates) {
    if (weighted && candidate.weight === 0) continue;
    if (least === undefined || compareLoad(candidate, least) < 0) least = candidate;
  }
  return least;
}
