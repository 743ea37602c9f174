/** The balancers by name. */

import type { BalanceOption, Balancer } from './balancer.js';
import { leastBusy } from './least-busy.js';
import { roundRobin } from './round-robin.js';
import { twoChoices } from './two-choices.js';

/** A balancer of its own for each backend: some remember whom they picked. */
export function balancerFor(option: BalanceOption): Balancer {
  switch (option) {
    case 'least-busy':
      return leastBusy();
    case 'round-robin':
      return roundRobin();
    case 'two-choices':
      return twoChoices();
    default:
      return option;
  }
}
