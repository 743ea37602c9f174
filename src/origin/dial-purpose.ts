/** What a dial is for. */

import type { PoolEntry } from './pool-entry.js';
import type { Travel } from './travel.js';

/** A request that waits for one dial of its own. */
export interface DialWaiter {
  /** How the request travels. */
  readonly travel: Travel;
  /** A connection of another origin would do. */
  readonly anyWouldDo: boolean;
  /** False = the connection is not wanted any more. */
  opened(entry: PoolEntry): boolean;
  failed(): void;
}

/** The queue, the stock (spares and the minimum), or one request. */
export type DialPurpose = 'demand' | 'stock' | DialWaiter;
