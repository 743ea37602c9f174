/** The connections of one origin: how each begins to carry a request, where it goes after that, and what is recorded when it is closed. */

import type { Dialled } from '../connection/dial.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { CloseReason } from '../observe/reasons.js';
import type { Slot } from '../pool/slot.js';
import type { Concurrency } from './concurrency.js';
import { ConnectionRecorder } from './connection-recorder.js';
import type { DialBackoff } from './dial-backoff.js';
import type { OriginChecks } from './health/origin-checks.js';
import type { IdleLimit } from './idle-limit.js';
import { LateBodies } from './late-bodies.js';
import { newConnectionError } from './new-connection-error.js';
import type { OriginTally } from './origin-tally.js';
import type { OriginParts } from './parts.js';
import { PoolEntry, type PoolEntryOwner } from './pool-entry.js';
import type { ShutdownDetector } from './shutdown-detector.js';
import type { Travel } from './travel.js';

/** What connections look at in their origin. */
export interface ConnectedOrigin {
  readonly name: string;
  readonly backoff: DialBackoff;
  readonly checks: OriginChecks;
  readonly concurrency: Concurrency;
  readonly idleLimit: IdleLimit;
  readonly tally: OriginTally;
  readonly shutdown: ShutdownDetector;
  /** Why connections that carry no request are not kept; `undefined` = they are kept. */
  readonly superfluous: CloseReason | undefined;
}

export class PoolEntries<Origin extends ConnectedOrigin> implements PoolEntryOwner {
  /** All open connections. */
  readonly list = new Set<PoolEntry>();
  readonly #origin: Origin;
  readonly #parts: OriginParts<Origin>;
  readonly #recorder: ConnectionRecorder;
  readonly #lateBodies = new LateBodies();

  constructor(origin: Origin, parts: OriginParts<Origin>) {
    const { name, idleLimit, tally } = origin;
    this.#origin = origin;
    this.#parts = parts;
    this.#recorder = new ConnectionRecorder(name, idleLimit, tally, parts.setting.observer);
  }

  /**
   * A dial that was begun at the moment `begunAt` has succeeded: its connection is lent to the caller.
   * @throws BackendError when the server spoke before it was asked, or has closed the connection already
   */
  admit(slot: Slot<PoolEntry>, dialled: Dialled, begunAt: number): PoolEntry {
    const origin = this.#origin;
    const { setting, connection, pool } = this.#parts;
    const { clock, random, observer, options } = setting;
    const error = newConnectionError(origin.name, dialled, connection.secure);
    if (error?.code === 'http_protocol_error') origin.tally.poisoned += 1;
    if (error !== undefined) throw error;
    // Shortened at random, so that connections dialled together do not retire together.
    const retireAt = clock.now() + options.maxConnectionAge * (1 - random() / 10);
    const entry = new PoolEntry({ slot, dialled, dialledAt: begunAt, retireAt }, connection, this);
    const backoff = origin.backoff.state;
    origin.backoff.succeeded();
    origin.tally.dialled += 1;
    this.list.add(entry);
    pool.fill(slot, entry);
    if (observer.watches('connect')) {
      const durationMs = clock.now() - begunAt;
      observer.emit('connect', { origin: origin.name, open: this.list.size, durationMs });
    }
    if (backoff.name !== 'ready' && observer.watches('reachable')) {
      const { failures, since } = backoff;
      observer.emit('reachable', { origin: origin.name, failures, afterMs: clock.now() - since });
    }
    return entry;
  }

  /** Lends the connection to a waiting request, else makes it idle. It must have been found alive in this turn. True = it was lent. */
  offer(entry: PoolEntry): boolean {
    const origin = this.#origin;
    const { demand, lending, pool, stock } = this.#parts;
    const mayLend = !origin.concurrency.isOverfull;
    if (mayLend && demand.waiting && demand.offer(origin, entry)) return true;
    if (entry.connection.closed) return false;
    if (mayLend && lending.isDialAwaited && this.#giveToDialWaiter(entry)) return true;
    const reason = origin.superfluous;
    if (reason !== undefined) {
      entry.connection.close(reason);
      return false;
    }
    pool.release(entry.slot);
    stock.added(entry);
    return false;
  }

  /** A request that waits for a dial of its own takes whichever comes first: that connection or another. */
  #giveToDialWaiter(entry: PoolEntry): boolean {
    const { demand, dialler, lending } = this.#parts;
    const { connection } = entry;
    const mayRide = (travel: Travel) =>
      connection.fresh || travel === 'any' || (travel === 'verified' && lending.isProven(connection));
    const next = () => dialler.takeWaiter(mayRide);
    for (let waiter = next(); waiter !== undefined; waiter = next()) {
      lending.countDial(waiter, -1);
      if (!waiter.opened(entry)) continue;
      // The connection did not become idle, but an exchange has ended: below the learned limit another request may dial now.
      demand.room();
      return true;
    }
    return false;
  }

  /** The kernel cannot be asked whether the connection is alive: two turns of the event loop show it instead. */
  offerAfterTwoTurns(entry: PoolEntry, demanded: boolean): void {
    const { demand } = this.#parts;
    if (demanded) demand.checkBegun(this.#origin);
    entry.connection.afterTwoTurns(() => {
      if (demanded) demand.checked(this.#origin);
      if (entry.connection.checkAlive() !== 'closed') this.offer(entry);
    });
  }

  /** Counts a request that travels fresh towards `maxFreshConnections`. A second call changes nothing. */
  takeShare(entry: PoolEntry, travel: Travel): void {
    if (travel === 'fresh') this.#parts.lending.takeFreshShare(entry);
  }

  /** A connection that was checked out begins to carry a request. */
  begun(entry: PoolEntry, travel: Travel, now: number): void {
    const { connection } = entry;
    const { pool, shutdown, standing, tally } = this.#parts;
    shutdown.requestBegun(entry);
    tally.requests += 1;
    if (connection.exchanges > 0) tally.reused += 1;
    entry.idleMsWhenLent = connection.idleMs(now);
    pool.markUsed(entry.slot);
    this.takeShare(entry, travel);
    standing.begin(now); // a listener may end the request, or the backend
  }

  reusable(entry: PoolEntry): void {
    const { connection } = entry;
    this.#recorder.reusable(entry);
    const reason = this.#retirement(entry);
    if (reason === undefined) this.release(entry);
    else connection.close(reason);
  }

  /** Lends the connection to a waiting request if it is alive, else makes it idle: idle ones are checked when they are needed. */
  release(entry: PoolEntry): void {
    const { demand, lending } = this.#parts;
    this.#freshEnded(entry);
    const found = demand.waiting || lending.isDialAwaited ? entry.connection.checkAlive() : 'alive';
    if (found === 'alive') this.offer(entry);
    else if (found === 'unknown') this.offerAfterTwoTurns(entry, false);
    else this.sweep(entry);
  }

  /** An idle connection was found unfit. If its server had closed it, it may have closed its neighbours, too: they are checked. */
  sweep(entry: PoolEntry): void {
    this.#recorder.sweep(entry, this.#parts.pool.idleSlots());
  }

  closed(entry: PoolEntry, reason: CloseReason, heard: string): void {
    const { slot } = entry;
    const { pool, stock } = this.#parts;
    this.#freshEnded(entry);
    this.list.delete(entry);
    this.#origin.shutdown.closed(reason);
    this.#lateBodies.closed(entry, reason, heard);
    this.#recorder.closed(entry, reason, heard);
    // Spares that are closed because a dial was refused are not too old.
    const isTooOld = reason === 'spare-expired' && entry.connection.idleMs() >= this.#origin.idleLimit.spareMs;
    if (reason === 'stale' || reason === 'poisoned' || isTooOld) stock.lost(entry);
    if (slot.state === 'idle') pool.evict(slot);
    else {
      pool.clear(slot);
      pool.release(slot);
    }
    this.#recorder.tellClosed(entry, reason, heard, this.list.size);
  }

  #freshEnded(entry: PoolEntry): void {
    if (!entry.holdsFreshShare) return;
    const { demand, lending, stock } = this.#parts;
    lending.giveFreshShareBack(entry);
    demand.room(); // the next one may dial, whoever gets the connection
    stock.freshEnded(entry.connection.exchanges > 0, lending.freshUnderWay);
  }

  answered(entry: PoolEntry, head: ResponseHead): void {
    this.#origin.shutdown.answered(entry);
    this.#lateBodies.answered(entry, head);
    this.#recorder.answered(entry, head);
  }

  #retirement(entry: PoolEntry): CloseReason | undefined {
    const origin = this.#origin;
    const { setting } = this.#parts;
    const reason = origin.superfluous;
    if (reason !== undefined) return reason;
    if (this.#lateBodies.mayFollow(entry)) return 'leftover';
    if (origin.checks.wantsSlot) return 'made-room';
    if (entry.exchangesLeft(setting.options.maxRequestsPerConnection) <= 0) return 'max-requests';
    return entry.connection.idleSince >= entry.retireAt ? 'max-age' : undefined;
  }

  close(reason: CloseReason): void {
    for (const entry of this.list) entry.connection.close(reason);
  }
}
