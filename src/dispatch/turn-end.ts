/** Gathers what a turn of the event loop has brought, to be acted upon when all of it was heard. */

import type { Clock } from '../clock.js';

/** Waits for the end of a turn. */
export interface AtTurnEnd {
  turnEnded(): void;
}

/**
 * A write to a socket wakes whoever reads from it. Spread over a turn, each wakes a process that has gone to sleep since the
 * last, finds it one piece of work, and has its answer come alone; together at the end of the turn they cost a quarter less
 * of our CPU (docs/decisions/0040). Nothing waits for longer than the events take that were there at the same time.
 */
export class TurnEnd {
  readonly #clock: Clock;
  #waiting: AtTurnEnd[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `one` is called when this turn ends, behind those that were added before. What it adds waits for the next. */
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
        // It must be seen, and must not keep the others waiting for ever.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  };
}
