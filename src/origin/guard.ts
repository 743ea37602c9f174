/** What keeps requests away from an origin that is ill or slow: its checks, and the limit that was learned for it. */

import { isDeepStrictEqual } from 'node:util';
import type { ConnectionSetting } from '../connection/connection-setting.js';
import type { DialTarget } from '../connection/dial.js';
import type { ResolvedCheck } from '../options.js';
import type { Pool } from '../pool/pool.js';
import type { Demand } from './demand.js';
import type { Dialler } from './dialler.js';
import { GradientLimit, type GradientSnapshot } from './gradient-limit.js';
import { ActiveCheck, type CheckStats } from './health/active-check.js';
import type { Standing } from './health/standing.js';
import type { OriginTally } from './origin-tally.js';
import type { PoolEntry } from './pool-entry.js';
import type { OriginAddress, OriginSetting } from './setting.js';

/** The parts of the origin that it works with. */
export interface GuardedOrigin {
  readonly address: OriginAddress;
  readonly setting: OriginSetting;
  readonly target: DialTarget;
  readonly connection: ConnectionSetting;
  readonly pool: Pool<PoolEntry>;
  readonly dialler: Dialler;
  readonly standing: Standing;
  readonly tally: OriginTally;
  readonly demand: Demand;
}

export class Guard {
  readonly #parts: GuardedOrigin;
  #checked: OriginSetting['check'] = false; // how the origin is checked now
  #authority = '';
  #check: ActiveCheck | undefined;
  #limit: GradientLimit | undefined;

  constructor(parts: GuardedOrigin) {
    this.#parts = parts;
    this.configure(parts.address);
  }

  /** Follows the setting and the address as they are now. */
  configure({ maxConnections, authority }: OriginAddress): void {
    this.#authority = authority;
    const { check, adaptiveConcurrency, clock } = this.#parts.setting;
    if (adaptiveConcurrency === false) this.#limit = undefined;
    else {
      this.#limit ??= new GradientLimit(adaptiveConcurrency, maxConnections, clock);
      this.#limit.configure(adaptiveConcurrency);
      this.#limit.allow(maxConnections);
    }
    if (isDeepStrictEqual(check, this.#checked)) return;
    this.#checked = check;
    if (check === false) this.#endChecks();
    else if (this.#check === undefined) this.#check = this.#newCheck(check);
    else this.#check.configure(check);
  }

  #newCheck(check: ResolvedCheck): ActiveCheck {
    const { setting, target, connection, pool, standing, dialler } = this.#parts;
    const { startDial, random, observer } = setting;
    const checked = { check, authority: () => this.#authority, target, startDial, connection };
    return new ActiveCheck(checked, pool, random, observer, {
      makeRoom: () => dialler.makeRoom(),
      isDown: (reason) => this.#isDown(reason),
      isUpAgain: () => standing.rose(),
    });
  }

  /** Ends the checks, and with them the `down` state: no check would ever end it. */
  #endChecks(): void {
    this.#check?.close();
    this.#check = undefined;
    this.#parts.standing.rose();
  }

  get checks(): CheckStats | null {
    return this.#check?.stats ?? null;
  }

  get concurrency(): GradientSnapshot | null {
    return this.#limit?.snapshot ?? null;
  }

  /** Slots that are held by a check. */
  get checking(): number {
    return this.#check?.isChecking === true ? 1 : 0;
  }

  // --- checks ------------------------------------------------------------------------------------------------------------

  /** A check is due and waits for the next free slot. */
  get wantsSlot(): boolean {
    return this.#check?.wantsSlot === true;
  }

  slotFreed(): void {
    this.#check?.slotFreed();
  }

  #isDown(reason: string): void {
    this.#parts.standing.fell(reason);
    // They lead to a server that is ill. Idle connections to it will not be needed, or will have to be dialled anew.
    for (const slot of this.#parts.pool.idleSlots()) slot.item?.connection.close('check-failed');
  }

  // --- the limit ---------------------------------------------------------------------------------------------------------

  /** Whether the origin may have one request more. `lent`: how many of its connections are busy without a request. */
  mayBegin(lent = 0): boolean {
    return this.#limit === undefined || this.#underWay() - lent < this.#limit.limit;
  }

  /** Whether the origin has more requests than it may have: then a connection that counts as lent must not be handed on. */
  isOverfull(): boolean {
    return this.#limit !== undefined && this.#underWay() > this.#limit.limit;
  }

  /** How many requests the origin may have at once, with so many connections. */
  most(connections: number): number {
    return this.#limit === undefined ? connections : Math.min(connections, this.#limit.limit);
  }

  /** A request that was begun at the moment `begunAt` was answered. */
  answered(statusCode: number, begunAt: number): void {
    this.#parts.standing.answered(statusCode, begunAt);
    if (this.#limit !== undefined) this.#learn(this.#limit, begunAt);
  }

  /** A connection has become a tunnel: it counts as a request no longer, however long it lasts. */
  tunnelBegun(): void {
    this.#parts.tally.countTunnel();
    if (this.#limit !== undefined) this.#parts.demand.room();
  }

  #learn(limit: GradientLimit, begunAt: number): void {
    const { clock, observer } = this.#parts.setting;
    const now = clock.now();
    const isOther = limit.observe(now - begunAt, this.#answering, now);
    if (!isOther) return;
    this.#parts.demand.changed();
    this.#parts.demand.room();
    if (!observer.watches('concurrencyLimit')) return;
    observer.emit('concurrencyLimit', { origin: this.#parts.address.origin, ...limit.snapshot });
  }

  get #answering(): number {
    return this.#parts.pool.busy - this.#parts.tally.tunnels.open;
  }

  /** Requests that count for the limit. A dial for the stock brings no request, and may take as long as it likes. */
  #underWay(): number {
    const { pool, dialler } = this.#parts;
    return this.#answering + pool.dialling - this.checking - dialler.stocking;
  }

  close(): void {
    this.#check?.close();
  }
}
