/** The balancers by name. */

import type { Balancer } from './balancer.js';
import { first } from './first.js';
import { type HashOptions, hash } from './hash.js';
import { leastBusy } from './least-busy.js';
import { roundRobin } from './round-robin.js';
import { twoChoices } from './two-choices.js';

/** The option `balance`: name of a built-in balancer, hashing, or your own balancer. */
export type BalanceOption = 'least-busy' | 'round-robin' | 'two-choices' | 'first' | HashOptions | Balancer;

/**
 * Makes a built-in balancer for one backend. Backends cannot share one: some remember which origins they picked.
 *
 * @param random gives numbers from 0 to below 1
 */
export function balancerFor(option: BalanceOption, random: () => number): Balancer {
  switch (option) {
    case 'least-busy':
      return leastBusy();
    case 'round-robin':
      return roundRobin();
    case 'two-choices':
      return twoChoices(random);
    case 'first':
      return first();
    default:
      return 'pick' in option ? option : hash(option);
  }
}
