/** When an origin that cannot be dialled may be dialled again. */

import type { Clock } from '../time/clock.js';

/**
 * `ready`: any number of dials may run. `waiting`: the last dial failed, and none may begin before `until`. `trial`: a single
 * dial runs to find out whether the origin can be reached again. Moments are those of the clock.
 */
export type DialBackoffState =
  | { readonly name: 'ready' }
  | {
      readonly name: 'waiting';
      /** First failure since the last success. */
      readonly since: number;
      readonly until: number;
      /** Failures in a row; those of dials that ran side by side count as one. */
      readonly failures: number;
      readonly lastError: Error;
    }
  | { readonly name: 'trial'; readonly since: number; readonly failures: number; readonly lastError: Error };

const FIRST_WAIT_MS = 25;
const LONGEST_WAIT_MS = 1000;
const READY: DialBackoffState = { name: 'ready' };

/**
 * ```
 *    ready ──failed──▶ waiting ──begin, when due──▶ trial
 *    waiting ◀──failed, abandoned── trial
 *    ready ◀──succeeded── waiting, trial
 * ```
 */
export class DialBackoff {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onChange: () => void;
  #state: DialBackoffState = READY;
  #takesLong = false;

  /** `random` gives numbers from 0 to below 1; `onChange` is called when the state has another name. */
  constructor(clock: Clock, random: () => number, onChange: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onChange = onChange;
  }

  get state(): DialBackoffState {
    return this.#state;
  }

  /** The origin can be dialled, as far as is known. */
  get isReady(): boolean {
    return this.#state.name === 'ready';
  }

  /** A dial takes so long that another origin should be dialled instead. This is no failure yet. */
  takesLong(): void {
    this.#takesLong = true;
  }

  /** Whether a dial takes long, as the last news of the dials says: see {@link takesLong}. */
  get isLate(): boolean {
    return this.#takesLong;
  }

  /** Whether a dial may begin now. */
  mayDial(): boolean {
    switch (this.#state.name) {
      case 'ready':
        return true;
      case 'waiting':
        return this.#clock.now() >= this.#state.until;
      case 'trial':
        return false;
    }
  }

  /**
   * A dial begins. After a wait it is the trial.
   * @throws Error when {@link mayDial} is false.
   */
  begin(): void {
    const state = this.#state;
    if (!this.mayDial()) throw new Error(`cannot dial in back-off: ${state.name} after ${failuresOf(state)} failures`);
    if (state.name !== 'waiting') return;
    this.#become({ name: 'trial', since: state.since, failures: state.failures, lastError: state.lastError });
  }

  /** A dial failed. `othersServe`: other origins do, in the meantime. Returns the milliseconds until the next dial may begin. */
  failed(lastError: Error, othersServe = false): number {
    const now = this.#clock.now();
    const state = this.#state;
    this.#takesLong = false;
    switch (state.name) {
      case 'waiting':
        // This dial ran beside the one whose failure began the wait: a hundred refusals at once count as one failure.
        this.#state = { ...state, lastError };
        return Math.max(0, state.until - now);
      case 'ready':
        return this.#wait({ since: now, failures: 1, lastError }, othersServe);
      case 'trial':
        return this.#wait({ since: state.since, failures: state.failures + 1, lastError }, othersServe);
    }
  }

  /** A dial succeeded, the trial or any other. */
  succeeded(): void {
    this.#takesLong = false;
    if (!this.isReady) this.#become(READY);
  }

  /** The trial was given up, for example because no request needed it any more: the next may begin at once. */
  abandoned(): void {
    this.#takesLong = false;
    if (this.#state.name !== 'trial') return;
    this.#become({ ...this.#state, name: 'waiting', until: this.#clock.now() });
  }

  #wait(fault: { since: number; failures: number; lastError: Error }, othersServe: boolean): number {
    const mostMs = othersServe ? LONGEST_WAIT_MS : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (fault.failures - 1));
    // At random from the whole range but never 0, so that many processes do not dial a returning origin in step. If others serve,
    // there is no hurry: then from the upper half of the range, which makes at most two dials a second.
    const waitMs = mostMs * (1 - this.#random() / (othersServe ? 2 : 1));
    this.#become({ name: 'waiting', until: this.#clock.now() + waitMs, ...fault });
    return waitMs;
  }

  #become(state: DialBackoffState): void {
    this.#state = state;
    this.#onChange();
  }
}

function failuresOf(state: DialBackoffState): number {
  return state.name === 'ready' ? 0 : state.failures;
}
