/** Dials for requests that avoid some origins. What is dialled for the others may lead to just those. */

import type { Origin } from '../../origin/origin.js';
import type { OriginChoice } from '../choice/origin-choice.js';
import type { WaitQueue } from '../queue/wait-queue.js';
import { ONLY, TRAVELS } from '../queue/waiter.js';
import type { Run } from '../run.js';
import { dialAlone } from './own-dial.js';

/** Such a request never waits for a dial of the queue: as soon as another origin has room, one is dialled for it alone. */
export class ApartMatching {
  readonly #queue: WaitQueue<Run>;
  readonly #choice: OriginChoice;

  constructor(queue: WaitQueue<Run>, choice: OriginChoice) {
    this.#queue = queue;
    this.#choice = choice;
  }

  /** Dials for these requests as long as there is room for them. */
  dial(): void {
    for (const travel of TRAVELS) {
      if (this.#queue.apart.lengthOf(travel) === 0) continue;
      for (const avoids of this.#queue.apart.avoided) {
        if (!this.#choice.hasRoom(travel)) break; // there may be thousands of these lines, and of origins
        const next = () => this.#queue.peekApart(avoids, ONLY[travel]);
        for (let run = next(); run !== undefined && this.#dialSomewhere(run); run = next());
      }
    }
  }

  #dialSomewhere(run: Run): boolean {
    const origin = this.#choice.elsewhere(run);
    return origin !== undefined && this.dialAt(run, origin);
  }

  /** False = there is no room, or the request has ended. */
  dialAt(run: Run, origin: Origin): boolean {
    return dialAlone(run, origin, { queue: this.#queue, anyWouldDo: true });
  }
}
