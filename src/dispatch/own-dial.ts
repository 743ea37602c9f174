/** What a request does with a new connection; and a dial for one request alone, which gets the connection if it still wants it. */

import { GOING_MS } from '../origin/lessons.js';
import type { Origin } from '../origin/origin.js';
import type { DialWaiter, Travel } from '../origin/setting.js';
import type { Tenancy } from '../origin/tenancy.js';
import type { Run } from './run.js';
import type { RunHouse } from './run-house.js';

const LOOK_MS = 10;

/** The part of the house that a wait for the right moment needs. */
export type WaitingRoom = Pick<RunHouse, 'clock' | 'enqueue'>;

/** Begins on a connection that the queue has for the request. A re-send is as careful there as on one that was dialled for it. */
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

  /** A failed dial is no attempt, and not the request's fault: the request waits in the queue. */
  failed(): void {
    if (!this.#run.ended) this.#house.enqueue(this.#run);
  }

  /**
   * The request has only one re-send, which must not be lost in the backlog of a process that is dying. Such a process closes
   * one connection after the other, on a busy machine with pauses. A process that lives on answers requests that were sent to it
   * after those closes.
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
