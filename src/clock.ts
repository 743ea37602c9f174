/** Time as a parameter: the only file that reads a clock or starts a timer. */

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

// A turn of the event loop is no time: with the fake timers of a test runner, no request would be sent before the test moves them.
const { setImmediate, clearImmediate } = globalThis;

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

/** Keeps the process alive while work is under way: sockets and timers of ours never do. */
export class ProcessHold {
  #timer: NodeJS.Timeout | undefined;
  #holders = 0;
  #closed = false;

  take(): void {
    this.#holders += 1;
    if (this.#holders > 1 || this.#closed) return;
    if (this.#timer === undefined) this.#timer = setInterval(() => {}, LONGEST_TIMER_MS);
    else this.#timer.ref();
  }

  letGo(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#timer?.unref();
  }

  /** Ends the hold for good. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
