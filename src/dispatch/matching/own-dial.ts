/** A dial for one request alone, which gets the connection if it still wants it. */

import type { DialWaiter } from '../../origin/dial-purpose.js';
import type { Origin } from '../../origin/origin.js';
import type { PoolEntry } from '../../origin/pool-entry.js';
import type { Travel } from '../../origin/travel.js';
import type { WaitQueue } from '../queue/wait-queue.js';
import type { Run } from '../run.js';
import { beginCarefully } from './careful-begin.js';

export interface OwnDialFacts {
  /** The queue that the request may wait in, and whose lines take turns at the origin. */
  readonly queue?: WaitQueue<Run>;
  /** A connection of another origin would do as well. */
  readonly anyWouldDo?: boolean;
}

/** Dials a connection to `origin` for this request alone, which waits for it. False = there is no room, or the request has ended. */
export function dialAlone(run: Run, origin: Origin, { queue, anyWouldDo = false }: OwnDialFacts = {}): boolean {
  if (run.ended || !tryEmptySlot(run, origin)) return false;
  queue?.serve(run, origin);
  run.timeBudget.startWait();
  origin.dial(new OwnDial(run, origin, anyWouldDo));
  return true;
}

/** Tries to have a slot for a dial: if none is empty, closes an idle connection that the request may not ride. True = there is one. */
function tryEmptySlot(run: Run, origin: Origin): boolean {
  if (run.travel === 'fresh' && origin.freshShareLeft === 0) return false;
  if (!origin.canDial && origin.canMakeRoom) origin.makeRoom();
  return origin.canDial && !run.ended; // a listener may have ended the request
}

class OwnDial implements DialWaiter {
  readonly travel: Travel;
  readonly anyWouldDo: boolean;
  readonly #run: Run;
  readonly #origin: Origin;

  constructor(run: Run, origin: Origin, anyWouldDo: boolean) {
    this.travel = run.travel;
    this.anyWouldDo = anyWouldDo;
    this.#run = run;
    this.#origin = origin;
  }

  opened(entry: PoolEntry): boolean {
    const run = this.#run;
    const origin = this.#origin;
    if (run.ended) return false;
    if (origin.takesNew || run.request.boundTo === origin.name) {
      beginCarefully(run, origin, entry);
      return true;
    }
    // Its weight was set to 0 meanwhile: the request goes elsewhere.
    run.enqueue();
    return false;
  }

  /** A failed dial is no attempt, and not the request's fault: the request waits in the queue. */
  failed(): void {
    this.#run.enqueue();
  }
}
