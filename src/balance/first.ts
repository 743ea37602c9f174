/** The first origin that has room. */

import type { Balancer } from './balancer.js';

/** The balancer `'first'`: fills one origin after another, in the order of `backend.origins.names`, so that few are in use at little traffic. */
export function first(): Balancer {
  return { pick: () => 0 };
}
