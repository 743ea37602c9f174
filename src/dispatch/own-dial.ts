/** What a request does with a new connection; and a dial for one request alone, whose connection is its own if it still wants it. */

import { GOING_MS } from '../origin/lessons.js';
import type { Origin } from '../origin/origin.js';
import type { DialWaiter, Travel } from '../origin/setting.js';
import type { Tenancy } from '../origin/tenancy.js';
import type { Run } from './run.js';
import type { RunHouse } from './run-house.js';

const LOOK_MS = 10;

/** Of the house, what a wait for the right moment takes. */
export type WaitingRoom = Pick<RunHouse, 'clock' | 'enqueue'>;

/** On a connection that the queue has for it. A re-send is as careful there as on one of its own. */
export function ride(run: Run, house: WaitingRoom, origin: Origin, tenancy: Tenancy, now?: number): void {
  if (run.returned) new OwnDial(run, house, true).opened(origin, tenancy);
  else run.begin(origin, tenancy, now);
}

export class OwnDial implements DialWaiter {
  readonly travel: Travel;
  readonly anyWouldDo: boolean;
  readonly #run: Run;
  readonly #house: WaitingRoom;

  constructor(run: Run, house: WaitingRoom, anyWouldDo: boolean) {
    this.travel = run.travel;
    this.anyWouldDo = anyWouldDo;
    this.#run = run;
    this.#house = house;
  }

  opened(origin: Origin, tenancy: Tenancy): boolean {
    const run = this.#run;
    if (run.ended) return false;
    const doubtful = origin.shuttingDown === 'yes' || (origin.shuttingDown === 'perhaps' && run.attempts.length > 0);
    if (doubtful) tenancy.connection.afterTwoTurns(() => this.#beginWhenHeard(origin, tenancy, GOING_MS));
    else run.begin(origin, tenancy);
    return true;
  }

  /** That is no attempt, and not the request's fault. */
  failed(): void {
    if (!this.#run.ended) this.#house.enqueue(this.#run);
  }

  /**
   * The only re-send that the request has is not to be lost in the backlog of a process that dies. Such a process closes
   * one connection after the other, on a busy machine with pauses; one that lives on answers what was sent to it since.
   */
  #beginWhenHeard(origin: Origin, tenancy: Tenancy, leftMs: number): void {
    const nobodyTells = origin.shuttingDown === 'perhaps' && origin.busy === 1;
    if (this.#run.ended || leftMs <= 0 || origin.shuttingDown === 'no' || nobodyTells) this.#begin(origin, tenancy);
    else this.#house.clock.after(LOOK_MS, () => this.#beginWhenHeard(origin, tenancy, leftMs - LOOK_MS));
  }

  #begin(origin: Origin, tenancy: Tenancy): void {
    const run = this.#run;
    if (!run.ended && origin.serves && tenancy.connection.isAlive() !== false) {
      run.begin(origin, tenancy);
      return;
    }
    origin.takeBack(tenancy);
    if (!run.ended) this.#house.enqueue(run);
  }
}
