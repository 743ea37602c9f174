/** The unused connections of an origin: closes those that are too old, keeps `minConnections`, and dials spares. */

import type { Pool } from '../pool/pool.js';
import type { Timer } from '../time/clock.js';
import type { Deadline } from '../time/deadlines.js';
import type { Demand } from './demand.js';
import type { Dialler } from './dialler.js';
import { type IdleLimit, SPARE_MS } from './idle-limit.js';
import type { PoolEntry } from './pool-entry.js';
import type { OriginSetting } from './setting.js';

/** If an unused connection is closed within this time, the origin is not dialled for stock for as long. Milliseconds. */
const PAUSE_MS = 1_000;

/**
 * Spares that were taken are replaced when the answers to their requests have been sent on, or after this time. A dial takes longer
 * than relaying: requests that came together, and their answers, would have to wait for it (decision 0051). Milliseconds.
 */
const REFILL_MS = 2;

export class Stock {
  readonly #setting: OriginSetting;
  readonly #pool: Pool<PoolEntry>;
  readonly #dialler: Dialler;
  readonly #idleLimit: IdleLimit;
  readonly #demand: Demand;
  readonly #standing: { readonly isDown: boolean };
  readonly #inspection: Deadline;
  readonly #refill: Deadline;
  #refilling: Timer | undefined; // at the end of a turn
  #freshSeenAt = Number.NEGATIVE_INFINITY;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(
    setting: OriginSetting,
    pool: Pool<PoolEntry>,
    dialler: Dialler,
    idleLimit: IdleLimit,
    demand: Demand,
    standing: { readonly isDown: boolean },
  ) {
    this.#standing = standing;
    this.#setting = setting;
    this.#pool = pool;
    this.#dialler = dialler;
    this.#idleLimit = idleLimit;
    this.#demand = demand;
    this.#inspection = setting.deadlines.create(() => this.#inspect());
    this.#refill = setting.deadlines.create(() => this.fill());
  }

  /** A request that may only travel fresh was seen: more may follow. */
  expectFresh(): void {
    this.#freshSeenAt = this.#setting.clock.now();
    if (!this.#refill.isSet) this.#refill.set(REFILL_MS, this.#freshSeenAt);
  }

  /** A request that may only travel fresh has ended. The answers to those `underWay` come first if a spare is left. */
  freshEnded(answered: boolean, underWay: number): void {
    if (!this.#refill.isSet) return;
    if (answered && underWay > 0 && this.#pool.counts.fresh > 0) return;
    this.#refill.clear();
    // If it was not answered, no spare is dialled yet: the next request has to show whether that goes on.
    if (answered) this.#refillSoon();
  }

  #refillSoon(): void {
    this.#refilling ??= this.#setting.clock.soon(this.#refillNow);
  }

  readonly #refillNow = (): void => {
    this.#refilling = undefined;
    this.fill();
  };

  /** A connection became idle. */
  added({ connection, retireAt }: PoolEntry): void {
    const limitMs = connection.fresh ? this.#idleLimit.spareMs : this.#idleLimit.effectiveMs;
    const now = connection.idleSince;
    this.#inspectWithin(Math.min(limitMs, retireAt - now), now);
  }

  /** The origin closed a connection, or would soon have. An unused one is not replaced at once: that could become a loop. */
  lost({ connection }: PoolEntry): void {
    const now = this.#setting.clock.now();
    if (connection.exchanges > 0 || now - connection.idleSince >= PAUSE_MS) return;
    this.#pausedUntil = now + PAUSE_MS;
    this.#inspectWithin(PAUSE_MS, now);
  }

  /** Whether the minimum is open, or as much of it as a share of connections allows. */
  get isFull(): boolean {
    const { idle, busy, size } = this.#pool.counts;
    return idle + busy >= Math.min(this.#setting.options.minConnections, size);
  }

  /** A slot is free, or a dial is possible again. Waiting requests come first: they are served at the end of this turn. */
  fillAfterDemand(): void {
    if (this.#demand.waiting) this.#inspectWithin(1, this.#setting.clock.now());
    else this.fill();
  }

  /** Dials what is missing, as long as there are empty slots that no request waits for. */
  fill(): void {
    const { minConnections, spareConnections } = this.#setting.options;
    if (this.#standing.isDown) return;
    const now = this.#setting.clock.now();
    if (now < this.#pausedUntil) {
      this.#inspectWithin(this.#pausedUntil - now, now);
      return;
    }
    while (this.#open() + this.#dialler.dialling < minConnections && this.#dialler.canDial) this.#dialler.dial('stock');
    if (spareConnections === false || this.#demand.waiting || now - this.#freshSeenAt >= SPARE_MS) return;
    this.#dialSpare(spareConnections);
  }

  /** Dials one spare in each turn of the event loop: a request that comes meanwhile waits for one dial at the most. */
  #dialSpare(most: number): void {
    const { idle, fresh } = this.#pool.counts;
    const spares = fresh + this.#dialler.stocking;
    if (spares >= most) return;
    // A pool full of idle connections gives up its coldest for a spare, as long as no fewer used ones than spares are left.
    if (!this.#dialler.canDial && this.#dialler.canMakeRoom && idle - fresh >= spares + 2) this.#dialler.makeRoom();
    if (!this.#dialler.canDial) return;
    this.#dialler.dial('stock');
    this.#refillSoon();
  }

  close(): void {
    this.#inspection.clear();
    this.#refill.clear();
    this.#refilling?.cancel();
  }

  #open(): number {
    const { idle, busy } = this.#pool.counts;
    return idle + busy;
  }

  #inspectWithin(ms: number, now: number): void {
    const leftMs = Math.max(1, ms);
    if (now + leftMs < this.#inspection.at) this.#inspection.set(leftMs, now);
  }

  /** Ages are judged by the clock when a connection is lent; this only closes old ones that no request has asked for. */
  #inspect(): void {
    const now = this.#setting.clock.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const slot of this.#pool.idleSlots()) {
      if (slot.item === undefined) continue;
      const { connection, retireAt } = slot.item;
      const isSpare = connection.fresh && this.#open() > this.#setting.options.minConnections;
      const limitMs = isSpare ? this.#idleLimit.spareMs : this.#idleLimit.mostMs(connection);
      const leftMs = Math.min(limitMs - connection.idleMs(), retireAt - now);
      if (leftMs > 0) nextMs = Math.min(nextMs, leftMs);
      else if (retireAt <= now) connection.close('max-age');
      else connection.close(isSpare ? 'spare-expired' : 'idle-timeout');
    }
    if (nextMs !== Number.POSITIVE_INFINITY) this.#inspection.set(Math.max(nextMs, 1));
    this.fill();
  }
}
