/** Makes connections in the empty slots of one origin, and room for them by closing idle ones. */

import { AsyncResource } from 'node:async_hooks';
import type { DialListener, Dialled, DialTarget, DialUnderWay, StartDial } from '../connection/dial.js';
import type { BackendError } from '../errors.js';
import type { CloseReason } from '../observe/reasons.js';
import type { ResolvedOptions } from '../options.js';
import type { Pool } from '../pool/pool.js';
import type { Slot } from '../pool/slot.js';
import type { Deadline, Deadlines } from '../time/deadlines.js';
import type { DialBackoff } from './dial-backoff.js';
import type { DialPurpose, DialWaiter } from './dial-purpose.js';
import type { PoolEntry } from './pool-entry.js';
import type { Travel } from './travel.js';

/** The origin. It hears how each dial ended, while the slot is still dialling. */
export interface DiallerListener {
  /** Whether other origins can serve without this one. */
  readonly othersCanServe: boolean;
  /** Whether requests that are bound to this origin may go there now. */
  readonly isHome: boolean;
  /** `begunAt`: moment on the clock at which the dial began. */
  dialled(slot: Slot<PoolEntry>, dialled: Dialled, purpose: DialPurpose, begunAt: number): void;
  dialFailed(slot: Slot<PoolEntry>, error: BackendError, purpose: DialPurpose): void;
  /** The dial was given up, and its slot is empty. */
  dialGivenUp(slot: Slot<PoolEntry>, purpose: DialPurpose): void;
  /** The dial goes on, but takes so long that nothing waits for it any more. */
  waitOver(purpose: DialPurpose): void;
  /** The wait after a failed dial is over. */
  dialAllowed(): void;
}

export interface DiallerSetting {
  readonly startDial: StartDial;
  readonly deadlines: Deadlines;
  /** `maxDialling`: dials that may be under way at once. */
  readonly options: Pick<ResolvedOptions, 'maxDialling'>;
}

/** A dial of this age takes long: a packet that was lost is sent again after a second, at best. Milliseconds. */
const LATE_MS = 1_000;

/** A refused dial within this time after another one is no news. Longer than the longest wait between two dials. Milliseconds. */
const REFUSING_MS = 5_000;

interface Begun {
  purpose: DialPurpose;
  readonly at: number;
  readonly dial: DialUnderWay;
}

export class Dialler {
  readonly #startDial: StartDial;
  readonly #target: DialTarget;
  readonly #deadlines: Deadlines;
  readonly #setting: DiallerSetting;
  readonly #pool: Pool<PoolEntry>;
  readonly #backoff: DialBackoff;
  readonly #listener: DiallerListener;
  readonly #retry: Deadline;
  readonly #late: Deadline;
  // The async context in which the backend was created. A socket keeps the context in which it was opened: that of the request which
  // happened to need the dial would live as long as the socket, with everything that the request has stored there.
  readonly #scope = new AsyncResource('PooledDials');
  readonly #dials = new Map<Slot<PoolEntry>, Begun>(); // oldest first
  #stocking = 0; // of these, how many are for no request: asked for each request, so not counted each time
  #session: Buffer | undefined;
  #refusedAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(
    setting: DiallerSetting,
    target: DialTarget,
    pool: Pool<PoolEntry>,
    backoff: DialBackoff,
    listener: DiallerListener,
  ) {
    const { startDial, deadlines } = setting;
    this.#setting = setting;
    this.#startDial = startDial;
    this.#target = target;
    this.#deadlines = deadlines;
    this.#pool = pool;
    this.#backoff = backoff;
    this.#listener = listener;
    this.#late = deadlines.create(() => this.#passOverLate());
    this.#retry = deadlines.create(() => this.#endWait());
  }

  /** Whether a dial may begin in an empty slot. */
  get canDial(): boolean {
    return this.#pool.canCheckout('empty') && this.mayDial;
  }

  /** Whether a dial may begin in the slot of an idle connection. */
  get canMakeRoom(): boolean {
    return this.#pool.canCheckout('coldest') && this.mayDial;
  }

  /** Whether a dial may begin as soon as there is an empty slot. */
  get mayDial(): boolean {
    return this.#mayBegin && this.#backoff.mayDial();
  }

  get #mayBegin(): boolean {
    return !this.#stopped && this.#dials.size < this.#setting.options.maxDialling;
  }

  get dialling(): number {
    return this.#dials.size;
  }

  /** The slots that are dialled for. */
  get slots(): Iterable<Slot<PoolEntry>> {
    return this.#dials.keys();
  }

  /** Dials for spares and the minimum, and those that no request waits for any more. */
  get stocking(): number {
    return this.#stocking;
  }

  /** A request that waits for its own dial and may ride a connection that has come sooner. The dial goes on, for the stock. */
  takeWaiter(mayRide: (travel: Travel) => boolean): DialWaiter | undefined {
    for (const begun of this.#dials.values()) {
      const { purpose } = begun;
      if (typeof purpose === 'string' || !mayRide(purpose.travel)) continue;
      this.#keepForStock(begun);
      return purpose;
    }
    return undefined;
  }

  /** Begins a dial, in the slot that is returned. There must be an empty one, see {@link canDial}. */
  dial(purpose: DialPurpose): Slot<PoolEntry> {
    const slot = this.#pool.checkout('empty');
    if (slot === undefined) throw new Error(`a dial to ${this.#target.origin} without an empty slot`);
    this.#pool.startDial(slot);
    this.#backoff.begin();
    const at = this.#deadlines.clock.now();
    const dial = this.#start({
      opened: (dialled) => {
        this.#listener.dialled(slot, dialled, this.#over(slot, begun), at);
      },
      failed: (error) => {
        const purpose = this.#over(slot, begun);
        // The server may have refused the TLS session instead of ignoring it, so the next dial does without it.
        this.#session = undefined;
        this.#listener.dialFailed(slot, error, purpose);
      },
      session: (session) => {
        this.#session = session;
      },
    });
    const begun: Begun = { purpose, at, dial };
    this.#dials.set(slot, begun);
    if (purpose === 'stock') this.#stocking += 1;
    if (purpose !== 'stock' && !this.#late.isSet) this.#late.set(LATE_MS, at);
    return slot;
  }

  /**
   * The dial has ended, and has to forget the request that it was made for. Its connection keeps the dial in memory, and so does
   * each error of that connection, through its stack. So each request that was sent again would keep the one before it.
   */
  #over(slot: Slot<PoolEntry>, begun: Begun): DialPurpose {
    const { purpose } = begun;
    if (purpose === 'stock') this.#stocking -= 1;
    begun.purpose = 'stock';
    this.#dials.delete(slot);
    return purpose;
  }

  /** No request waits for the dial any more. */
  #keepForStock(begun: Begun): void {
    begun.purpose = 'stock';
    this.#stocking += 1;
  }

  /** If dials take long, lets their requests go to another origin, if there is one. Connections that arrive later are offered. */
  #passOverLate(): void {
    const now = this.#deadlines.clock.now();
    let isAwaited = false;
    for (const begun of this.#dials.values()) {
      const { purpose } = begun;
      if (purpose === 'stock') continue;
      const leftMs = begun.at + LATE_MS - now;
      if (leftMs > 0) {
        this.#late.set(leftMs, now);
        return;
      }
      if (this.#isForAny(purpose) && this.#listener.othersCanServe) this.#passOver(begun, purpose);
      else isAwaited = true;
    }
    if (isAwaited) this.#late.set(LATE_MS, now);
  }

  /** Whether a connection of another origin would do. If this origin is not trusted any more, it would for every request. */
  #isForAny(purpose: DialPurpose): boolean {
    const isTrusted = this.#backoff.isReady && this.#listener.isHome;
    return !isTrusted || typeof purpose === 'string' || purpose.anyWouldDo;
  }

  #passOver(begun: Begun, purpose: DialPurpose): void {
    this.#backoff.takesLong();
    this.#keepForStock(begun);
    this.#listener.waitOver(purpose);
  }

  #start(listener: DialListener): DialUnderWay {
    const args = [this.#target, this.#session, this.#deadlines, listener] as const;
    return this.#scope.runInAsyncScope(this.#startDial, undefined, ...args);
  }

  /** A dial failed: none begins for a while. Returns the milliseconds. */
  backOff(error: BackendError): number {
    const waitMs = this.#backoff.failed(error, this.#listener.othersCanServe);
    this.#retry.set(waitMs);
    if (error.code === 'connection_refused') this.#refused();
    return waitMs;
  }

  /**
   * No process listens any more. One that shuts down closes the spares next, and requests that were sent on them are lost: so
   * spares are closed now. But not if the origin refuses again and again, for example behind a limit of connections: there they
   * would be closed and dialled without end.
   */
  #refused(): void {
    const now = this.#deadlines.clock.now();
    const isNews = now - this.#refusedAt >= REFUSING_MS;
    this.#refusedAt = now;
    if (!isNews) return;
    for (const slot of this.#pool.idleSlots()) {
      if (slot.item?.connection.fresh === true) slot.item.connection.close('spare-expired');
    }
  }

  #endWait(): void {
    // A timer that fires a fraction too early would find that no dial is allowed yet, and would not be set again.
    if (this.#backoff.state.name === 'waiting' && !this.#backoff.mayDial()) this.#retry.set(1);
    else this.#listener.dialAllowed();
  }

  /** Closes the connection that has been idle longest, so that a fresh one can take its slot. */
  makeRoom(): void {
    this.closeColdest('made-room');
  }

  /** False when no connection is idle. */
  closeColdest(reason: CloseReason): boolean {
    const connection = this.#pool.checkout('coldest')?.item?.connection;
    connection?.close(reason);
    return connection !== undefined;
  }

  /** Gives up every dial and begins no other, until {@link start}. */
  stop(): void {
    this.#stopped = true;
    for (const slot of this.#dials.keys()) this.#giveUp(slot);
    this.#backoff.abandoned();
  }

  /** Gives up a dial for a spare or the minimum. False when there is none. */
  giveUpStock(): boolean {
    for (const [slot, { purpose }] of this.#dials) {
      if (purpose !== 'stock') continue;
      this.#giveUp(slot);
      if (this.#dials.size === 0) this.#backoff.abandoned();
      return true;
    }
    return false;
  }

  #giveUp(slot: Slot<PoolEntry>): void {
    const begun = this.#dials.get(slot);
    if (begun === undefined) return;
    const purpose = this.#over(slot, begun);
    begun.dial.abandon();
    this.#pool.release(slot);
    this.#listener.dialGivenUp(slot, purpose);
  }

  close(): void {
    this.stop();
    this.#retry.clear();
    this.#late.clear();
  }

  /** Dials may begin again. */
  start(): void {
    this.#stopped = false;
  }
}
