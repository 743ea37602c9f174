/** One place in the queue for connections. */

import type { Travel } from '../../origin/travel.js';

/** Which travels the connection at hand can serve. */
export type Fits = Readonly<Record<Travel, boolean>>;

export const ALL_FIT: Fits = { any: true, verified: true, fresh: true, resent: true };

/** Waiters that cannot ride every connection. */
export const STRICT: Fits = { any: false, verified: true, fresh: true, resent: true };

/** Waiters that can ride a proven connection. */
export const PROVEN_FITS: Fits = { any: true, verified: true, fresh: false, resent: false };

const NONE_FIT: Fits = { any: false, verified: false, fresh: false, resent: false };

/** Only waiters of one travel. */
export const ONLY: Readonly<Record<Travel, Fits>> = {
  any: { ...NONE_FIT, any: true },
  verified: { ...NONE_FIT, verified: true },
  fresh: { ...NONE_FIT, fresh: true },
  resent: { ...NONE_FIT, resent: true },
};

/** The travel that fits the fewest connections comes first. */
export const TRAVELS: readonly Travel[] = ['resent', 'fresh', 'verified', 'any'];

/** Where a waiter stands in its line. Waiters that have lost a connection travel `resent`, or fresh: then they are in `returned`. */
export type LaneName = Travel | 'returned';

/** What a waiter avoids that avoids no origin. */
export const NO_ORIGINS: readonly never[] = [];

/**
 * One place in the queue; the dispatcher's own class extends it. It is settled once, by the call that takes it out: `take()`
 * returns it, `serve()` is told of it, `leave()` or `expire()` answers true, or `enqueue()` names it in a {@link Refusal}.
 */
export abstract class Waiter {
  /** May change: a re-send travels `resent`. A waiter stays in the lane in which it was let in. */
  travel: Travel;
  /** The only origin that can serve it; `undefined` = any that fits. Must not change while it waits. */
  home: object | undefined = undefined;
  /** The origins whose connections it does not ride. Must not change while it waits. */
  avoids: readonly object[] = NO_ORIGINS;
  /** It had a connection and has lost it: it is served before all requests that have had none. */
  returned = false;
  /** @internal */
  lane: LaneName;
  /** @internal 0 = not in the queue; else larger than that of each waiter that was put into a line before. */
  sequence = 0;
  /** @internal Since when it waits, or did. */
  enqueuedAt = 0;
  /** @internal Moment at which half of its time is gone. */
  halfAt: number | undefined = undefined;
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
