/** The connections of one origin: where each goes when it carries no request, and what is recorded when it is closed. */

import { Connection } from '../connection/connection.js';
import type { CloseReason } from '../connection/connection-owner.js';
import type { ConnectionSetting } from '../connection/connection-setting.js';
import type { Dialled } from '../connection/dial.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { Pool } from '../pool/pool.js';
import type { Slot } from '../pool/slot.js';
import type { DemandOn } from './demand.js';
import type { DialBackoff } from './dial-backoff.js';
import type { Dialler } from './dialler.js';
import { greetingError } from './greeting.js';
import type { Guard } from './guard.js';
import type { Lending } from './lending.js';
import type { Lessons } from './lessons.js';
import type { OriginTally } from './origin-tally.js';
import type { OriginAddress, OriginSetting } from './setting.js';
import type { Stock } from './stock.js';
import { type Landlord, Tenancy } from './tenancy.js';
import type { Travel } from './travel.js';

/** What connections look at in their origin. */
export interface Housing {
  readonly address: OriginAddress;
  readonly backoff: DialBackoff;
  readonly guard: Guard;
  readonly tally: OriginTally;
  /** Why connections that carry no request are not kept; `undefined` = they are kept. */
  readonly superfluous: CloseReason | undefined;
}

/** The parts of the origin that its connections touch. */
export interface TenantsHouse<Origin extends Housing> {
  readonly origin: Origin;
  readonly setting: OriginSetting;
  readonly connection: ConnectionSetting;
  readonly demand: DemandOn<Origin>;
  readonly pool: Pool<Tenancy>;
  readonly dialler: Dialler;
  readonly lending: Lending;
  readonly stock: Stock;
  readonly lessons: Lessons;
}

export class Tenants<Origin extends Housing> implements Landlord {
  /** All open connections. */
  readonly list = new Set<Tenancy>();
  readonly #parts: TenantsHouse<Origin>;

  constructor(parts: TenantsHouse<Origin>) {
    this.#parts = parts;
  }

  /**
   * A dial that was begun at the moment `begunAt` has succeeded: its connection is lent to the caller.
   * @throws BackendError when the server spoke before it was asked, or has closed the connection already
   */
  moveIn(slot: Slot<Tenancy>, dialled: Dialled, begunAt: number): Tenancy {
    const { origin, setting, pool } = this.#parts;
    const { clock, random, maxConnectionAge, observer } = setting;
    // Shortened at random, so that connections dialled together do not retire together.
    const tenancy = new Tenancy(slot, begunAt, clock.now() + maxConnectionAge * (1 - random() / 10), this);
    const greeting = greetingError(origin.address.origin, dialled, this.#parts.connection.secure);
    if (greeting?.code === 'http_protocol_error') origin.tally.poisoned += 1;
    if (greeting !== undefined) throw greeting;
    tenancy.moveIn(new Connection(dialled, this.#parts.connection, tenancy));
    const backoff = origin.backoff.state;
    origin.backoff.succeeded();
    origin.tally.dialled += 1;
    this.list.add(tenancy);
    pool.fill(slot, tenancy);
    if (observer.watches('connect')) {
      const durationMs = clock.now() - begunAt;
      observer.emit('connect', { origin: origin.address.origin, open: this.list.size, durationMs });
    }
    if (backoff.name !== 'ready' && observer.watches('reachable')) {
      const { failures, since } = backoff;
      observer.emit('reachable', { origin: origin.address.origin, failures, afterMs: clock.now() - since });
    }
    return tenancy;
  }

  /** Lends the connection to a waiting request, else makes it idle. It must have been found alive in this turn. True = it was lent. */
  offer(tenancy: Tenancy): boolean {
    const { origin, demand, lending, pool, stock } = this.#parts;
    const mayLend = !origin.guard.isOverfull();
    if (mayLend && demand.waiting && demand.offer(origin, tenancy)) return true;
    if (tenancy.connection.closed) return false;
    if (mayLend && lending.isDialAwaited && this.#servesDialWaiter(tenancy)) return true;
    const reason = origin.superfluous;
    if (reason !== undefined) {
      tenancy.connection.close(reason);
      return false;
    }
    pool.release(tenancy.slot);
    stock.added(tenancy);
    return false;
  }

  /** A request that waits for a dial of its own takes whichever comes first: that connection or another. */
  #servesDialWaiter(tenancy: Tenancy): boolean {
    const { dialler, lending } = this.#parts;
    const { connection } = tenancy;
    const mayRide = (travel: Travel) =>
      connection.fresh || travel === 'any' || (travel === 'verified' && lending.isProven(connection));
    const next = () => dialler.takeWaiter(mayRide);
    for (let waiter = next(); waiter !== undefined; waiter = next()) {
      lending.countDial(waiter, -1);
      if (waiter.opened(tenancy)) return true;
    }
    return false;
  }

  /** The kernel cannot be asked whether the connection is alive: two turns of the event loop show it instead. */
  offerAfterTwoTurns(tenancy: Tenancy, demanded: boolean): void {
    tenancy.connection.afterTwoTurns(() => {
      if (demanded) this.#parts.demand.arrived(this.#parts.origin);
      if (tenancy.connection.isAlive() !== false) this.offer(tenancy);
    });
  }

  returned(tenancy: Tenancy): void {
    const { connection } = tenancy;
    this.#freshEnded(tenancy);
    this.#parts.lessons.returned(tenancy);
    const reason = this.#retirement(tenancy);
    if (reason === undefined) this.handOn(tenancy);
    else connection.close(reason);
  }

  /** Lends the connection to a waiting request if it is alive, else makes it idle: idle ones are checked when they are needed. */
  handOn(tenancy: Tenancy): void {
    const { demand, lending } = this.#parts;
    const alive = demand.waiting || lending.isDialAwaited ? tenancy.connection.isAlive() : true;
    if (alive === true) this.offer(tenancy);
    else if (alive === undefined) this.offerAfterTwoTurns(tenancy, false);
    else this.#parts.lessons.sweep(tenancy, this.#parts.pool.idleSlots());
  }

  left(tenancy: Tenancy, reason: CloseReason, heard: string): void {
    const { slot } = tenancy;
    const { lessons, pool, stock } = this.#parts;
    this.#freshEnded(tenancy);
    this.list.delete(tenancy);
    lessons.closed(tenancy, reason, heard);
    if (reason === 'stale' || reason === 'poisoned') stock.lost(tenancy);
    if (slot.state === 'idle') pool.evict(slot);
    else {
      pool.clear(slot);
      pool.release(slot);
    }
    lessons.tellClosed(tenancy, reason, heard, this.list.size);
  }

  #freshEnded(tenancy: Tenancy): void {
    if (!tenancy.holdsFreshShare) return;
    const { lending, stock } = this.#parts;
    lending.giveFreshShareBack(tenancy);
    stock.freshEnded(tenancy.connection.exchanges > 0, lending.freshUnderWay);
  }

  answered(tenancy: Tenancy, head: ResponseHead): void {
    this.#parts.lessons.answered(tenancy, head);
  }

  #retirement(tenancy: Tenancy): CloseReason | undefined {
    const { connection, retireAt } = tenancy;
    const { origin, setting, lessons } = this.#parts;
    const reason = origin.superfluous;
    if (reason !== undefined) return reason;
    if (lessons.isOwedBody(tenancy)) return 'leftover';
    if (origin.guard.wantsSlot) return 'made-room';
    if (connection.exchanges >= setting.maxRequestsPerConnection) return 'max-requests';
    if (connection.allowance.leftAfter(connection.exchanges) <= 0) return 'max-requests';
    return connection.idleSince >= retireAt ? 'max-age' : undefined;
  }

  close(reason: CloseReason): void {
    for (const tenancy of this.list) tenancy.connection.close(reason);
  }
}
