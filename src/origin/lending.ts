/** Which of an origin's connections a request may ride. */

import type { Clock } from '../clock.js';
import type { Connection } from '../connection/connection.js';
import type { Choice, Pool } from '../pool/pool.js';
import type { IdleLimit } from './idle-limit.js';
import type { DialPurpose, Travel } from './setting.js';
import { SPARE_MS } from './stock.js';
import type { Tenancy } from './tenancy.js';

const VERIFIED_IDLE_MS = 1_000;
const VERIFIED_EXCHANGES = 2;

export class Lending {
  readonly #pool: Pool<Tenancy>;
  readonly #idleLimit: IdleLimit;
  readonly #clock: Clock;
  #maxFresh: number;
  #freshShare = 0; // connections that carry a request which may only travel fresh
  #promised = 0; // shares of those for which one is being dialled
  #awaited = 0; // dials for one request alone

  constructor(pool: Pool<Tenancy>, idleLimit: IdleLimit, clock: Clock, maxFresh: number) {
    this.#pool = pool;
    this.#idleLimit = idleLimit;
    this.#clock = clock;
    this.#maxFresh = maxFresh;
  }

  /** How many more requests may travel fresh. */
  get freshShareLeft(): number {
    return Math.max(0, this.#maxFresh - this.#freshShare - this.#promised);
  }

  /** Requests under way that may only travel fresh. */
  get freshUnderWay(): number {
    return this.#freshShare;
  }

  /** Requests that may travel fresh at once, from now on. */
  allowFresh(maxFresh: number): void {
    this.#maxFresh = maxFresh;
  }

  /** A dial begins (1) or is over (-1). One for a request alone that travels fresh brings a connection that takes a share. */
  countDial(purpose: DialPurpose, change: 1 | -1): void {
    if (typeof purpose === 'string') return;
    this.#awaited += change;
    if (purpose.travel === 'fresh') this.#promised += change;
  }

  /** Whether anybody waits for a dial of its own. */
  get isDialAwaited(): boolean {
    return this.#awaited > 0;
  }

  takeFreshShare(tenancy: Tenancy): void {
    tenancy.holdsFreshShare = true;
    this.#freshShare += 1;
  }

  giveFreshShareBack(tenancy: Tenancy): void {
    tenancy.holdsFreshShare = false;
    this.#freshShare -= 1;
  }

  /** Whether a reused connection may carry what must not be sent twice, by its record and its age. */
  isProven(connection: Connection, now = this.#clock.now()): boolean {
    // One exchange and a word prove as much as two: that the origin does not close after each. Two alone would never come
    // where all traffic is POST: the first travels fresh, and so would every other.
    const { exchanges } = connection;
    if (exchanges < VERIFIED_EXCHANGES && !(exchanges === 1 && connection.saidToBeKept)) return false;
    return connection.idleMs(now) < Math.min(VERIFIED_IDLE_MS, this.#idleLimit.effectiveMs);
  }

  /** Whether `checkout` might find something. */
  mayFind(travel: Travel): boolean {
    switch (travel) {
      case 'any':
        return this.#pool.canCheckout('recent');
      case 'verified':
        return this.#newestIsProven(this.#clock.now()) || this.#pool.canCheckout('fresh');
      case 'fresh':
        return this.freshShareLeft > 0 && this.#pool.canCheckout('fresh');
    }
  }

  /** A connection that suits by age and record. Whether it is alive is for the caller to find out. */
  checkout(travel: Travel, now: number): Tenancy | undefined {
    switch (travel) {
      case 'any':
        // Newest first: the longer a socket has been idle, the likelier its server has hung up.
        return this.#youngEnough('recent', this.#idleLimit.effectiveMs, now);
      case 'verified':
        return this.#newestIsProven(now)
          ? this.#pool.checkout('recent')?.item
          : this.#youngEnough('fresh', SPARE_MS, now);
      case 'fresh':
        return this.freshShareLeft > 0 ? this.#youngEnough('fresh', SPARE_MS, now) : undefined;
    }
  }

  #newestIsProven(now: number): boolean {
    const newest = this.#pool.mostRecent;
    return newest !== undefined && this.isProven(newest.connection, now) && now < newest.retireAt;
  }

  /** The first of these connections that is young enough; older ones are closed. */
  #youngEnough(choice: Choice, limitMs: number, now: number): Tenancy | undefined {
    for (;;) {
      const tenancy = this.#pool.checkout(choice)?.item;
      if (tenancy === undefined) return undefined;
      const { connection } = tenancy;
      if (now >= tenancy.retireAt) connection.close('max-age');
      else if (connection.idleMs(now) <= limitMs) return tenancy;
      else connection.close(connection.fresh ? 'spare-expired' : 'idle-timeout');
    }
  }
}
