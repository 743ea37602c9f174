/** Which of an origin's connections a request may ride. */

import type { Connection } from '../connection/connection.js';
import type { ResolvedOrigin } from '../options.js';
import type { Choice, Pool } from '../pool/pool.js';
import type { Clock } from '../time/clock.js';
import type { DialPurpose } from './dial-purpose.js';
import { type IdleLimit, YOUNG_MS } from './idle-limit.js';
import type { PoolEntry } from './pool-entry.js';
import type { Travel } from './travel.js';

const VERIFIED_EXCHANGES = 2;

interface LendingOrigin {
  readonly options: Pick<ResolvedOrigin, 'maxFreshConnections'>;
}

export class Lending {
  readonly #origin: LendingOrigin;
  readonly #pool: Pool<PoolEntry>;
  readonly #idleLimit: IdleLimit;
  readonly #clock: Clock;
  #freshShare = 0; // connections that carry a request which may only travel fresh
  #promised = 0; // shares of such requests for which a connection is being dialled
  #awaited = 0; // dials for one request alone

  constructor(origin: LendingOrigin, pool: Pool<PoolEntry>, idleLimit: IdleLimit, clock: Clock) {
    this.#origin = origin;
    this.#pool = pool;
    this.#idleLimit = idleLimit;
    this.#clock = clock;
  }

  /** How many more requests may travel fresh. */
  get freshShareLeft(): number {
    return Math.max(0, this.#origin.options.maxFreshConnections - this.#freshShare - this.#promised);
  }

  /** Requests under way that may only travel fresh. */
  get freshUnderWay(): number {
    return this.#freshShare;
  }

  /** A dial begins (1) or is over (-1). If it is for one request that travels fresh, its connection will take a share. */
  countDial(purpose: DialPurpose, change: 1 | -1): void {
    if (typeof purpose === 'string') return;
    this.#awaited += change;
    if (purpose.travel === 'fresh') this.#promised += change;
  }

  /** Whether any request waits for a dial of its own. */
  get isDialAwaited(): boolean {
    return this.#awaited > 0;
  }

  takeFreshShare(entry: PoolEntry): void {
    if (entry.holdsFreshShare) return;
    entry.holdsFreshShare = true;
    this.#freshShare += 1;
  }

  giveFreshShareBack(entry: PoolEntry): void {
    entry.holdsFreshShare = false;
    this.#freshShare -= 1;
  }

  /** Whether a reused connection may carry a request that must not be sent twice, judged by its exchanges and its idle age. */
  isProven(connection: Connection, now = this.#clock.now()): boolean {
    if (!this.#idleLimit.keepsYoung(now)) return false;

    // One exchange whose answer says that the connection is kept proves as much as two: the origin does not close after each. If
    // it always took two and all traffic were POST, no connection would ever be proven: all would travel fresh, like the first.
    const { exchanges } = connection;
    if (exchanges < VERIFIED_EXCHANGES && !(exchanges === 1 && connection.saidToBeKept)) return false;
    return connection.idleMs(now) < Math.min(YOUNG_MS, this.#idleLimit.effectiveMs);
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
      case 'resent':
        return this.#pool.canCheckout('fresh');
    }
  }

  /** A connection whose age and record suit. The caller has to find out whether it is alive. */
  checkout(travel: Travel, now: number): PoolEntry | undefined {
    switch (travel) {
      case 'any':
        // Newest first: the longer a socket has been idle, the likelier its server has hung up.
        return this.#youngEnough('recent', now);
      case 'verified':
        return this.#newestIsProven(now) ? this.#pool.checkout('recent')?.item : this.#youngEnough('fresh', now);
      case 'fresh':
        return this.freshShareLeft > 0 ? this.#youngEnough('fresh', now) : undefined;
      case 'resent':
        return this.#youngEnough('fresh', now);
    }
  }

  #newestIsProven(now: number): boolean {
    const newest = this.#pool.mostRecent;
    return newest !== undefined && this.isProven(newest.connection, now) && now < newest.retireAt;
  }

  /** The first of these connections that is young enough; older ones are closed. */
  #youngEnough(choice: Choice, now: number): PoolEntry | undefined {
    for (;;) {
      const entry = this.#pool.checkout(choice)?.item;
      if (entry === undefined) return undefined;
      const { connection } = entry;
      const limitMs = choice === 'fresh' ? this.#idleLimit.spareMs : this.#idleLimit.mostMs(connection);
      if (now >= entry.retireAt) connection.close('max-age');
      else if (connection.idleMs(now) <= limitMs) return entry;
      else connection.close(connection.fresh ? 'spare-expired' : 'idle-timeout');
    }
  }
}
