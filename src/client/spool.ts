/** Response bytes that wait for a slow client: read ahead, so that the origin's connection is free early. */

import type { ByteBudget } from './byte-budget.js';

/** The bytes that one response holds. */
export class Spool {
  readonly #budget: ByteBudget;
  readonly #limitBytes: number;
  #held = 0;

  constructor(budget: ByteBudget, limitBytes: number) {
    this.#budget = budget;
    this.#limitBytes = limitBytes;
  }

  /** Notes that `pending` bytes of the response wait now. Returns false when no more should be read. */
  hold(pending: number): boolean {
    this.#budget.add(pending - this.#held);
    this.#held = pending;
    return pending < this.#limitBytes && !this.#budget.exceeded;
  }

  /** The client took everything, or is gone. */
  empty(): void {
    this.hold(0);
  }
}
