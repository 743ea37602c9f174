/** A dial for one request alone: its connection is that request's, if it still wants it. */

import type { BackendError } from '../errors.js';
import type { Origin } from '../origin/origin.js';
import type { DialWaiter } from '../origin/setting.js';
import type { Tenancy } from '../origin/tenancy.js';
import type { Run } from './run.js';
import type { RunHouse } from './run-house.js';

// Milliseconds until a process that dies has closed its listening socket and what it had not accepted.
const GOING_MS = 50;

export class OwnDial implements DialWaiter {
  readonly #run: Run;
  readonly #house: RunHouse;

  constructor(run: Run, house: RunHouse) {
    this.#run = run;
    this.#house = house;
  }

  opened(origin: Origin, tenancy: Tenancy): boolean {
    const run = this.#run;
    if (run.ended) return false;
    if (origin.going === 'yes') this.#house.clock.after(GOING_MS, () => this.#begin(origin, tenancy));
    else if (origin.going === 'perhaps' && run.attempts.length > 0) this.#beginWhenHeard(origin, tenancy);
    else run.begin(origin, tenancy);
    return true;
  }

  /** That is no attempt, and not the request's fault. */
  failed(_error: BackendError): void {
    if (!this.#run.ended) this.#house.enqueue(this.#run);
  }

  /** The next connection of a process that dies may be closed already: then that is heard first. */
  #beginWhenHeard(origin: Origin, tenancy: Tenancy): void {
    tenancy.connection.afterTwoTurns(() => {
      if (origin.going === 'yes') this.#house.clock.after(GOING_MS, () => this.#begin(origin, tenancy));
      else this.#begin(origin, tenancy);
    });
  }

  /** The only re-send that the request has is not to be lost in the backlog of a process that dies. */
  #begin(origin: Origin, tenancy: Tenancy): void {
    const run = this.#run;
    const wanted = !run.ended && origin.serves;
    if (!wanted) origin.takeBack(tenancy);
    if (wanted && tenancy.connection.isAlive() !== false) run.begin(origin, tenancy);
    else if (!run.ended) this.#house.enqueue(run);
  }
}
