/** Requests that wait for a connection, bounded. Each is in one line: for all origins, for one origin, or for all except some. */

import type { RefusalReason } from '../../observe/reasons.js';
import type { ResolvedOptions } from '../../options.js';
import type { Travel } from '../../origin/travel.js';
import type { Clock } from '../../time/clock.js';
import { ApartLines } from './apart-lines.js';
import { WaitEstimate } from './wait-estimate.js';
import { newer, older, type QueueMoment, WaitLine } from './wait-line.js';
import { type Fits, NO_ORIGINS, type Waiter } from './waiter.js';

/** A waiter that is not in the queue any more: the receiver has to settle it. */
export interface Refusal<W extends Waiter> {
  readonly waiter: W;
  readonly reason: Exclude<RefusalReason, 'timeout'>;
  /** Seconds, for the Retry-After field. */
  readonly retryAfter: number;
}

export interface WaitQueueSetting {
  readonly clock: Clock;
  /**
   * `maxQueue`: maximum number of waiters. 0 = no request may wait; `Infinity` = no limit. Those who wait stay if it shrinks.
   * `queueTimeout`: milliseconds; overload is measured by it. The waiters' own deadlines are kept by their owners.
   */
  readonly options: Pick<ResolvedOptions, 'maxQueue' | 'queueTimeout'>;
}

/** The queue of a backend at one moment. */
export interface WaitQueueStats {
  /** Requests waiting now. */
  readonly length: number;
  /** Limit: `maxQueue`. */
  readonly max: number;
  /** Requests that have entered the queue so far. */
  readonly waits: number;
  /** Requests refused so far, by reason. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
  /** Whether the newest requests are currently served first, because the oldest have waited too long. */
  readonly overloaded: boolean;
}

/** A queue without timers. Only `release()` and `rejoin()`, which move whole lines, cost more the longer it is. */
export class WaitQueue<W extends Waiter> {
  /** How long a newcomer would wait. */
  readonly estimate = new WaitEstimate();
  /** The lines of the waiters that avoid origins, to be read. */
  readonly apart = new ApartLines<W>();
  readonly #setting: WaitQueueSetting;
  readonly #clock: Clock;
  readonly #common = new WaitLine<W>();
  readonly #homes = new Map<object, WaitLine<W>>(); // a line for each home with waiters
  readonly #refused: Record<RefusalReason, number> = { full: 0, hopeless: 0, displaced: 0, timeout: 0 };
  #length = 0;
  #waits = 0;
  #sequence = 0; // of the last waiter that was put into a line
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(setting: WaitQueueSetting) {
    this.#setting = setting;
    this.#clock = setting.clock;
  }

  /** There is no connection and none can be opened, so no waiter can be served. */
  pause(): void {
    this.#pausedUntil = Number.POSITIVE_INFINITY;
  }

  /** There is a connection again. Requests that came in the pause are served in order, which is no overload. */
  resume(): void {
    if (this.#pausedUntil === Number.POSITIVE_INFINITY) this.#pausedUntil = this.#clock.now();
  }

  /** Milliseconds until there can be overload: `Infinity` in a pause, 0 long after it. */
  get calmMs(): number {
    return Math.max(0, this.#pausedUntil + this.#setting.options.queueTimeout - this.#clock.now());
  }

  /** Waiters of all lines. */
  get length(): number {
    return this.#length;
  }

  /** Waiters without a home: any connection that fits can serve them, except those of origins that they avoid. */
  lengthOf(travel: Travel): number {
    return this.#common.lengthOf(travel) + this.apart.lengthOf(travel);
  }

  /** Waiters that wait for any origin: they have no home, and avoid none. */
  commonLengthOf(travel: Travel): number {
    return this.#common.lengthOf(travel);
  }

  /** Waiters for this home alone. */
  lengthAt(home: object): number {
    return this.#homes.get(home)?.length ?? 0;
  }

  get stats(): WaitQueueStats {
    return {
      length: this.#length,
      max: this.#setting.options.maxQueue,
      waits: this.#waits,
      refused: { ...this.#refused },
      overloaded: this.#common.isOverloaded(this.#moment),
    };
  }

  /**
   * Lets `waiter` in. If there is no room or no hope, one waiter is refused: the newcomer, or an older waiter of its line whose
   * place it takes. See `refusal.waiter`.
   * @param timeLeftMs until the newcomer's own deadline
   * @param usable connections that serve its line
   * @param coming connections being dialled that waiters get: those for whom one is being dialled do not count towards the limit
   */
  enqueue(waiter: W, timeLeftMs: number, usable: number, coming = 0): Refusal<W> | undefined {
    if (waiter.waiting) throw new Error(`enqueue() of a waiter that is waiting since ${waiter.enqueuedAt}`);
    const line = this.#lineOf(waiter);
    const moment = this.#moment;
    const { now } = moment;
    const overloaded = line.judge(moment);
    waiter.enqueuedAt = now;
    // Under overload the newest request is served first: none is ahead of it.
    const ahead = waiter.home === undefined ? this.#length : line.length;
    if (!overloaded && (this.estimate.ms(ahead, usable) ?? 0) > 2 * timeLeftMs) {
      return this.#refuse(waiter, 'hopeless', usable);
    }
    let displaced: W | undefined;
    if (this.#length >= this.#setting.options.maxQueue + coming) {
      displaced = overloaded ? line.pastHalf(now) : undefined;
      if (displaced === undefined) return this.#refuse(waiter, 'full', usable);
      this.#remove(displaced, moment);
    }
    this.#waits += 1;
    waiter.halfAt = now + timeLeftMs / 2;
    this.#add(waiter);
    return displaced === undefined ? undefined : this.#refuse(displaced, 'displaced', usable);
  }

  /** Lets a waiter in again that has had a connection and now needs a fresh one. Up to `connections` more than the limit are let in. */
  enqueueReturned(waiter: W, connections: number): Refusal<W> | undefined {
    if (waiter.waiting || (waiter.travel !== 'fresh' && waiter.travel !== 'resent'))
      throw new Error(`enqueueReturned() of one that travels ${waiter.travel}, waiting: ${waiter.waiting}`);
    waiter.returned = true;
    waiter.enqueuedAt = this.#clock.now();
    if (this.#length >= this.#setting.options.maxQueue + connections) return this.#refuse(waiter, 'full', connections);
    this.#lineOf(waiter).judge(this.#moment);
    this.#waits += 1;
    this.#add(waiter);
    return undefined;
  }

  /**
   * Takes the waiter whose turn it is among those that fit; the caller serves it.
   * @param home the origin of the connection: waiters for it alone are candidates as well, waiters that avoid it are not
   */
  take(fits: Fits, home?: object): W | undefined {
    const moment = this.#moment;
    const waiter = this.#turn(fits, home, home, moment);
    if (waiter !== undefined) this.serve(waiter, home, moment);
    return waiter;
  }

  /** The waiter whose turn it is, among those that fit, have no home or this one, and do not avoid `at`. It stays in the queue. */
  peek(fits: Fits, at?: object, home?: object): W | undefined {
    return this.#turn(fits, at, home, this.#moment);
  }

  /** The waiter whose turn it is, among those that wait for this home alone and fit. It stays in the queue. */
  peekAt(home: object, fits: Fits): W | undefined {
    return this.#homes.get(home)?.turnBeside(undefined, false, fits, this.#moment);
  }

  /** The waiter whose turn it is, among those that avoid just these origins and fit. It stays in the queue. */
  peekApart(avoids: readonly object[], fits: Fits): W | undefined {
    const moment = this.#moment;
    const line = this.apart.lineOf(avoids);
    return line.turn(fits, line.isOverloaded(moment));
  }

  /** The homes with waiters. */
  get homes(): Iterable<object> {
    return this.#homes.keys();
  }

  /** Whether any waiter is bound to a home. */
  get hasHomes(): boolean {
    return this.#homes.size > 0;
  }

  /** Moves the waiters of this home to the common line, behind those already there. */
  release(home: object): void {
    const line = this.#homes.get(home);
    if (line === undefined) return;
    for (let waiter = line.head; waiter !== undefined; waiter = line.head) {
      this.#remove(waiter);
      waiter.home = undefined;
      this.#add(waiter);
    }
  }

  /** Moves waiters that can no longer avoid their origins to the common line, behind those already there. */
  rejoin(canAvoid: (avoided: readonly object[]) => boolean): void {
    const next = () => this.apart.stranded(canAvoid);
    for (let waiter = next(); waiter !== undefined; waiter = next()) {
      this.#remove(waiter);
      waiter.avoids = NO_ORIGINS;
      this.#add(waiter);
    }
  }

  /** The waiter has a connection of the origin `at`. */
  serve(waiter: W, at: object | undefined, moment = this.#moment): void {
    if (at !== undefined) this.#homes.get(at)?.served(waiter);
    if (waiter.waiting) this.#remove(waiter, moment);
  }

  /** The requester is gone. False if the waiter was not in the queue: then it was settled already. */
  leave(waiter: W): boolean {
    if (!waiter.waiting) return false;
    this.#remove(waiter);
    return true;
  }

  /** The same if its time is up. */
  expire(waiter: W): boolean {
    const waited = this.leave(waiter);
    if (waited) this.#refused.timeout += 1;
    return waited;
  }

  /** Seconds until `usable` connections would have served all current waiters. */
  retryAfterSeconds(usable: number): number {
    return this.estimate.retryAfterSeconds(this.#length, usable);
  }

  #turn(fits: Fits, at: object | undefined, home: object | undefined, moment: QueueMoment): W | undefined {
    const overloaded = this.#common.isOverloaded(moment);
    const first = overloaded ? newer : older;
    const any = first(this.#common.turn(fits, overloaded), this.apart.turn(fits, at, moment));
    const line = home && this.#homes.get(home);
    return line === undefined ? any : line.turnBeside(any, overloaded, fits, moment);
  }

  get #moment(): QueueMoment {
    const timeoutMs = this.#setting.options.queueTimeout;
    return { now: this.#clock.now(), timeoutMs, pausedUntil: this.#pausedUntil };
  }

  #lineOf({ home, avoids }: W): WaitLine<W> {
    if (home !== undefined) return this.#homes.get(home) ?? new WaitLine<W>();
    return avoids.length === 0 ? this.#common : this.apart.lineOf(avoids);
  }

  #add(waiter: W): void {
    const line = this.#lineOf(waiter);
    if (waiter.home !== undefined) this.#homes.set(waiter.home, line);
    else if (line !== this.#common) this.apart.keep(waiter.avoids, line);
    this.#sequence += 1;
    line.add(waiter, this.#sequence);
    this.#length += 1;
  }

  #remove(waiter: W, moment = this.#moment): void {
    const line = this.#lineOf(waiter);
    line.judge(moment);
    line.remove(waiter);
    this.#length -= 1;
    if (line.length > 0 || line === this.#common) return;
    if (waiter.home !== undefined) this.#homes.delete(waiter.home);
    else this.apart.drop(line);
  }

  #refuse(waiter: W, reason: Refusal<W>['reason'], usable: number): Refusal<W> {
    this.#refused[reason] += 1;
    return { waiter, reason, retryAfter: this.retryAfterSeconds(usable) };
  }
}
