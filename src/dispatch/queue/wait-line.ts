/**
 * The waiters for the same connections. There is a lane for each travel, served oldest first until that would let all of them
 * time out. In front of these lanes are two for waiters that have returned.
 */

import type { Travel } from '../../origin/travel.js';
import type { Fits, LaneName, Waiter } from './waiter.js';

/** The facts by which overload is judged. */
export interface QueueMoment {
  readonly now: number;
  /** How long a waiter may wait. */
  readonly timeoutMs: number;
  /** Until when there was no connection at all: waiting for one does not count as overload. */
  readonly pausedUntil: number;
}

export class WaitLine<W extends Waiter> {
  readonly #lanes: Readonly<Record<LaneName, Lane<W>>> = {
    resent: new Lane<W>(),
    returned: new Lane<W>(),
    any: new Lane<W>(),
    verified: new Lane<W>(),
    fresh: new Lane<W>(),
  };
  #overloaded = false; // as of the last waiter that came or went
  #othersWereServed = false; // the last connection of this line's home went to a waiter of another line

  get length(): number {
    return this.lengthOf('any') + this.lengthOf('verified') + this.lengthOf('fresh') + this.lengthOf('resent');
  }

  lengthOf(travel: Travel): number {
    return this.#lanes[travel].length + (travel === 'fresh' ? this.#lanes.returned.length : 0);
  }

  /** Adds a waiter to the end of its lane. `sequence` must be above that of any other waiter. */
  add(waiter: W, sequence: number): void {
    waiter.sequence = sequence;
    waiter.lane = waiter.returned && waiter.travel === 'fresh' ? 'returned' : waiter.travel;
    this.#lanes[waiter.lane].add(waiter);
  }

  remove(waiter: W): void {
    this.#lanes[waiter.lane].remove(waiter);
  }

  /** The waiter whose turn it is when there is no overload. */
  get head(): W | undefined {
    return older(this.#lanes.resent.oldest, this.#lanes.returned.oldest) ?? this.#longestWaiting;
  }

  /** The oldest of the waiters that have had no connection. */
  get #longestWaiting(): W | undefined {
    const { any, verified, fresh } = this.#lanes;
    return older(older(any.oldest, verified.oldest), fresh.oldest);
  }

  /** The waiter whose turn it is, among those that fit. */
  turn(fits: Fits, overloaded: boolean): W | undefined {
    const { resent, returned, any, verified, fresh } = this.#lanes;
    const again = older(fits.resent ? resent.oldest : undefined, fits.fresh ? returned.oldest : undefined);
    if (again !== undefined) return again;
    const first = overloaded ? newer : older;
    const end = overloaded ? 'newest' : 'oldest';
    const ofAny = fits.any ? any[end] : undefined;
    const ofVerified = fits.verified ? verified[end] : undefined;
    const ofFresh = fits.fresh ? fresh[end] : undefined;
    return first(first(ofAny, ofVerified), ofFresh);
  }

  /**
   * The waiter whose turn it is at the home of this line: one of this line, or `any`, which waits for any connection. The one that
   * came first; but if either is overloaded, they take turns. Then the newest or oldest of one line says nothing about the other.
   */
  turnBeside(any: W | undefined, areOverloaded: boolean, fits: Fits, moment: QueueMoment): W | undefined {
    const overloaded = this.isOverloaded(moment);
    const own = this.turn(fits, overloaded);
    if (any === undefined || own === undefined) return any ?? own;
    if (any.returned || own.returned || !(overloaded || areOverloaded)) return older(any, own);
    return this.#othersWereServed ? own : any;
  }

  /** A connection to the home of this line went to this waiter, which may be of another line. */
  served({ home }: W): void {
    this.#othersWereServed = home === undefined;
  }

  /** The oldest waiter of a lane that has waited for more than half of its time. */
  pastHalf(now: number): W | undefined {
    const { any, verified, fresh } = this.#lanes;
    const late = (waiter: W | undefined) => ((waiter?.halfAt ?? now) < now ? waiter : undefined);
    return older(older(late(any.oldest), late(verified.oldest)), late(fresh.oldest));
  }

  /**
   * Oldest first is fair. But once the wait is about as long as the timeout, it serves each waiter just before that one gives up.
   * Newest first then serves some in time, until those that have waited too long are gone.
   */
  isOverloaded({ now, timeoutMs, pausedUntil }: QueueMoment): boolean {
    const longest = this.#longestWaiting;
    // One timeout after a pause, the requests that came in it have been served in order, or are gone.
    if (longest === undefined || now - pausedUntil < timeoutMs) return false;
    const age = now - longest.enqueuedAt;
    return this.#overloaded ? age >= timeoutMs / 4 : age > timeoutMs / 2;
  }

  /** The same, called before a waiter comes or goes. Overload begins at half of the timeout and ends at a quarter. */
  judge(moment: QueueMoment): boolean {
    this.#overloaded = this.isOverloaded(moment);
    return this.#overloaded;
  }
}

/** The one that has returned, else the one that came first. */
export function older<W extends Waiter>(one: W | undefined, other: W | undefined): W | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  if (one.returned !== other.returned) return one.returned ? one : other;
  return one.sequence < other.sequence ? one : other;
}

/** The one that has returned, else the one that came last. */
export function newer<W extends Waiter>(one: W | undefined, other: W | undefined): W | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  if (one.returned !== other.returned) return one.returned ? one : other;
  return one.sequence > other.sequence ? one : other;
}

/** Waiters, linked through themselves. */
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
