/** The demand that origins work for: requests that wait. The `Matching` of the dispatcher is one. */

import type { BackendError } from '../errors.js';
import type { PoolEntry } from './pool-entry.js';

export interface Demand {
  /** Whether any request waits. */
  readonly waiting: boolean;
  /** A slot is empty, or dialling is allowed again. Does nothing if no request waits. */
  room(): void;
  /** Whether the origin takes requests, or how many, may be different now. */
  changed(): void;
}

/** What an origin tells of itself. */
export interface DemandOn<Origin> extends Demand {
  /** Whether other origins can serve without this one. */
  othersCanServe(origin: Origin): boolean;
  /** Whether requests that are bound to the origin of that name may go there now. */
  isHome(name: string): boolean;
  /** Offers a connection that is alive at this moment. True = it was taken. */
  offer(origin: Origin, entry: PoolEntry): boolean;
  /** A dial for the demand is over. */
  arrived(): void;
  /** An idle connection will be offered when it is known to be alive. */
  checkBegun(origin: Origin): void;
  /** That check is over. */
  checked(origin: Origin): void;
  dialFailed(origin: Origin, error: BackendError): void;
}
