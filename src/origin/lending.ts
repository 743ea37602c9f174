/** Which of an origin's connections a request may ride. */

import type { Connection } from '../connection/connection.js';
import type { Choice, Pool } from '../pool/pool.js';
import type { IdleLimit } from './idle-limit.js';
import type { Travel } from './setting.js';
import { SPARE_MS } from './stock.js';
import type { Tenancy } from './tenancy.js';

const VERIFIED_IDLE_MS = 1_000;
const VERIFIED_EXCHANGES = 2;

export class Lending {
  readonly #pool: Pool<Tenancy>;
  readonly #idleLimit: IdleLimit;
  readonly #maxFresh: number;
  #freshShare = 0; // connections that carry a request which may only travel fresh

  constructor(pool: Pool<Tenancy>, idleLimit: IdleLimit, maxFresh: number) {
    this.#pool = pool;
    this.#idleLimit = idleLimit;
    this.#maxFresh = maxFresh;
  }

  /** Whether one more request may travel fresh. */
  get hasFreshShare(): boolean {
    return this.#freshShare < this.#maxFresh;
  }

  takeFreshShare(tenancy: Tenancy): void {
    tenancy.holdsFreshShare = true;
    this.#freshShare += 1;
  }

  giveFreshShareBack(tenancy: Tenancy): void {
    if (!tenancy.holdsFreshShare) return;
    tenancy.holdsFreshShare = false;
    this.#freshShare -= 1;
  }

  /** Whether a reused connection may carry what must not be sent twice, by its record and its age. */
  isProven(connection: Connection): boolean {
    if (connection.exchanges < VERIFIED_EXCHANGES) return false;
    return connection.idleMs() < Math.min(VERIFIED_IDLE_MS, this.#idleLimit.effectiveMs);
  }

  /** Whether `checkout` might find something. */
  mayFind(travel: Travel): boolean {
    if (travel !== 'fresh' && this.#pool.canCheckout('recent')) return true;
    return travel !== 'any' && this.hasFreshShare && this.#pool.canCheckout('fresh');
  }

  /** A connection that suits by age and record. Whether it is alive is for the caller to find out. */
  checkout(travel: Travel): Tenancy | undefined {
    // Newest first: the longer a socket has been idle, the likelier its server has hung up.
    if (travel === 'any') return this.#youngEnough('recent', this.#idleLimit.effectiveMs);
    if (travel === 'verified') {
      const newest = this.#pool.checkout('recent');
      if (newest?.item !== undefined && this.isProven(newest.item.connection)) return newest.item;
      if (newest !== undefined) this.#pool.release(newest);
    }
    return this.hasFreshShare ? this.#youngEnough('fresh', SPARE_MS) : undefined;
  }

  /** The first of this choice that is young enough; those that are too old are closed on the way. */
  #youngEnough(choice: Choice, limitMs: number): Tenancy | undefined {
    for (;;) {
      const tenancy = this.#pool.checkout(choice)?.item;
      if (tenancy === undefined || tenancy.connection.idleMs() <= limitMs) return tenancy;
      tenancy.connection.close(tenancy.connection.fresh ? 'spare-expired' : 'idle-timeout');
    }
  }
}
