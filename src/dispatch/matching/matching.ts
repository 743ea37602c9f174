/** Brings requests together with connections: idle ones, ones that become free, and ones dialled for them. */

import type { Connection } from '../../connection/connection.js';
import { BackendError, type ErrorCode } from '../../errors.js';
import type { DemandOn } from '../../origin/demand.js';
import type { Origin } from '../../origin/origin.js';
import type { PoolEntry } from '../../origin/pool-entry.js';
import type { Travel } from '../../origin/travel.js';
import type { EligibleOrigins, Member } from '../choice/eligible-origins.js';
import { CAN_KEEP, CAN_TAKE, type OriginChoice } from '../choice/origin-choice.js';
import type { Refusal, WaitQueue } from '../queue/wait-queue.js';
import { ALL_FIT, type Fits, ONLY, PROVEN_FITS, STRICT, TRAVELS } from '../queue/waiter.js';
import type { Run } from '../run.js';
import { ApartMatching } from './apart-matching.js';
import { BoundMatching } from './bound-matching.js';
import { beginQueued } from './careful-begin.js';
import { dialAlone } from './own-dial.js';

const LASTING: ErrorCode = 'tls_certificate_error'; // does not go away while a request waits

export class Matching implements DemandOn<Origin> {
  readonly #queue: WaitQueue<Run>;
  readonly #choice: OriginChoice;
  readonly #eligible: EligibleOrigins;
  readonly #bound: BoundMatching;
  readonly #apart: ApartMatching;
  #coming = 0;
  #pumpIsDue = false;
  #overtakes = 0; // since a returned connection last went to a request that may use any

  constructor(queue: WaitQueue<Run>, choice: OriginChoice) {
    this.#queue = queue;
    this.#choice = choice;
    this.#apart = new ApartMatching(queue, choice);
    this.#eligible = choice.eligible;
    this.#bound = new BoundMatching(queue, choice.eligible);
  }

  /** Puts the request on a connection, or dials one for it alone. False = it has to wait; one is dialled if there is room. */
  begin(run: Run, now: number): boolean {
    this.#tryAbsent();
    const home = this.#bound.homeOf(run);
    if (home !== undefined) return this.#bound.begin(run, home, now);
    const { travel } = run;
    const suits = this.#choice.keeps ? CAN_KEEP[travel] : CAN_TAKE[travel];
    const origin = this.#choice.pick(suits, run.request) ?? this.#choice.pick(canDial, run.request);
    if (origin === undefined) return false;
    const taken = origin.checkout(travel, now);
    if (typeof taken === 'object') {
      this.#queue.resume();
      // The balancer, or a listener of `stale`, may have ended the request.
      if (run.ended) origin.release(taken);
      else run.begin(origin, taken, now);
      return true;
    }
    if (taken === undefined && this.#choice.keeps && dialAlone(run, origin)) return true;
    const mayDial = !run.ended && origin.canDial && (travel !== 'fresh' || origin.freshShareLeft > 0);
    if (taken === undefined && mayDial && this.#wantedWith(travel) > this.#coming) this.#dial(origin);
    return false;
  }

  /** Adds the request to the queue, to the line of its home if it has one. This request or another may be refused. */
  enqueue(run: Run): Refusal<Run> | undefined {
    run.avoids = this.#choice.avoidable(run.failedAt);
    const bound = this.#bound.homeOf(run);
    const home = bound?.takesNew && run.failedAt.includes(bound) ? undefined : bound; // need not go back to where it failed
    run.home = home;
    if (run.attempts.length > 0) return this.#queue.enqueueReturned(run, this.#eligible.mostConnections);
    const usable = home?.concurrency.most ?? this.#eligible.now.usableConnections;
    // Requests for which a connection is being dialled do not count towards the limit. Neither does one whose own dial has failed.
    const dialled = this.#coming + (home?.concurrency ?? this.#eligible).onStock;
    const above = run.timeBudget.waits ? this.#eligible.mostConnections : dialled;
    return this.#queue.enqueue(run, run.timeBudget.waitLeftMs(), usable, above);
  }

  /** Finds out whether an origin can be reached again, by a dial that no request waits for. */
  #tryAbsent(): void {
    this.#eligible.absent?.dial('stock');
  }

  /** Connections that the queue has asked for and that have not arrived. */
  get coming(): number {
    return this.#coming;
  }

  /** How often in a row a request that may use any connection was overtaken. */
  get overtakes(): number {
    return this.#overtakes;
  }

  // --- what origins tell -----------------------------------------------------------------------------------------------

  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  offer(origin: Origin, entry: PoolEntry): boolean {
    this.#queue.resume();
    const { connection } = entry;
    const strict = this.#strictNext(origin, connection);
    if (strict !== undefined) {
      if (origin.hasConnectionFor(strict.travel, 1)) return false; // `adaptiveConcurrency` held it back: now it may ride that
      connection.close('made-room');
      // A listener of `disconnect` may have used up the freed slot, with a request of its own.
      if (strict.home !== undefined) this.#bound.begin(strict, origin);
      else if (strict.avoids.length > 0) this.#apart.dialAt(strict, origin);
      else if (origin.canDial) this.#dial(origin);
      else this.room();
      return true;
    }
    if (!this.#eligible.mayServe(origin, 1)) return this.#bound.offer(origin, entry);
    const run = connection.fresh
      ? this.#takeForFresh(origin)
      : this.#queue.take(origin.isProven(connection) ? PROVEN_FITS : ONLY.any, origin);
    if (!connection.fresh && run?.travel === 'any') this.#overtakes = 0;
    if (run !== undefined) beginQueued(run, origin, entry);
    return run !== undefined;
  }

  /**
   * Requests that cannot ride every connection go first: this one was dialled for them, and another would have to be. The others get
   * connections that come back. But one that becomes a tunnel, or that its origin closes, never comes back: so after as many
   * overtakes as there may be connections, the order of the queue counts.
   */
  #takeForFresh(origin: Origin): Run | undefined {
    const fresh = origin.freshShareLeft > 0;
    if (this.#overtakes >= this.#eligible.mostConnections) return this.#queue.take({ ...ALL_FIT, fresh }, origin);
    const strict = this.#queue.take({ ...STRICT, fresh }, origin);
    if (strict !== undefined && this.#queue.lengthOf('any') > 0) this.#overtakes += 1;
    return strict ?? this.#queue.take(ONLY.any, origin);
  }

  checkBegun(origin: Origin): void {
    this.#coming += 1;
    this.#bound.countChecks(origin, 1);
  }

  checked(origin: Origin): void {
    this.#bound.countChecks(origin, -1);
    this.arrived();
  }

  arrived(): void {
    this.#coming -= 1;
    this.room();
  }

  room(): void {
    if (this.#pumpIsDue || this.#queue.length === 0) return;
    // Later, so that a re-send can take the slot that its dead connection has just freed.
    this.#pumpIsDue = true;
    queueMicrotask(() => {
      this.#pumpIsDue = false;
      this.pump();
    });
  }

  changed(): void {
    this.#eligible.changed();
    this.room();
  }

  othersCanServe(origin: Origin): boolean {
    for (const one of this.#eligible.now.origins)
      if (one !== origin && one.backoff.isReady && !one.backoff.isLate) return true;
    return false;
  }

  isHome(name: string): boolean {
    return this.#eligible.home(name, 'any') !== undefined;
  }

  dialFailed(origin: Origin, error: BackendError): void {
    if (this.#eligible.now.serving.every(({ origin: { idle, busy } }) => idle + busy === 0)) this.#queue.pause();
    if (error.code !== LASTING || this.#eligible.now.serving.some((one) => one.origin !== origin && mayComeBack(one))) {
      this.room();
      return;
    }
    const next = () => this.#queue.take(ALL_FIT, origin);
    for (let run = next(); run !== undefined; run = next()) run.fail(error);
  }

  // --- what the queue needs --------------------------------------------------------------------------------------------

  /** Lends idle connections, then dials until each waiter has a connection coming, as far as there is room. */
  pump(): void {
    this.#tryAbsent();
    if (this.#queue.hasHomes) this.#bound.assignIdle();
    if (!this.#queue.apart.isEmpty) this.#queue.rejoin((avoided) => this.#eligible.canAvoid(avoided));
    for (const travel of TRAVELS) if (this.#queue.lengthOf(travel) > 0) this.#assignIdle(travel);
    if (!this.#queue.apart.isEmpty) this.#apart.dial();
    this.#dialForAny();
    if (this.#queue.hasHomes) this.#bound.dial();
  }

  #dialForAny(): void {
    while (this.#wantedWith() > this.#coming) {
      const empty = this.#choice.pick((one) => one.canDial && this.#serves(ALL_FIT, one));
      const origin = empty ?? this.#makeRoom();
      if (origin === undefined) return;
      if (!this.#queue.hasHomes || !this.#bound.tryDialFirst(origin)) this.#dial(origin);
    }
  }

  /** Uses connections that stayed idle although requests wait: their origin took no requests, or no more fresh ones. */
  #assignIdle(travel: Travel): void {
    for (const origin of this.#eligible.now.origins) {
      const isWanted = () => this.#queue.peek(ONLY[travel], origin) !== undefined;
      // In this order: few origins have a connection, and to ask the queue takes a look at each line of those that avoid some.
      while (origin.hasConnectionFor(travel) && isWanted() && this.#eligible.mayServe(origin)) {
        const taken = origin.checkout(travel);
        if (taken === undefined) break;
        if (taken === 'checking') {
          if (this.#coming >= this.#queue.length) return;
        } else {
          const run = this.#queue.take(ONLY[travel], origin);
          if (run === undefined) origin.release(taken);
          else beginQueued(run, origin, taken);
        }
      }
    }
  }

  /** Frees a slot, at the cost of an idle connection, for requests that must not use idle ones. */
  #makeRoom(): Origin | undefined {
    if (this.#strictWanted() <= this.#coming) return undefined;
    const origin = this.#choice.pick((one) => one.canMakeRoom && this.#serves(STRICT, one));
    origin?.makeRoom();
    return origin?.canDial === true ? origin : undefined;
  }

  /** Whether any waiting request could use a fresh connection to this origin. */
  #serves(fits: Fits, origin: Origin): boolean {
    if (this.#isLate(origin)) return false;
    return this.#queue.peek({ ...fits, fresh: origin.freshShareLeft > 0 }, origin) !== undefined;
  }

  /** Whether dials to this origin take so long that another should be dialled, and another can be. */
  #isLate(origin: Origin): boolean {
    return origin.backoff.isLate && this.othersCanServe(origin);
  }

  #dial(origin: Origin): void {
    this.#coming += 1;
    origin.dial('demand');
  }

  /** How many connections those who wait for any origin, and one more waiter of this travel, could use. */
  #wantedWith(travel?: Travel): number {
    return this.#queue.commonLengthOf('any') + (travel === 'any' ? 1 : 0) + this.#strictWanted(travel);
  }

  /** How many of these connections would have to be fresh, or proven. */
  #strictWanted(travel?: Travel): number {
    const verified = this.#queue.commonLengthOf('verified') + (travel === 'verified' ? 1 : 0);
    const fresh = this.#queue.commonLengthOf('fresh') + (travel === 'fresh' ? 1 : 0);
    const shared = fresh === 0 ? 0 : Math.min(fresh, this.#eligible.freshShareLeft);
    return verified + this.#queue.commonLengthOf('resent') + shared;
  }

  /** The request whose turn it is, if it may not ride this connection and no other is there or on its way for it. */
  #strictNext(origin: Origin, connection: Connection): Run | undefined {
    const isWanted = this.#strictWanted() > this.#coming; // by requests that wait for any origin: the queue dials for no others
    const hasOthers = this.#queue.hasHomes || !this.#queue.apart.isEmpty;
    if (connection.fresh || (!isWanted && !hasOthers) || !origin.mayDial || origin.canDial) return undefined;
    const next = this.#bound.nextToDial(origin);
    if (next === undefined || next.travel === 'any') return undefined;
    if (next.home === undefined && this.#isLate(origin)) return undefined;
    const isFree = next.home === undefined && next.avoids.length === 0;
    if (isFree && (!isWanted || origin.hasConnectionFor('fresh'))) return undefined;
    // One more exchange proves a new connection. If its origin closes idle connections at once, no number of exchanges does.
    const proves = (isFree && connection.exchanges <= 1) || origin.isProven(connection);
    return next.travel !== 'verified' || !proves ? next : undefined;
  }
}

function canDial(origin: Origin): boolean {
  return origin.canDial;
}

/** Whether a request may wait for this origin: unlike a bad certificate, a restart is over soon. */
function mayComeBack({ origin: { backoff } }: Member): boolean {
  const { state } = backoff;
  return state.name === 'ready' || !BackendError.is(state.lastError) || state.lastError.code !== LASTING;
}
