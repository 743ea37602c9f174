/** Those who wait for the same connections: three lanes, oldest first until that would let all of them time out. */

import type { Fits, Travel, Waiter } from './waiter.js';

/** What its services tell of a line. A line that nobody serves, as while an origin restarts, tells nothing. */
type Course =
  | { readonly name: 'calm' }
  /** The oldest had waited more than half of the timeout. Since then they were served for so long, and none was younger. */
  | { readonly name: 'late'; readonly ageMs: number; servedMs: number; servedAt: number }
  | { readonly name: 'overloaded' };

const CALM: Course = { name: 'calm' };
const OVERLOADED: Course = { name: 'overloaded' };

/** The most that the time since the last service counts, in shares of what makes an overload. */
const LONGEST_GAP = 1 / 4;

export class WaitLine<W extends Waiter> {
  readonly #lanes = { any: new Lane<W>(), verified: new Lane<W>(), fresh: new Lane<W>() };
  #course: Course = CALM; // as of the last waiter that came or went

  get length(): number {
    return this.#lanes.any.length + this.#lanes.verified.length + this.#lanes.fresh.length;
  }

  lengthOf(travel: Travel): number {
    return this.#lanes[travel].length;
  }

  /** At its end, in the lane of its travel. `sequence` is above that of any other. */
  add(waiter: W, sequence: number): void {
    waiter.sequence = sequence;
    waiter.lane = waiter.travel;
    this.#lanes[waiter.lane].add(waiter);
  }

  remove(waiter: W): void {
    this.#lanes[waiter.lane].remove(waiter);
  }

  /** The oldest. */
  get head(): W | undefined {
    const { any, verified, fresh } = this.#lanes;
    return older(older(any.oldest, verified.oldest), fresh.oldest);
  }

  /** Whose turn it is among those that fit. */
  turn(fits: Fits, overloaded: boolean): W | undefined {
    const { any, verified, fresh } = this.#lanes;
    const first = overloaded ? newer : older;
    const end = overloaded ? 'newest' : 'oldest';
    const ofAny = fits.any ? any[end] : undefined;
    const ofVerified = fits.verified ? verified[end] : undefined;
    const ofFresh = fits.fresh ? fresh[end] : undefined;
    return first(first(ofAny, ofVerified), ofFresh);
  }

  /** The oldest of a lane, if more than half of its time is gone. */
  pastHalf(now: number): W | undefined {
    const { any, verified, fresh } = this.#lanes;
    const late = (waiter: W | undefined) => ((waiter?.halfAt ?? now) < now ? waiter : undefined);
    return older(older(late(any.oldest), late(verified.oldest)), late(fresh.oldest));
  }

  /**
   * Oldest first is fair, and serves all in time who came during a pause. But once more come than are served, it serves everyone
   * just before they give up. Newest first then serves some in time, until those who waited too long are gone.
   */
  isOverloaded(now: number, timeoutMs: number): boolean {
    const { head } = this;
    return this.#course.name === 'overloaded' && head !== undefined && waitedMs(head, now) >= timeoutMs / 4;
  }

  /** The same, before a waiter comes or goes: it ends when the oldest has waited less than a quarter of the timeout. */
  judge(now: number, timeoutMs: number): boolean {
    const isOverloaded = this.isOverloaded(now, timeoutMs);
    if (this.#course.name === 'overloaded' && !isOverloaded) this.#course = CALM;
    return isOverloaded;
  }

  /**
   * One of them is about to be served. Overload begins when they were served for half of the timeout, and the oldest had
   * waited more than that all the while and did not get younger.
   */
  serves(now: number, timeoutMs: number): void {
    const { head } = this;
    const course = this.#course;
    if (head === undefined || course.name === 'overloaded') return;
    const ageMs = waitedMs(head, now);
    const halfMs = timeoutMs / 2;
    if (ageMs <= halfMs) this.#course = CALM;
    else if (course.name === 'calm' || ageMs < course.ageMs) {
      this.#course = { name: 'late', ageMs, servedMs: 0, servedAt: now };
    } else {
      course.servedMs += Math.min(now - course.servedAt, halfMs * LONGEST_GAP);
      course.servedAt = now;
      if (course.servedMs >= halfMs) this.#course = OVERLOADED;
    }
  }
}

/** How long it has waited by `now`. */
export function waitedMs({ enqueuedAt = 0 }: Waiter, now: number): number {
  return now - enqueuedAt;
}

/** The one that came first. */
export function older<W extends Waiter>(one: W | undefined, other: W | undefined): W | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.sequence < other.sequence ? one : other;
}

/** The one that came last. */
export function newer<W extends Waiter>(one: W | undefined, other: W | undefined): W | undefined {
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
