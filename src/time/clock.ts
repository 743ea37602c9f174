/** Time as a parameter: the only file that reads a clock or starts a timer. */

import { AsyncResource } from 'node:async_hooks';

/** A pending call, made by {@link Clock.after} or {@link Clock.soon}. */
export interface Timer {
  /** Cancels the call. Does nothing if it was already made. */
  cancel(): void;
}

/** Source of time and timers. Tests use a `ManualClock`. */
export interface Clock {
  /** Milliseconds on a monotonic clock, with fractions, from an arbitrary zero. */
  now(): number;
  /** Milliseconds since the Unix epoch. */
  wallNow(): number;
  /** Calls `call` once, after `ms` milliseconds. Does not keep the process alive. */
  after(ms: number, call: () => void): Timer;
  /**
   * Calls `call` once, after the event loop has polled for I/O again, like `setImmediate`. Keeps the process alive
   * until then.
   */
  soon(call: () => void): Timer;
}

// setTimeout overflows above 2^31 - 1 ms and then fires at once.
const LONGEST_TIMER_MS = 2_147_483_647;

// Taken now, before a test runner can replace them by fake timers. A turn of the event loop and a hold are not lengths of time: with a fake
// setImmediate no request would be sent until the test moves its timers, and a test that runs all its timers would call the interval of a
// hold without end.
const { setImmediate, clearImmediate, setInterval, clearInterval } = globalThis;

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

// One timer for the whole process, in the async context of whoever loaded this file. A timer for each backend would outlive a backend that
// is forgotten, and would keep what the first request of that backend had in its AsyncLocalStorage.
const scope = new AsyncResource('PooledHold');
// Jest's detectOpenHandles takes a resource that is not destroyed for one that keeps the process alive. Not chained: Bun returns nothing.
scope.emitDestroy();
let timer: NodeJS.Timeout | undefined; // exists while there is a hold that is not closed
let open = 0; // holds that were taken at least once, and are not closed
let held = 0; // how many of those are taken now

function opened(): void {
  open += 1;
  timer ??= scope.runInAsyncScope(() => setInterval(() => {}, LONGEST_TIMER_MS).unref());
}

function closed(): void {
  open -= 1;
  if (open > 0) return;
  clearInterval(timer);
  timer = undefined;
}

function taken(): void {
  held += 1;
  if (held === 1) timer?.ref();
}

function letGo(): void {
  held -= 1;
  if (held === 0) timer?.unref();
}

/** Keeps the process alive while work is in progress. Our sockets and other timers never do. */
export class ProcessHold {
  #holders = 0;
  #state: 'unused' | 'open' | 'closed' = 'unused';

  take(): void {
    this.#holders += 1;
    if (this.#holders > 1 || this.#state === 'closed') return;
    if (this.#state === 'unused') opened();
    this.#state = 'open';
    taken();
  }

  letGo(): void {
    this.#holders -= 1;
    if (this.#holders === 0 && this.#state === 'open') letGo();
  }

  /** Ends the hold for good. */
  close(): void {
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    if (!wasOpen) return;
    if (this.#holders > 0) letGo();
    closed();
  }
}
