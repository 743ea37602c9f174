/** The first origin that has room. */

import type { Balancer } from './balancer.js';

/** The balancer `'first'`: fills one origin after another, in the order of the list, so that few are in use at little traffic. */
export function first(): Balancer {
  return {
    pick(candidates) {
      let picked = 0;
      for (const [position, candidate] of candidates.entries()) {
        if (candidate.index < (candidates[picked]?.index ?? 0)) picked = position;
      }
      return picked;
    },
  };
}
