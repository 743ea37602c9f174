/** The option `nonIdempotent`. */

import { oneOf } from './checks.js';

/** Which connections a request that is not idempotent may use: see the option `nonIdempotent`. */
export type NonIdempotentTravel = 'fresh' | 'verified' | 'any';

/** The travel of a request that is not idempotent. */
export const travel = oneOf<readonly NonIdempotentTravel[]>('fresh', 'verified', 'any');
