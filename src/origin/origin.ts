/** One server: lends its connections, learns from what they tell, and knows how it is doing. */

import type { Connection } from '../connection/connection.js';
import type { Dialled } from '../connection/dial.js';
import { asBackendError, type BackendError, type OriginCounts } from '../errors.js';
import type { CloseReason } from '../observe/reasons.js';
import type { ResolvedOrigin } from '../options.js';
import { Pool } from '../pool/pool.js';
import type { Slot } from '../pool/slot.js';
import { Concurrency } from './concurrency.js';
import { type ConnectionStats, connectionStats } from './connection-stats.js';
import type { DemandOn } from './demand.js';
import { DialBackoff } from './dial-backoff.js';
import type { DialPurpose } from './dial-purpose.js';
import { Dialler, type DiallerListener } from './dialler.js';
import { OriginChecks } from './health/origin-checks.js';
import { Standing } from './health/standing.js';
import { IdleLimit } from './idle-limit.js';
import { Lending } from './lending.js';
import { OriginTally } from './origin-tally.js';
import type { OriginParts } from './parts.js';
import { type ConnectedOrigin, PoolEntries } from './pool-entries.js';
import type { PoolEntry } from './pool-entry.js';
import { RequestRecorder } from './request-recorder.js';
import { type ServedOrigin, Service } from './service.js';
import type { OriginSetting } from './setting.js';
import { ShutdownDetector } from './shutdown-detector.js';
import { Stock } from './stock.js';
import { connectionSettingOf, targetOf } from './target.js';
import type { Travel } from './travel.js';

export class Origin implements DiallerListener, ConnectedOrigin, ServedOrigin {
  /** Its URL, `scheme://host:port`. */
  readonly name: string;
  readonly service = new Service(this);
  readonly standing: Standing;
  readonly checks: OriginChecks;
  readonly concurrency: Concurrency;
  readonly backoff: DialBackoff;
  readonly idleLimit: IdleLimit;
  readonly shutdown: ShutdownDetector;
  readonly tally = new OriginTally();
  readonly recorder: RequestRecorder;
  readonly entries: PoolEntries<Origin>;
  readonly #setting: OriginSetting;
  readonly #demand: DemandOn<Origin>;
  readonly #pool: Pool<PoolEntry>;
  readonly #lending: Lending;
  readonly #dialler: Dialler;
  readonly #stock: Stock;
  #options: ResolvedOrigin;

  constructor(options: ResolvedOrigin, setting: OriginSetting, demand: DemandOn<Origin>) {
    const { clock, random } = setting;
    const target = targetOf(options, setting);
    const connection = connectionSettingOf(options, setting);
    const changed = () => demand.changed();
    const due = () => this.dialAllowed();
    this.name = options.origin;
    this.#options = options;
    this.#setting = setting;
    this.#demand = demand;
    this.standing = new Standing(this.name, setting, { due, changed });
    this.backoff = new DialBackoff(clock, random, changed);
    this.idleLimit = new IdleLimit(setting);
    this.shutdown = new ShutdownDetector(clock);
    const { standing, backoff, tally, idleLimit, shutdown } = this;
    const pool: Pool<PoolEntry> = new Pool({ size: options.maxConnections, onFree: due });
    const dialler = new Dialler(setting, target, pool, backoff, this);
    const lending = new Lending(this, pool, idleLimit, clock);
    const stock = new Stock(setting, pool, dialler, idleLimit, demand, standing);
    const made = { pool, dialler, lending, stock, standing, shutdown, tally };
    const parts: OriginParts<Origin> = { origin: this, setting, target, connection, demand, ...made };
    this.checks = new OriginChecks(parts);
    this.concurrency = new Concurrency(parts, this.checks);
    this.recorder = new RequestRecorder(parts, this.concurrency);
    this.entries = new PoolEntries(this, parts);
    this.#pool = pool;
    this.#dialler = dialler;
    this.#lending = lending;
    this.#stock = stock;
  }

  get options(): ResolvedOrigin {
    return this.#options;
  }

  /** Whether requests may be sent there at all; see {@link takesNew}. */
  get serves(): boolean {
    const takesSome = this.#options.weight > 0 || this.#setting.options.sticky !== false;
    return this.service.state === 'serving' && takesSome && this.#options.maxConnections > 0;
  }

  /** Whether it takes requests that are not bound to it: an origin of weight 0 only takes those of its sessions. */
  get takesNew(): boolean {
    return this.#options.weight > 0 && this.serves;
  }

  /** Connections that carry a request. */
  get busy(): number {
    return this.#pool.busy;
  }

  get idle(): number {
    return this.#pool.idle;
  }

  get dialling(): number {
    return this.#pool.dialling - this.checks.slots;
  }

  get counts(): OriginCounts {
    const { busy, idle, fresh } = this.#pool.counts;
    return { origin: this.name, busy, idle, dialling: this.dialling, spare: fresh };
  }

  /** Every connection, built for this call. */
  get connections(): readonly ConnectionStats[] {
    return connectionStats(this.entries.list, this.#dialler.slots, this.#setting);
  }

  // --- lending -------------------------------------------------------------------------------------------------------

  /** Whether `checkout` might find something; `lent`: after so many of the busy connections have become idle. */
  hasConnectionFor(travel: Travel, lent = 0): boolean {
    return this.concurrency.mayBegin(lent) && this.#lending.mayFind(travel);
  }

  /** A connection that is alive at this moment. `'checking'`: one is being checked, then offered. `undefined`: there is none. */
  checkout(travel: Travel, now = this.#setting.clock.now()): PoolEntry | 'checking' | undefined {
    for (;;) {
      const entry = this.#lending.checkout(travel, now);
      if (entry === undefined) return undefined;
      const found = entry.connection.checkAlive();
      if (found === 'alive') return entry;
      if (found === 'unknown') {
        this.entries.offerAfterTwoTurns(entry, true);
        return 'checking';
      }
      this.entries.sweep(entry);
    }
  }

  /** Requests that may only travel fresh are being seen: keeps spares for the next ones. */
  expectFresh(): void {
    this.#stock.expectFresh();
  }

  /** How many more requests may travel fresh here. */
  get freshShareLeft(): number {
    return this.#lending.freshShareLeft;
  }

  /** Whether a reused connection may carry a request that must not be sent twice. */
  isProven(connection: Connection): boolean {
    return this.#lending.isProven(connection);
  }

  // --- dialling --------------------------------------------------------------------------------------------------------

  get canDial(): boolean {
    return this.concurrency.mayBegin() && this.#dialler.canDial;
  }

  get canMakeRoom(): boolean {
    return this.concurrency.mayBegin() && this.#dialler.canMakeRoom;
  }

  /** Whether a dial could begin in the slot of one of its connections, if that were closed for it. */
  get mayDial(): boolean {
    return this.#dialler.mayDial;
  }

  makeRoom(): void {
    this.#dialler.makeRoom();
  }

  dial(purpose: DialPurpose): void {
    const slot = this.#dialler.dial(purpose);
    this.#lending.countDial(purpose, 1);
    this.standing.begin(this.#setting.clock.now(), slot); // a listener may give up the dial
  }

  dialled(slot: Slot<PoolEntry>, dialled: Dialled, purpose: DialPurpose, begunAt: number): void {
    let entry: PoolEntry;
    try {
      entry = this.entries.admit(slot, dialled, begunAt);
    } catch (error) {
      dialled.socket.destroy();
      this.dialFailed(slot, asBackendError(error), purpose);
      return;
    }
    this.#dialOver(purpose);
    if (typeof purpose !== 'string' && purpose.opened(entry)) return;
    // No request was left to be the probe: the next one will be.
    if (!this.entries.offer(entry)) this.standing.broughtNoRequest(slot);
  }

  get othersCanServe(): boolean {
    return this.#demand.othersCanServe(this);
  }

  get isHome(): boolean {
    return this.#demand.isHome(this.name);
  }

  dialFailed(slot: Slot<PoolEntry>, error: BackendError, purpose: DialPurpose): void {
    const { observer } = this.#setting;
    this.tally.dialsFailed += 1;
    this.idleLimit.unreachable();
    this.standing.dialFailed(error.code, slot);
    const retryInMs = this.#dialler.backOff(error);
    this.#pool.release(slot);
    if (observer.watches('dialFailed')) observer.emit('dialFailed', { origin: this.name, error, retryInMs });
    this.waitOver(purpose);
    this.#demand.dialFailed(this, error);
  }

  dialGivenUp(slot: Slot<PoolEntry>, purpose: DialPurpose): void {
    this.standing.broughtNoRequest(slot);
    this.waitOver(purpose);
  }

  waitOver(purpose: DialPurpose): void {
    this.#dialOver(purpose);
    if (typeof purpose !== 'string') purpose.failed();
  }

  #dialOver(purpose: DialPurpose): void {
    this.#lending.countDial(purpose, -1);
    if (purpose === 'demand') this.#demand.arrived();
    else this.#demand.room(); // it may have ended a back-off
    this.service.look();
  }

  /** A connection that was checked out, or dialled for a request, gets no request after all. */
  release(entry: PoolEntry): void {
    this.standing.broughtNoRequest(entry.slot);
    if (!entry.connection.closed) this.entries.release(entry);
  }

  get superfluous(): CloseReason | undefined {
    if (!this.serves) return 'drained';
    return this.#pool.surplus > 0 ? 'shrunk' : undefined;
  }

  /** A slot is empty, or dialling is allowed again. */
  dialAllowed(): void {
    this.service.look();
    this.checks.slotFreed();
    this.#demand.room();
    if (this.serves && !this.#stock.isFull) this.#stock.fillAfterDemand();
  }

  // --- life ------------------------------------------------------------------------------------------------------------

  /** Resolves when the minimum is open, or could not be opened. */
  ready(): Promise<void> {
    const isOut = () => !this.serves || this.standing.isDown || !this.backoff.isReady;
    return this.service.until(() => this.#stock.isFull || isOut());
  }

  /** Follows these options, and those of the backend as they are now. Resolves when the connections above the limit are closed. */
  configure(options: ResolvedOrigin): Promise<void> {
    this.#options = options;
    // Otherwise its checks would begin again, and nothing would ever end them.
    if (this.service.state === 'closed') return Promise.resolve();
    this.#pool.resize(options.maxConnections);
    this.concurrency.configure();
    this.checks.configure();
    this.standing.configure();
    this.settle();
    return this.service.until(() => this.#pool.surplus === 0);
  }

  get isQuiet(): boolean {
    return this.#pool.busy + this.dialling === 0;
  }

  /** Closes the connections that are not allowed any more, and offers the others to waiting requests. */
  settle(): void {
    if (this.serves) this.#dialler.start();
    else this.#dialler.stop();
    while (this.superfluous !== undefined && this.#dialler.closeColdest(this.superfluous));
    while (this.#pool.surplus > 0 && this.#dialler.giveUpStock());
    this.#demand.changed();
    this.dialAllowed();
  }

  /** Closes every connection and gives up every dial, now. */
  close(reason: 'drained' | 'destroyed'): void {
    this.service.close();
    this.standing.close();
    this.checks.close();
    this.#stock.close();
    this.#dialler.close();
    this.entries.close(reason);
    this.service.look();
  }
}
