/** Time as a parameter: the only file that reads a clock or starts a timer. */

import { AsyncResource } from 'node:async_hooks';

/** A pending call, made by {@link Clock.after} or {@link Clock.soon}. */
export interface Timer {
  /** Forgets the call. Harmless when it was already made. */
  cancel(): void;
}

/** The time that the library lives by. Tests pass a `ManualClock` from `pooled-backend/testing`. */
export interface Clock {
  /** Milliseconds on a monotonic clock, with fractions. Its zero means nothing. */
  now(): number;
  /** Milliseconds since the Unix epoch. For people, and to notice that the machine slept. */
  wallNow(): number;
  /** Calls `call` once, `ms` milliseconds from now. Never keeps the process alive. */
  after(ms: number, call: () => void): Timer;
  /**
   * Calls `call` after the event loop has polled for I/O once more (`setImmediate`).
   * Keeps the process alive until then, so that nothing in flight is stranded.
   */
  soon(call: () => void): Timer;
}

// setTimeout overflows above 2^31 - 1 ms and then fires at once.
const LONGEST_TIMER_MS = 2_147_483_647;

// Neither a turn of the event loop nor a hold is time: with the fake timers of a test runner, no request would be sent before the test
// moves them, and a hold, which outlives its backend, would be called without end by who runs all timers.
const { setImmediate, clearImmediate, setInterval } = globalThis;

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(ms, LONGEST_TIMER_MS));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  soon(call) {
    const immediate = setImmediate(call);
    return { cancel: () => clearImmediate(immediate) };
  },
};

// One for the process, and in the context of who loaded this: one for each backend would outlive those that are forgotten, and
// keep what the first request of each had in its AsyncLocalStorage.
const scope = new AsyncResource('PooledHold');
let timer: NodeJS.Timeout | undefined;
let held = 0; // holds that somebody has taken

function hold(change: 1 | -1): void {
  held += change;
  if (held === 0) timer?.unref();
  else if (held > 1 || change < 0) return;
  else if (timer === undefined) timer = scope.runInAsyncScope(setInterval, undefined, () => {}, LONGEST_TIMER_MS);
  else timer.ref();
}

/** Keeps the process alive while work is under way: sockets and timers of ours never do. */
export class ProcessHold {
  #holders = 0;
  #closed = false;

  take(): void {
    this.#holders += 1;
    if (this.#holders === 1 && !this.#closed) hold(1);
  }

  letGo(): void {
    this.#holders -= 1;
    if (this.#holders === 0 && !this.#closed) hold(-1);
  }

  /** Ends the hold for good. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#holders > 0) hold(-1);
  }
}
