/** A dial for one request alone, which gets the connection if it still wants it. */

import type { Origin } from '../origin/origin.js';
import type { DialWaiter, Travel } from '../origin/setting.js';
import type { Tenancy } from '../origin/tenancy.js';
import { beginCarefully, type CarefulHouse } from './careful-begin.js';
import type { Run } from './run.js';

export class OwnDial implements DialWaiter {
  readonly travel: Travel;
  readonly anyWouldDo: boolean;
  readonly #run: Run;
  readonly #house: CarefulHouse;

  constructor(run: Run, house: CarefulHouse, anyWouldDo: boolean) {
    this.travel = run.travel;
    this.anyWouldDo = anyWouldDo;
    this.#run = run;
    this.#house = house;
  }

  opened(origin: Origin, tenancy: Tenancy): boolean {
    const run = this.#run;
    if (run.ended) return false;
    beginCarefully(run, this.#house, origin, tenancy);
    return true;
  }

  /** A failed dial is no attempt, and not the request's fault: the request waits in the queue. */
  failed(): void {
    if (!this.#run.ended) this.#house.enqueue(this.#run);
  }
}
