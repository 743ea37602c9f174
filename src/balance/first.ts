/** The first origin that has room. */

import type { Balancer } from './balancer.js';

/** The balancer `'first'`: fills one origin after another, in their order, so that few are in use when there is little traffic. */
export function first(): Balancer {
  return { pick: () => 0 };
}
