/** A clock that stands still until the test moves it. */

import type { Clock, Timer } from '../time/clock.js';
import { checkNames } from './known-names.js';

/** Start values of a `ManualClock`. */
export interface ManualClockOptions {
  /** Initial value of `now()` in milliseconds. @default 0 */
  readonly now?: number | undefined;
  /** Initial value of `wallNow()` in milliseconds since the Unix epoch. @default 1 January 2000, UTC */
  readonly wallNow?: number | undefined;
}

interface Call {
  readonly at: number; // when it is due, on this clock
  readonly made: number; // numbers the calls in the order in which they were requested
  readonly call: () => void;
}

const FIRST_WALL_MS = Date.UTC(2000, 0, 1);

// A timer of 0 ms that starts itself again would keep `advance` busy for ever. With this limit the test fails with a message.
const MOST_TURNS_AT_ONE_MOMENT = 100_000;

/**
 * A deterministic {@link Clock} that only moves when told to. All calls are made inside {@link advance} or {@link
 * runSoon}, in an order that only depends on the order in which they were requested.
 *
 * @example
 * ```ts
 * const clock = new ManualClock();
 * clock.after(5_000, () => console.log('five seconds later'));
 * clock.advance(5_000);
 * ```
 */
export class ManualClock implements Clock {
  #now: number;
  #wallAhead: number; // wallNow() - now()
  readonly #timers: Call[] = []; // sorted by due time, then by the order of the requests
  readonly #soon: Call[] = []; // oldest first
  #made = 0;

  /** Creates a clock that stands still. */
  constructor(options: ManualClockOptions = {}) {
    checkNames('ManualClock', options, ['now', 'wallNow']);
    this.#now = options.now ?? 0;
    this.#wallAhead = (options.wallNow ?? FIRST_WALL_MS) - this.#now;
  }

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now + this.#wallAhead;
  }

  /**
   * Calls `call` once the clock has advanced by `ms`. Values below 0 count as 0; with `Infinity` the call is never
   * made.
   *
   * @throws RangeError for NaN
   */
  after(ms: number, call: () => void): Timer {
    if (Number.isNaN(ms)) throw new RangeError('ms must be a number, got NaN');
    const timer: Call = { at: this.#now + Math.max(0, ms), made: ++this.#made, call };
    let place = this.#timers.length;
    while (place > 0 && (this.#timers[place - 1]?.at ?? 0) > timer.at) place -= 1;
    this.#timers.splice(place, 0, timer);
    return { cancel: () => remove(this.#timers, timer) };
  }

  /** Calls `call` within {@link advance}, after the timers of the current moment, or at the next {@link runSoon}. */
  soon(call: () => void): Timer {
    const soon: Call = { at: this.#now, made: ++this.#made, call };
    this.#soon.push(soon);
    return { cancel: () => remove(this.#soon, soon) };
  }

  /**
   * Advances the clock by `ms` and makes all calls due up to then, in order of time; each sees its own time in `now()`.
   * The `soon` calls of a moment come after its timers. Timers started by these calls run too if they become due.
   * `advance(0)` makes the calls that are due now.
   *
   * @throws RangeError for a value below 0, NaN or `Infinity`. What a call throws is passed on, with the clock stopped
   *   there
   */
  advance(ms: number): void {
    if (!(ms >= 0) || ms === Number.POSITIVE_INFINITY) throw new RangeError(`cannot advance by ${ms} ms`);
    const end = this.#now + ms;
    this.#runMoment();
    for (let next = this.#timers[0]; next !== undefined && next.at <= end; next = this.#timers[0]) {
      this.#now = next.at;
      this.#runMoment();
    }
    this.#now = Math.max(this.#now, end); // one of the calls may have advanced further
  }

  /**
   * Makes the pending `soon` calls, without advancing the clock or running timers. Calls that they add wait for the
   * next time, as with `setImmediate`.
   */
  runSoon(): void {
    const last = this.#made;
    for (let first = this.#soon[0]; first !== undefined && first.made <= last; first = this.#soon[0]) {
      this.#soon.shift();
      first.call();
    }
  }

  /** Changes `wallNow()` only, as if the machine had slept or its time had been set. `ms` may be negative. */
  shiftWall(ms: number): void {
    this.#wallAhead += ms;
  }

  /** Time of the next timer on this clock; `undefined` if there is none. */
  get nextTimer(): number | undefined {
    const at = this.#timers[0]?.at;
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  /** Number of timers and `soon` calls that were neither made nor cancelled. */
  get pending(): number {
    return this.#timers.length + this.#soon.length;
  }

  #runMoment(): void {
    for (let turns = 0; this.#runTimers() || this.#soon.length > 0; turns += 1) {
      if (turns > MOST_TURNS_AT_ONE_MOMENT) throw this.#endless();
      this.runSoon();
    }
  }

  #runTimers(): boolean {
    let ran = 0;
    for (let timer = this.#timers[0]; timer !== undefined && timer.at <= this.#now; timer = this.#timers[0]) {
      if (ran > MOST_TURNS_AT_ONE_MOMENT) throw this.#endless();
      this.#timers.shift();
      timer.call();
      ran += 1;
    }
    return ran > 0;
  }

  #endless(): Error {
    return new Error(`more than ${MOST_TURNS_AT_ONE_MOMENT} calls at ${this.#now} ms: they start each other for ever`);
  }
}

function remove(calls: Call[], call: Call): void {
  const place = calls.indexOf(call);
  if (place !== -1) calls.splice(place, 1);
}
