/** Collects what happens in one turn of the event loop, to act on it at the end of the turn. */

import type { Clock } from '../time/clock.js';
import { throwUncaught } from '../uncaught.js';

/** Waits for the end of a turn. */
export interface AtTurnEnd {
  turnEnded(): void;
}

/**
 * A write to a socket wakes the process that reads from it. If writes are spread over a turn, each one wakes a process that has
 * gone to sleep since the last, gives it one piece of work, and the answer to it comes alone. Together at the end of the turn
 * they cost a quarter less of our CPU (docs/decisions/0040). Nothing waits longer than the other events of the same turn take.
 */
export class TurnEnd {
  readonly #clock: Clock;
  #waiting: AtTurnEnd[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `one` is called when this turn ends, after those that were added before. What it adds itself waits for the next turn. */
  add(one: AtTurnEnd): void {
    if (this.#waiting.push(one) === 1) this.#clock.soon(this.#ended);
  }

  readonly #ended = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      try {
        one.turnEnded();
      } catch (error) {
        throwUncaught(error); // later: the others would wait for ever
      }
    }
  };
}
