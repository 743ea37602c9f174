/** When an origin is checked next, and its state: up until enough checks in a row fail, down until enough in a row pass. */

export interface CheckPace {
  /** Milliseconds between two checks. */
  readonly interval: number;
  /** Milliseconds between two checks while the last one disagreed with the state. */
  readonly fastInterval: number;
  /** Passed checks in a row that bring up what is down. */
  readonly rise: number;
  /** Failed checks in a row that take down what is up. */
  readonly fall: number;
}

export type CheckState =
  | { readonly name: 'up'; readonly failedInARow: number }
  | { readonly name: 'down'; readonly passedInARow: number };

/**
 * ```
 *    up ──`fall` failed in a row──▶ down
 *    up ◀──`rise` passed in a row── down
 * ```
 * Up at first: an origin is trusted until a check says otherwise.
 */
export class CheckCourse {
  #pace: CheckPace;
  readonly #random: () => number;
  #state: CheckState = { name: 'up', failedInARow: 0 };

  /** `random` gives numbers from 0 to below 1. */
  constructor(pace: CheckPace, random: () => number) {
    this.#pace = pace;
    this.#random = random;
  }

  get state(): CheckState {
    return this.#state;
  }

  /** Sets another pace, from the next check on. */
  configure(pace: CheckPace): void {
    this.#pace = pace;
  }

  /** Checks in a row that disagreed with the state. */
  get inARow(): number {
    return this.#state.name === 'up' ? this.#state.failedInARow : this.#state.passedInARow;
  }

  /** Milliseconds to the first check: a random part of the interval, so that processes begun together do not check together. */
  firstWaitMs(): number {
    return this.#pace.interval * this.#random();
  }

  /** Milliseconds to the next check: up to a tenth more or less, at random, so that processes do not check in step for long. */
  waitMs(): number {
    const { interval, fastInterval } = this.#pace;
    return (this.inARow > 0 ? fastInterval : interval) * (0.9 + this.#random() / 5);
  }

  /** True = this check has brought the origin up. */
  passed(): boolean {
    const state = this.#state;
    if (state.name === 'up') {
      if (state.failedInARow > 0) this.#state = { name: 'up', failedInARow: 0 };
      return false;
    }
    const passedInARow = state.passedInARow + 1;
    const rises = passedInARow >= this.#pace.rise;
    this.#state = rises ? { name: 'up', failedInARow: 0 } : { name: 'down', passedInARow };
    return rises;
  }

  /** True = this check has taken the origin down. */
  failed(): boolean {
    const state = this.#state;
    if (state.name === 'down') {
      if (state.passedInARow > 0) this.#state = { name: 'down', passedInARow: 0 };
      return false;
    }
    const failedInARow = state.failedInARow + 1;
    const falls = failedInARow >= this.#pace.fall;
    this.#state = falls ? { name: 'down', passedInARow: 0 } : { name: 'up', failedInARow };
    return falls;
  }
}
