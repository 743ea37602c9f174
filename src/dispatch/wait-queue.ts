/** Requests that wait for a connection: bounded, three lanes, oldest first until that would let all of them time out. */

import type { Clock } from '../clock.js';

/**
 * Which connections a request may ride: `any` that passes the check, a reused one only if it is `verified` (or a fresh
 * one), or only a `fresh` one.
 */
export type Travel = 'any' | 'verified' | 'fresh';

/**
 * One place in the queue; the dispatcher's own class extends it. It is settled once, by whoever gets it out: `take()`
 * returns it, `leave()` answers true, or `enqueue()` and `expire()` name it in a {@link Refusal}.
 */
export abstract class Waiter {
  /** May change: a re-send travels `fresh`. A waiter stays in the lane in which it was let in. */
  travel: Travel;
  /** @internal */
  lane: Travel;
  /** @internal 0 = not in the queue; else grows with each enqueue. */
  sequence = 0;
  /** @internal */
  enqueuedAt = 0;
  /** @internal Moment at which half of its time is gone. */
  halfAt = Number.POSITIVE_INFINITY;
  /** @internal */
  older: this | undefined = undefined;
  /** @internal */
  newer: this | undefined = undefined;

  constructor(travel: Travel) {
    this.travel = travel;
    this.lane = travel;
  }

  /** Whether it is in the queue. */
  get waiting(): boolean {
    return this.sequence > 0;
  }
}

/**
 * `full`: no room. `hopeless`: the wait would be more than twice the time left. `displaced`: had waited more than half
 * of its time and made room for a newcomer, in overload. `timeout`: its time is up.
 */
export type RefusalReason = 'full' | 'hopeless' | 'displaced' | 'timeout';

/** A waiter that is not in the queue and never will be: whoever receives this settles it. */
export interface Refusal<W extends Waiter> {
  readonly waiter: W;
  readonly reason: RefusalReason;
  /** Milliseconds that it has waited. */
  readonly waitedMs: number;
  /** Seconds, for the Retry-After field. */
  readonly retryAfter: number;
}

/** Which travels the connection at hand can serve. */
export type Fits = Readonly<Record<Travel, boolean>>;

export interface WaitQueueOptions {
  /** Most waiters at once. 0 = nobody waits; `Infinity` = no limit. */
  readonly maxQueue: number;
  /** Milliseconds; what counts as an old head is measured by it. The waiters' own deadlines are their owners'. */
  readonly queueTimeoutMs: number;
  readonly clock: Clock;
}

/** The queue at one moment. */
export interface WaitQueueStats {
  /** Waiting now. */
  readonly length: number;
  /** The limit. */
  readonly max: number;
  /** Requests that have entered the queue so far. */
  readonly waits: number;
  /** Waiters refused so far. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
  /** The newest are served first for now. */
  readonly overloaded: boolean;
}

const LONGEST_RETRY_AFTER_S = 30;

/** A queue without timers and without a step that grows with its length. */
export class WaitQueue<W extends Waiter> {
  #maxQueue: number;
  #queueTimeoutMs: number;
  readonly #clock: Clock;
  readonly #lanes = { any: new Lane<W>(), verified: new Lane<W>(), fresh: new Lane<W>() };
  readonly #durations = new Durations();
  readonly #refused: Record<RefusalReason, number> = { full: 0, hopeless: 0, displaced: 0, timeout: 0 };
  #sequence = 0; // of the newest waiter so far
  #overloaded = false; // as of the last waiter that came or went

  constructor(options: WaitQueueOptions) {
    this.#maxQueue = options.maxQueue;
    this.#queueTimeoutMs = options.queueTimeoutMs;
    this.#clock = options.clock;
  }

  /** Other limits, from now on. Who waits already goes on waiting. */
  allow(maxQueue: number, queueTimeoutMs: number): void {
    this.#maxQueue = maxQueue;
    this.#queueTimeoutMs = queueTimeoutMs;
  }

  get length(): number {
    return this.#lanes.any.length + this.#lanes.verified.length + this.#lanes.fresh.length;
  }

  lengthOf(travel: Travel): number {
    return this.#lanes[travel].length;
  }

  get stats(): WaitQueueStats {
    return {
      length: this.length,
      max: this.#maxQueue,
      waits: this.#sequence,
      refused: { ...this.#refused },
      overloaded: this.#isOverloaded(this.#clock.now()),
    };
  }

  /**
   * Lets `waiter` in. Somebody is refused when there is no room or no hope: the newcomer, or an older waiter in whose
   * place it came. See `refusal.waiter`.
   * @param timeLeftMs until the newcomer's own deadline
   * @param usable connections that serve the queue, of all origins that take requests now
   * @param coming connections that are being made for those who wait: whoever only waits for one takes no room
   */
  enqueue(waiter: W, timeLeftMs: number, usable: number, coming = 0): Refusal<W> | undefined {
    if (waiter.waiting) throw new Error(`enqueue() of a waiter that is waiting since ${waiter.enqueuedAt}`);
    const now = this.#clock.now();
    this.#overloaded = this.#isOverloaded(now);
    waiter.enqueuedAt = now;
    // In overload the newcomer is served next: nobody is ahead of it.
    if (!this.#overloaded && (this.estimateMs(usable) ?? 0) > 2 * timeLeftMs) {
      return this.#refuse(waiter, 'hopeless', usable);
    }
    let displaced: W | undefined;
    if (this.length >= this.#maxQueue + coming) {
      displaced = this.#pastHalf(now);
      if (displaced === undefined) return this.#refuse(waiter, 'full', usable);
      this.#lanes[displaced.lane].remove(displaced);
    }
    this.#sequence += 1;
    waiter.sequence = this.#sequence;
    waiter.halfAt = now + timeLeftMs / 2;
    waiter.lane = waiter.travel;
    this.#lanes[waiter.lane].add(waiter);
    return displaced === undefined ? undefined : this.#refuse(displaced, 'displaced', usable);
  }

  /** Takes the waiter whose turn it is among those that fit; the caller serves it. */
  take(fits: Fits): W | undefined {
    this.#overloaded = this.#isOverloaded(this.#clock.now());
    const waiter = this.#turn(fits, this.#overloaded);
    if (waiter !== undefined) this.#lanes[waiter.lane].remove(waiter);
    return waiter;
  }

  /** Whose turn it is among those that fit. It stays. */
  peek(fits: Fits): W | undefined {
    return this.#turn(fits, this.#isOverloaded(this.#clock.now()));
  }

  /** The requester is gone. False when the waiter was not in the queue: then somebody else has settled it. */
  leave(waiter: W): boolean {
    if (!waiter.waiting) return false;
    this.#overloaded = this.#isOverloaded(this.#clock.now());
    this.#lanes[waiter.lane].remove(waiter);
    return true;
  }

  /** The waiter's time is up. `undefined` when it was not in the queue: then somebody else has settled it. */
  expire(waiter: W, usable: number): Refusal<W> | undefined {
    return this.leave(waiter) ? this.#refuse(waiter, 'timeout', usable) : undefined;
  }

  /** How long an exchange took that was served: the estimate lives by it. */
  observeExchange(ms: number): void {
    this.#durations.add(ms);
  }

  /**
   * Milliseconds until `usable` connections would have served all who wait now; `undefined` while too few exchanges
   * were seen, or no connection is usable and nobody can tell.
   */
  estimateMs(usable: number): number | undefined {
    const mean = this.#durations.meanMs;
    return mean === undefined || usable <= 0 ? undefined : (this.length * mean) / usable;
  }

  /** The estimate for a Retry-After field: whole seconds, 1 to 30. */
  retryAfterSeconds(usable: number): number {
    const seconds = Math.ceil((this.estimateMs(usable) ?? 0) / 1000);
    return Math.min(Math.max(seconds, 1), LONGEST_RETRY_AFTER_S);
  }

  /**
   * Oldest first is fair, but once the queue is longer than its timeout it serves everyone just before they give up.
   * Newest first then serves some in time, until those who waited too long are gone.
   */
  #isOverloaded(now: number): boolean {
    const { any, verified, fresh } = this.#lanes;
    const head = older(older(any.oldest, verified.oldest), fresh.oldest);
    if (head === undefined) return false;
    const age = now - head.enqueuedAt;
    return this.#overloaded ? age >= this.#queueTimeoutMs / 4 : age > this.#queueTimeoutMs / 2;
  }

  #turn(fits: Fits, overloaded: boolean): W | undefined {
    const { any, verified, fresh } = this.#lanes;
    const first = overloaded ? newer : older;
    const end = overloaded ? 'newest' : 'oldest';
    const ofAny = fits.any ? any[end] : undefined;
    const ofVerified = fits.verified ? verified[end] : undefined;
    const ofFresh = fits.fresh ? fresh[end] : undefined;
    return first(first(ofAny, ofVerified), ofFresh);
  }

  /** In overload: the oldest of a lane, if more than half of its time is gone. */
  #pastHalf(now: number): W | undefined {
    if (!this.#overloaded) return undefined;
    const { any, verified, fresh } = this.#lanes;
    const late = (waiter: W | undefined) => (waiter !== undefined && waiter.halfAt < now ? waiter : undefined);
    return older(older(late(any.oldest), late(verified.oldest)), late(fresh.oldest));
  }

  #refuse(waiter: W, reason: RefusalReason, usable: number): Refusal<W> {
    this.#refused[reason] += 1;
    const waitedMs = this.#clock.now() - waiter.enqueuedAt;
    return { waiter, reason, waitedMs, retryAfter: this.retryAfterSeconds(usable) };
  }
}

function older<W extends Waiter>(one: W | undefined, other: W | undefined): W | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.sequence < other.sequence ? one : other;
}

function newer<W extends Waiter>(one: W | undefined, other: W | undefined): W | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.sequence > other.sequence ? one : other;
}

/** The waiters of one travel, linked through themselves. */
class Lane<W extends Waiter> {
  oldest: W | undefined = undefined;
  newest: W | undefined = undefined;
  length = 0;

  add(waiter: W): void {
    waiter.older = this.newest;
    if (this.newest === undefined) this.oldest = waiter;
    else this.newest.newer = waiter;
    this.newest = waiter;
    this.length += 1;
  }

  remove(waiter: W): void {
    const { older, newer } = waiter;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    waiter.older = undefined;
    waiter.newer = undefined;
    waiter.sequence = 0;
    this.length -= 1;
  }
}

const SAMPLES = 1024;
const FEWEST_SAMPLES = 100;

/** Mean of the last 1,024 durations. */
class Durations {
  readonly #micros = new Float64Array(SAMPLES); // a ring
  #count = 0;
  #next = 0;
  #sum = 0; // of whole microseconds, so that adding and subtracting for ever loses nothing

  add(ms: number): void {
    const micros = Math.round(ms * 1000);
    this.#sum += micros - (this.#micros[this.#next] ?? 0);
    this.#micros[this.#next] = micros;
    this.#next = (this.#next + 1) % SAMPLES;
    if (this.#count < SAMPLES) this.#count += 1;
  }

  /** `undefined` below 100 samples. */
  get meanMs(): number | undefined {
    return this.#count < FEWEST_SAMPLES ? undefined : this.#sum / this.#count / 1000;
  }
}
