/** Brings requests together with their home: the origin that they are bound to, where a session of their client lives. */

import type { Origin } from '../../origin/origin.js';
import type { PoolEntry } from '../../origin/pool-entry.js';
import type { EligibleOrigins } from '../choice/eligible-origins.js';
import type { WaitQueue } from '../queue/wait-queue.js';
import { ALL_FIT, type Fits, ONLY, TRAVELS } from '../queue/waiter.js';
import type { Run } from '../run.js';
import { beginQueued } from './careful-begin.js';
import { dialAlone } from './own-dial.js';

/**
 * A request that has a home goes there. While the home is full, the request waits for it; when the origin can be its home no
 * longer, it waits for any origin. It never waits for a dial of the queue: if there is room, a connection is dialled for it alone.
 */
export class BoundMatching {
  readonly #queue: WaitQueue<Run>;
  readonly #eligible: EligibleOrigins;
  readonly #checks = new Map<Origin, number>(); // connections being checked that will be offered then, to bound requests and to others

  constructor(queue: WaitQueue<Run>, eligible: EligibleOrigins) {
    this.#queue = queue;
    this.#eligible = eligible;
  }

  /** A check of a connection of this origin begins (1) or is over (-1). */
  countChecks(origin: Origin, change: 1 | -1): void {
    const count = (this.#checks.get(origin) ?? 0) + change;
    if (count > 0) this.#checks.set(origin, count);
    else this.#checks.delete(origin);
  }

  /** Whether more requests wait for this home than connections of it are being checked: the others need a connection, too. */
  #isWanting(home: Origin): boolean {
    return this.#queue.lengthAt(home) > (this.#checks.get(home) ?? 0);
  }

  /** The origin that the request is bound to, as long as that origin takes it and the request does not avoid the origin. */
  homeOf({ request: { boundTo }, avoids, travel }: Run): Origin | undefined {
    const home = boundTo === undefined ? undefined : this.#eligible.home(boundTo, travel);
    return home !== undefined && avoids.includes(home) ? undefined : home;
  }

  /** Puts the request on an idle connection of its home, or dials one for it. False = the request has to wait. */
  begin(run: Run, home: Origin, now?: number): boolean {
    const ridden = this.#ride(run, home, now);
    return ridden === undefined ? this.#dial(run, home) : ridden;
  }

  /** Puts the request on an idle connection. `undefined` = there is none; false = one is being checked, and will be offered. */
  #ride(run: Run, home: Origin, now?: number): boolean | undefined {
    const { travel } = run;
    const taken = home.hasConnectionFor(travel) ? home.checkout(travel, now) : undefined;
    if (taken === undefined) return undefined;
    if (taken === 'checking') return false;
    this.#queue.serve(run, home);
    if (run.ended) home.release(taken);
    else beginQueued(run, home, taken, now);
    return true;
  }

  #dial(run: Run, home: Origin): boolean {
    return dialAlone(run, home, { queue: this.#queue });
  }

  /** Offers a connection that only requests bound to its origin may use. True = it was taken. */
  offer(home: Origin, entry: PoolEntry): boolean {
    const { fresh } = entry.connection;
    const fits = {
      any: true,
      verified: fresh || home.isProven(entry.connection),
      fresh: fresh && home.freshShareLeft > 0,
      resent: fresh,
    };
    const run = this.#queue.peekAt(home, fits);
    if (run === undefined || this.homeOf(run) !== home) return false;
    this.#queue.serve(run, home);
    beginQueued(run, home, entry);
    return true;
  }

  /** Dials a connection for the next request, if that is bound to this origin. True = it is being dialled. */
  tryDialFirst(home: Origin): boolean {
    const next = this.nextToDial(home);
    return next?.home !== undefined && this.homeOf(next) === home && this.#dial(next, home);
  }

  /** The request whose turn it would be if a connection were dialled to this origin, or were returned there fresh. */
  nextToDial(origin: Origin): Run | undefined {
    return this.#eligible.mayServe(origin)
      ? this.#queue.peek(dialled(origin), origin, origin)
      : this.#nextBound(origin);
  }

  /** Assigns idle connections to bound requests. If an origin takes them no longer, its requests move to the common line. */
  assignIdle(): void {
    for (const home of [...this.#queue.homes]) {
      const run = this.#queue.peekAt(home, ALL_FIT);
      const now = run && this.homeOf(run);
      if (now === undefined) this.#queue.release(home);
      else if (now.idle > 0) for (const travel of TRAVELS) this.#assignIdleAt(now, ONLY[travel]);
    }
  }

  #assignIdleAt(home: Origin, fits: Fits): void {
    const next = () => this.#queue.peekAt(home, fits);
    for (let run = next(); run && this.#isWanting(home) && this.#ride(run, home) === true; run = next());
  }

  /** Dials for the remaining requests in the order in which they came, as long as there are free slots. */
  dial(): void {
    for (const home of [...this.#queue.homes]) {
      const run = this.#queue.peekAt(home, ALL_FIT);
      const now = run && this.homeOf(run);
      if (now === undefined || !(now.canDial || now.canMakeRoom)) continue;
      const next = () => (this.#isWanting(now) ? this.#nextBound(now) : undefined);
      for (let one = next(); one !== undefined && this.#dial(one, now); one = next());
    }
  }

  #nextBound(home: Origin): Run | undefined {
    return this.#queue.peekAt(home, dialled(home));
  }
}

/** Which requests a connection could serve that is dialled to this home now. */
function dialled(home: Origin): Fits {
  return { ...ALL_FIT, fresh: home.freshShareLeft > 0 };
}
