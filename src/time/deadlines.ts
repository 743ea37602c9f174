/** Every timeout of a backend, on one timer: no request needs a timer of its own. No timeout takes effect before the kernel was read. */

import { AsyncResource } from 'node:async_hooks';
import { type Linked, LinkedSet } from '../linked-set.js';
import { throwUncaught } from '../uncaught.js';
import type { Clock, Timer } from './clock.js';

/** One timeout that can be set, moved and cleared many times at the cost of a field. */
export interface Deadline {
  /** Expires `ms` from now, whatever was set before. `Infinity` clears. `now`: the current time, if the caller has just read the clock. */
  set(ms: number, now?: number): void;
  clear(): void;
  readonly isSet: boolean;
  /** Moment on the clock, `Infinity` when clear. */
  readonly at: number;
}

/** For an object that is its own deadline. Where each request has one, this saves a separate deadline object and its closure. */
export abstract class Expiring implements Deadline, Linked<Expiring> {
  /** @internal */
  previousLinked: Expiring | undefined = undefined;
  /** @internal */
  nextLinked: Expiring | undefined = undefined;
  /** @internal */
  isLinked = false;
  /** @internal The moment, `undefined` when clear. */
  moment: number | undefined = undefined;
  protected readonly deadlines: Deadlines;

  constructor(deadlines: Deadlines) {
    this.deadlines = deadlines;
  }

  /** Called each time its moment passes; it is clear again by then. */
  abstract expire(): void;

  get isSet(): boolean {
    return this.moment !== undefined;
  }

  get at(): number {
    return this.moment ?? Number.POSITIVE_INFINITY;
  }

  set(ms: number, now?: number): void {
    this.deadlines.move(this, ms, now);
  }

  clear(): void {
    this.deadlines.move(this, Number.POSITIVE_INFINITY);
  }
}

// A sweep looks at every deadline. So it comes less often the more deadlines there are; otherwise 40,000 waiting requests would take most
// of a CPU.
const SWEPT_PER_MS = 1_000;

class PlainDeadline extends Expiring {
  readonly expire: () => void;

  constructor(deadlines: Deadlines, expire: () => void) {
    super(deadlines);
    this.expire = expire;
  }
}

/**
 * The coarse sweep. One timer runs to the earliest known moment, but at least a millisecond after the last sweep for each thousand
 * deadlines. A deadline that is moved to a later moment leaves the timer where it is, so a request that is answered in time costs a few
 * field writes.
 */
export class Deadlines {
  readonly clock: Clock;
  readonly #listed = new LinkedSet<Expiring>(); // the deadlines that have a moment
  // Each timer starts the next one. Without a scope, all of them would run in the async context of the request that needed the first one,
  // and keep what that request has stored there.
  readonly #scope = new AsyncResource('PooledDeadlines');
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** A deadline, clear at first. `expire` is called each time its moment passes; it is clear again by then. */
  create(expire: () => void): Deadline {
    return new PlainDeadline(this, expire);
  }

  /** How many deadlines have a moment. */
  get size(): number {
    return this.#listed.size;
  }

  /** Stops the timer if no deadline has a moment, so that a closed backend leaves nothing running. */
  rest(): void {
    if (this.#listed.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  /** @internal Called by {@link Deadline.set} and {@link Deadline.clear}. */
  move(deadline: Expiring, ms: number, now?: number): void {
    if (ms === Number.POSITIVE_INFINITY) {
      deadline.moment = undefined;
      this.#listed.delete(deadline);
      return;
    }
    const at = (now ?? this.clock.now()) + ms;
    deadline.moment = at;
    this.#listed.add(deadline);
    if (at < this.#timerAt) this.#runTo(at);
  }

  #runTo(moment: number): void {
    const at = Math.max(moment, this.#sweptAt + Math.floor(this.#listed.size / SWEPT_PER_MS));
    if (at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    // Rounded up: a timer that fires a fraction early would find nothing due and start again.
    const ms = Math.max(0, Math.ceil(at - this.clock.now()));
    this.#timer = this.#scope.runInAsyncScope(this.clock.after, this.clock, ms, () => this.#sweep());
  }

  #sweep(): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.clock.now();
    this.#sweptAt = now;
    let earliest = Number.POSITIVE_INFINITY;
    let due: Expiring[] | undefined;
    for (const deadline of this.#listed) {
      if (deadline.at <= now) {
        due ??= [];
        due.push(deadline);
      } else if (deadline.at < earliest) earliest = deadline.at;
    }
    if (earliest !== Number.POSITIVE_INFINITY) this.#runTo(earliest);
    // After a blocked event loop, timers run before it reads what is already in the kernel. The answer that would clear this deadline may
    // be there: without this turn, 20 of 20 answered requests were timed out.
    if (due !== undefined) this.clock.soon(() => this.#expire(due, now));
  }

  #expire(due: readonly Expiring[], sweptAt: number): void {
    for (const deadline of due) {
      if (deadline.at > sweptAt) continue; // cleared or moved meanwhile
      this.move(deadline, Number.POSITIVE_INFINITY);
      try {
        deadline.expire();
      } catch (error) {
        throwUncaught(error); // later: no timer would come back for the other deadlines
      }
    }
  }
}
