/** Which of the eligible origins a request goes to. */

import { inspect } from 'node:util';
import type { Balancer, Candidate, RequestFacts } from '../../balance/balancer.js';
import type { Observer } from '../../observe/observer.js';
import type { Origin } from '../../origin/origin.js';
import type { Travel } from '../../origin/travel.js';
import { NO_ORIGINS } from '../queue/waiter.js';
import { type EligibilitySetting, EligibleOrigins, isAtSlowStartLimit, type Member } from './eligible-origins.js';

export interface ChoiceSetting extends EligibilitySetting {
  readonly balancer: Balancer;
}

/** A request that has been sent before. */
export interface Sent {
  readonly request: RequestFacts;
  readonly travel: Travel;
  /** By the name of the origin. */
  readonly attempts: readonly { readonly origin: string }[];
  /** The origins that should not get it again if there is another, the latest at the end. */
  readonly failedAt: readonly Origin[];
}

/** A request that waits, but not for all origins. */
export interface Apart extends Pick<Sent, 'request' | 'travel'> {
  readonly avoids: readonly object[];
}

const canTake = (travel: Travel) => (one: Origin) => one.hasConnectionFor(travel) || isSoonDialled(one);

/** Whether an origin has a connection for a request of this travel, or may dial one. Made once: not a closure for each request. */
export const CAN_TAKE: Readonly<Record<Travel, (origin: Origin) => boolean>> = {
  any: canTake('any'),
  verified: canTake('verified'),
  fresh: canTake('fresh'),
  resent: canTake('resent'),
};

/** The same when the request should stay with its origin: then an idle connection that it may not ride can make room. */
export const CAN_KEEP: Readonly<Record<Travel, (origin: Origin) => boolean>> = {
  any: CAN_TAKE.any,
  verified: (origin) => CAN_TAKE.verified(origin) || mayMakeRoom(origin),
  fresh: (origin) => CAN_TAKE.fresh(origin) || (mayMakeRoom(origin) && origin.freshShareLeft > 0),
  resent: (origin) => CAN_TAKE.resent(origin) || mayMakeRoom(origin),
};

/** Two lists that each pick fills again: with a thousand origins, each request would otherwise allocate thousands of places. */
interface Scratch {
  readonly origins: Origin[];
  readonly candidates: Candidate[];
}

/** Picks an origin with the balancer, and keeps the candidates that the balancer is shown. */
export class OriginChoice {
  readonly eligible: EligibleOrigins;
  /** All, in the order of the option. */
  origins: readonly Origin[] = [];
  readonly #observer: Observer;
  #balancer: Balancer;
  #members: readonly Member[] = []; // of these origins, or of those before
  #membersAreOf: readonly Origin[] = this.origins;
  #scratch: Scratch | undefined; // filled again for each pick; `undefined` while a balancer looks at it

  constructor(setting: ChoiceSetting) {
    this.eligible = new EligibleOrigins(setting, () => this.#currentMembers());
    this.#observer = setting.observer;
    this.#balancer = setting.balancer;
  }

  /** Sets the origins to choose from. */
  serve(origins: readonly Origin[]): void {
    this.origins = origins;
    this.eligible.membersChanged();
  }

  /** An origin that stays keeps its `index`, a new one gets the lowest free one. */
  #currentMembers(): readonly Member[] {
    const { origins } = this;
    if (this.#membersAreOf === origins) return this.#members;
    const known = new Map(this.#members.map((member) => [member.origin, member]));
    const taken = new Set(origins.map((origin) => known.get(origin)?.candidate.index));
    let index = -1;
    const nextIndex = () => {
      do index += 1;
      while (taken.has(index));
      return index;
    };
    this.#members = origins.map((origin) => known.get(origin) ?? memberOf(origin, nextIndex()));
    this.#membersAreOf = origins;
    return this.#members;
  }

  /** Sets the balancer, and the share of origins that may be left out. */
  configure(balancer: Balancer | undefined, maxEjected: number): void {
    if (balancer !== undefined) this.#balancer = balancer;
    this.eligible.configure(maxEjected);
  }

  /** The balancer's choice among the eligible origins that suit; an origin in back-off only if no other suits. */
  pick(suits: (origin: Origin) => boolean, request?: RequestFacts): Origin | undefined {
    const { serving, ready, all } = this.eligible.now;
    if (serving.length === 1) {
      const [only] = serving;
      return only !== undefined && suits(only.origin) ? only.origin : undefined;
    }
    const picked = this.#pickAmong(ready, suits, request);
    if (picked !== undefined || ready.length === all.length) return picked;
    return this.#pickAmong(all, suits, request);
  }

  #pickAmong(
    members: readonly Member[],
    suits: (origin: Origin) => boolean,
    request: RequestFacts | undefined,
  ): Origin | undefined {
    const eligible = this.eligible.now.origins;
    const scratch = this.#scratch ?? { origins: [], candidates: [] };
    this.#scratch = undefined;
    const { origins, candidates } = scratch;
    origins.length = 0;
    candidates.length = 0;
    for (const member of members) {
      if (!suits(member.origin) || isAtSlowStartLimit(member.origin, eligible)) continue;
      origins.push(member.origin);
      candidates.push(refreshed(member));
    }
    const picked = origins[origins.length > 1 ? this.#ask(candidates, request) : 0];
    this.#scratch = scratch;
    return picked;
  }

  /** A balancer of the owner's that fails must not cost a request: the first candidate takes its place. */
  #ask(candidates: readonly Candidate[], request: RequestFacts | undefined): number {
    try {
      const position = positionOf(this.#balancer.pick(candidates, request), candidates.length);
      if (typeof position === 'number') return position;
      this.#tellBalancer(position);
    } catch (error) {
      this.#tellBalancer(error);
    }
    return 0;
  }

  #tellBalancer(error: unknown): void {
    if (this.#observer.watches('balanceFailed')) this.#observer.emit('balanceFailed', { error });
  }

  /** Whether a request should wait for the origin that was picked for it. */
  get keeps(): boolean {
    return this.eligible.now.serving.length > 1 && this.#balancer.keeps === true;
  }

  /**
   * The origin for a request that was sent to `last` before, if there is room for a dial now; `undefined` = the request waits. It
   * waits rather than go to an origin that it avoids. `elsewhere`: it goes to another origin if one has room, or a connection for
   * it, preferably to one that it has not been sent to.
   */
  originForResend(last: Origin, elsewhere: boolean, { request, travel, attempts, failedAt }: Sent): Origin | undefined {
    const avoided = this.avoidable(failedAt);
    const hasSome = (one: Origin) => one.hasConnectionFor(travel) || hasRoomFor(travel, one);
    const suits = (one: Origin) => hasSome(one) && !one.backoff.isLate && !avoided.includes(one);
    const isNew = ({ name }: Origin) => attempts.every(({ origin }) => origin !== name);
    const other = elsewhere
      ? (this.pick((one) => isNew(one) && suits(one), request) ??
        this.pick((one) => one !== last && suits(one), request))
      : undefined;
    const mayReturn = hasRoomFor(travel, last) && !avoided.includes(last) && this.eligible.mayServe(last);
    return other ?? (mayReturn ? last : undefined);
  }

  /** Whether any origin has room for a request of this travel. */
  hasRoom(travel: Travel): boolean {
    return this.eligible.now.all.some(({ origin }) => hasRoomFor(travel, origin));
  }

  /** An origin with room for a request that waits for any but those that it avoids. */
  elsewhere({ request, travel, avoids }: Apart): Origin | undefined {
    return this.pick((one) => hasRoomFor(travel, one) && !avoids.includes(one) && !one.backoff.isLate, request);
  }

  /**
   * Which of the origins that failed a request it can avoid. If possible all: so it does not go back and forth between two
   * origins that fail while a third one does not. Else only the last; or none, if there is no other origin.
   */
  avoidable(failedAt: readonly Origin[]): readonly Origin[] {
    if (failedAt.length === 0 || this.eligible.canAvoid(failedAt)) return failedAt;
    const last = failedAt.slice(-1);
    return this.eligible.canAvoid(last) ? last : NO_ORIGINS;
  }
}

function hasRoomFor(travel: Travel, origin: Origin): boolean {
  return (origin.canDial || origin.canMakeRoom) && (travel !== 'fresh' || origin.freshShareLeft > 0);
}

function isSoonDialled(origin: Origin): boolean {
  return origin.canDial && !origin.backoff.isLate;
}

function mayMakeRoom(origin: Origin): boolean {
  return origin.canMakeRoom && !origin.backoff.isLate;
}

/** A position below `count`, or an error that says why the value is not one: no compiler has checked a balancer of the owner's. */
function positionOf(picked: unknown, count: number): number | Error {
  if (typeof picked === 'number' && Number.isInteger(picked) && picked >= 0 && picked < count) return picked;
  // The error below reports it. The rejection of the promise must not end the process as well.
  if (picked instanceof Promise) picked.catch(() => {});
  const shown = inspect(picked, { depth: 0, breakLength: Number.POSITIVE_INFINITY });
  const message = `the balancer must pick a position from 0 to ${count - 1}, got ${shown}`;
  return typeof picked === 'number' ? new RangeError(message) : new TypeError(message);
}

function memberOf(origin: Origin, index: number): Member {
  const { maxConnections, weight } = origin.options;
  return { origin, candidate: { origin: origin.name, index, busy: 0, idle: 0, dialling: 0, maxConnections, weight } };
}

/** The candidate, brought up to date. */
function refreshed({ origin, candidate }: Member): Candidate {
  const { weight, maxConnections } = origin.options;
  candidate.busy = origin.busy;
  candidate.idle = origin.idle;
  candidate.dialling = origin.dialling;
  candidate.weight = weight * origin.standing.share;
  candidate.maxConnections = maxConnections;
  return candidate;
}
