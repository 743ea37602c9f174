/** A clock that stands still until the test moves it. */

import type { Clock, Timer } from '../clock.js';

/** Where a clock begins. */
export interface ManualClockOptions {
  /** First value of `now()`, in milliseconds. Default 0. */
  readonly now?: number | undefined;
  /** First value of `wallNow()`, in milliseconds since the Unix epoch. Default: 1 January 2000, UTC. */
  readonly wallNow?: number | undefined;
}

interface Call {
  readonly at: number; // moment on this clock
  readonly made: number; // counts the calls made to this clock
  readonly call: () => void;
}

const FIRST_WALL_MS = Date.UTC(2000, 0, 1);

// A timer of 0 ms that starts itself again would hold `advance` for ever: better a test that fails with a sentence.
const MOST_TURNS_AT_ONE_MOMENT = 100_000;

/**
 * A deterministic {@link Clock}: nothing happens until {@link advance} or {@link runSoon} is called, and then all of it
 * happens inside that call, in an order that depends on nothing but the order of the calls to the clock.
 */
export class ManualClock implements Clock {
  #now: number;
  #wallAhead: number; // wallNow() - now()
  readonly #timers: Call[] = []; // by moment, those of one moment in the order in which they were made
  readonly #soon: Call[] = []; // oldest first
  #made = 0;

  /** Stands still until it is moved. */
  constructor(options: ManualClockOptions = {}) {
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
   * Calls `call` when the clock was advanced by `ms`. Less than 0 counts as 0; `Infinity` never comes.
   * @throws RangeError for NaN
   */
  after(ms: number, call: () => void): Timer {
    if (Number.isNaN(ms)) throw new RangeError('a timer of NaN ms');
    const timer: Call = { at: this.#now + Math.max(0, ms), made: ++this.#made, call };
    let place = this.#timers.length;
    while (place > 0 && (this.#timers[place - 1]?.at ?? 0) > timer.at) place -= 1;
    this.#timers.splice(place, 0, timer);
    return { cancel: () => remove(this.#timers, timer) };
  }

  /** Calls `call` after the timers of this moment, within {@link advance}, or at the next {@link runSoon}. */
  soon(call: () => void): Timer {
    const soon: Call = { at: this.#now, made: ++this.#made, call };
    this.#soon.push(soon);
    return { cancel: () => remove(this.#soon, soon) };
  }

  /**
   * Moves the time on by `ms`. Every timer up to and at the new moment runs, in order of time, and sees its own moment
   * in `now()`; after the timers of a moment come its `soon` calls, before the time moves on. What these calls start
   * runs too when its moment is reached. `advance(0)` runs what is due now.
   * @throws RangeError for a length below 0, NaN or `Infinity`; what a call throws, the clock standing at that call
   */
  advance(ms: number): void {
    if (!(ms >= 0) || ms === Number.POSITIVE_INFINITY) throw new RangeError(`cannot advance by ${ms} ms`);
    const end = this.#now + ms;
    this.#runMoment();
    for (let next = this.#timers[0]; next !== undefined && next.at <= end; next = this.#timers[0]) {
      this.#now = next.at;
      this.#runMoment();
    }
    this.#now = end;
  }

  /**
   * Runs the `soon` calls that are pending, without moving the time and without running timers. Those that they add
   * wait for the next time, as with `setImmediate`.
   */
  runSoon(): void {
    const last = this.#made;
    for (let first = this.#soon[0]; first !== undefined && first.made <= last; first = this.#soon[0]) {
      this.#soon.shift();
      first.call();
    }
  }

  /** Moves `wallNow()` alone, as when the machine slept or its time was set. May be negative. */
  shiftWall(ms: number): void {
    this.#wallAhead += ms;
  }

  /** The moment of the next timer on this clock; `undefined` when there is none. */
  get nextTimer(): number | undefined {
    const at = this.#timers[0]?.at;
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  /** Timers and `soon` calls that were neither run nor cancelled. */
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
