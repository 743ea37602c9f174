/** Which origin a request goes to, among those that can take it. */

import type { BalancedRequest, Balancer, Candidate } from '../balance/balancer.js';
import type { Clock } from '../clock.js';
import type { Observer } from '../observe.js';
import type { Origin } from '../origin/origin.js';
import { positionOf } from './picked-position.js';
import { isSpared } from './sparing.js';

export interface ChoiceSetting {
  readonly balancer: Balancer;
  /** Share of the origins that may be left out, 0 to 1. */
  readonly maxEjected: number;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** A request that has been sent before. */
export interface Sent {
  readonly request: BalancedRequest;
  /** By the name of the origin. */
  readonly attempts: readonly { readonly origin: string }[];
  /** The origins that had better not get it again, the last one last. */
  readonly left: readonly Origin[];
}

/** No origin. */
export const NONE: readonly Origin[] = [];

/** An origin, and what a balancer is shown of it. */
interface Entry {
  readonly origin: Origin;
  readonly candidate: { -readonly [Name in keyof Candidate]: Candidate[Name] };
}

/** Two lists that are used again and again: a thousand origins would be a thousand objects for each request. */
interface Scratch {
  readonly origins: Origin[];
  readonly candidates: Candidate[];
}

/** Who is eligible is found out when it may have changed, not for each request: there may be a thousand origins. */
export class OriginChoice {
  readonly #setting: ChoiceSetting;
  #balancer: Balancer;
  #maxEjected: number;
  #entries: readonly Entry[] = []; // of all origins, in the order of the option
  #byName: ReadonlyMap<string, Origin> = new Map();
  #serving: readonly Entry[] = []; // those that their owner lets serve
  #eligible: readonly Entry[] = [];
  #eligibleOrigins: ReadonlySet<Origin> = new Set();
  #ready: readonly Entry[] = []; // eligible, and not in back-off
  #away: readonly Origin[] = []; // serving, and in back-off
  #usable = 0; // connections of the eligible ones
  #validUntil = Number.NEGATIVE_INFINITY; // the moment at which an ejection ends
  #failingOpen = false;
  #scratch: Scratch | undefined; // to be filled for each pick; missing while a balancer looks at it

  constructor(setting: ChoiceSetting) {
    this.#setting = setting;
    this.#balancer = setting.balancer;
    this.#maxEjected = setting.maxEjected;
  }

  /** The origins to choose from, from now on. */
  serve(origins: readonly Origin[]): void {
    const known = new Map(this.#entries.map((entry) => [entry.origin, entry]));
    const taken = new Set(origins.map((origin) => known.get(origin)?.candidate.index));
    let index = -1;
    const nextIndex = () => {
      do index += 1;
      while (taken.has(index));
      return index;
    };
    this.#entries = origins.map((origin) => known.get(origin) ?? entryOf(origin, nextIndex()));
    this.#byName = new Map(origins.map((origin) => [origin.address.origin, origin]));
    this.changed();
  }

  /** Who picks, and how many may be left out, from now on. */
  configure(balancer: Balancer | undefined, maxEjected: number): void {
    if (balancer !== undefined) this.#balancer = balancer;
    this.#maxEjected = maxEjected;
    this.changed();
  }

  /** An origin does better or worse, or its owner has changed it. */
  changed(): void {
    this.#validUntil = Number.NEGATIVE_INFINITY;
  }

  /** The balancer's choice among the eligible origins that suit; one in back-off only when no other does. */
  pick(suits: (origin: Origin) => boolean, request?: BalancedRequest): Origin | undefined {
    this.#judge();
    if (this.#serving.length === 1) {
      const [only] = this.#serving;
      return only !== undefined && suits(only.origin) ? only.origin : undefined;
    }
    const picked = this.#pickAmong(this.#ready, suits, request);
    if (picked !== undefined || this.#ready.length === this.#eligible.length) return picked;
    return this.#pickAmong(this.#eligible, suits, request);
  }

  #pickAmong(
    entries: readonly Entry[],
    suits: (origin: Origin) => boolean,
    request: BalancedRequest | undefined,
  ): Origin | undefined {
    const scratch = this.#scratch ?? { origins: [], candidates: [] };
    this.#scratch = undefined;
    const { origins, candidates } = scratch;
    origins.length = 0;
    candidates.length = 0;
    for (const entry of entries) {
      if (!suits(entry.origin) || isSpared(entry.origin, this.#eligibleOrigins)) continue;
      origins.push(entry.origin);
      candidates.push(refreshed(entry));
    }
    const picked = origins[origins.length > 1 ? this.#ask(candidates, request) : 0];
    this.#scratch = scratch;
    return picked;
  }

  /** A balancer of the owner's that fails must not cost a request: the first candidate takes its place. */
  #ask(candidates: readonly Candidate[], request: BalancedRequest | undefined): number {
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
    const { observer } = this.#setting;
    if (observer.watches('balanceFailed')) observer.emit('balanceFailed', { error });
  }

  /** Whether a request should wait for the origin that was picked for it. */
  get keeps(): boolean {
    return this.#serving.length > 1 && this.#balancer.keeps === true;
  }

  /**
   * Where a request is dialled for that was sent to `last` before, if there is room now; `undefined` = it waits. One that avoids
   * origins waits rather than go to them. `elsewhere`: it goes to another if there is room at one, and best to one that it has
   * not been sent to.
   */
  redial(last: Origin, elsewhere: boolean, { request, attempts, left }: Sent): Origin | undefined {
    const avoided = this.avoidable(left);
    const hasRoom = (one: Origin) => (one.canDial || one.canMakeRoom) && !avoided.includes(one);
    const isNew = ({ address }: Origin) => attempts.every(({ origin }) => origin !== address.origin);
    const other = elsewhere
      ? (this.pick((one) => isNew(one) && hasRoom(one), request) ??
        this.pick((one) => one !== last && hasRoom(one), request))
      : undefined;
    return other ?? (hasRoom(last) && this.mayServe(last) ? last : undefined);
  }

  /**
   * Of the origins that a request has left for their failures, those that it can avoid: all, so that it does not go back and
   * forth between two that fail beside a third that does not; else the last; or none, where there is no other.
   */
  avoidable(left: readonly Origin[]): readonly Origin[] {
    if (left.length === 0 || this.canAvoid(left)) return left;
    const last = left.slice(-1);
    return this.canAvoid(last) ? last : NONE;
  }

  /** Whether there is another origin, though it may be full. */
  canAvoid(avoided: readonly object[]): boolean {
    this.#judge();
    return this.#ready.some(({ origin }) => !avoided.includes(origin));
  }

  /** The origins that take requests: not ejected, and backups only while no other can. */
  eligible(): ReadonlySet<Origin> {
    this.#judge();
    return this.#eligibleOrigins;
  }

  /**
   * The origin of that name, if a request that is bound to it may go there now; one of weight 0 takes nothing else. Not while
   * it has to be dialled and is in back-off: then any other is better.
   */
  home(name: string): Origin | undefined {
    const origin = this.#byName.get(name);
    if (origin === undefined || !origin.serves) return undefined;
    const isTrusted = origin.takesNew ? this.eligible().has(origin) : origin.standing.accepts;
    return isTrusted && (origin.idle > 0 || origin.backoff.state.name === 'ready') ? origin : undefined;
  }

  /** Whether a connection of this origin, there already, may carry a request. */
  mayServe(origin: Origin): boolean {
    const eligible = this.eligible();
    return eligible.has(origin) && (eligible.size === 1 || !isSpared(origin, eligible));
  }

  /** An origin whose wait after a failed dial is over, while others serve. */
  get absent(): Origin | undefined {
    this.#judge();
    if (this.#away.length === 0 || this.#serving.length === 1 || this.#ready.length === 0) return undefined;
    return this.#away.find(isAbsent);
  }

  /** How many more requests may travel fresh. */
  get freshShareLeft(): number {
    let sum = 0;
    for (const origin of this.eligible()) sum += origin.freshShareLeft;
    return sum;
  }

  /** Connections that can be had, for the estimate of a wait. */
  usableConnections(): number {
    this.#judge();
    return this.#usable;
  }

  #judge(): void {
    if (this.#validUntil === Number.POSITIVE_INFINITY) return;
    if (this.#validUntil > Number.NEGATIVE_INFINITY && this.#setting.clock.now() < this.#validUntil) return;
    this.#serving = this.#entries.filter(({ origin }) => origin.takesNew);
    this.#validUntil = Number.POSITIVE_INFINITY;
    // There is nobody to prefer to the only one.
    this.#eligible = this.#serving.length === 1 ? this.#serving : this.#trusted();
    this.#eligibleOrigins = new Set(this.#eligible.map(({ origin }) => origin));
    this.#ready = this.#eligible.filter(isReady);
    this.#away = this.#serving.filter((entry) => !isReady(entry)).map(({ origin }) => origin);
    this.#usable = 0;
    for (const { address, guard } of this.#eligibleOrigins) this.#usable += guard.most(address.maxConnections);
  }

  #trusted(): readonly Entry[] {
    const serving = this.#serving;
    if (serving.length === 0) return serving;
    // A check that fails everywhere is likelier to be wrong than to be right: then all count as up.
    const good = serving.filter(({ origin }) => !origin.standing.isDown);
    const up = good.length > 0 ? good : serving;
    const trusted = up.filter(({ origin }) => this.#accepts(origin));
    const primaries = trusted.filter(isPrimary);
    const backups = trusted.filter(isBackup);
    const hasPrimary = primaries.some(isReady);
    const hasBackup = !hasPrimary && backups.some(isReady);
    const tooFew = up.length - trusted.length > this.#maxEjected * serving.length;
    const failOpen = !hasBackup && (tooFew || !hasPrimary);
    if (failOpen !== this.#failingOpen) this.#setFailingOpen(failOpen);
    if (hasBackup) return backups;
    if (!failOpen) return primaries;
    return hasPrimary ? up.filter(isPrimary) : up;
  }

  /** Whether it is trusted now; if not, when to ask again. */
  #accepts({ standing }: Origin): boolean {
    if (standing.accepts) return true;
    this.#validUntil = Math.min(this.#validUntil, standing.acceptsAt);
    return false;
  }

  #setFailingOpen(failOpen: boolean): void {
    const { observer } = this.#setting;
    this.#failingOpen = failOpen;
    if (!failOpen || !observer.watches('failOpen')) return;
    observer.emit('failOpen', { origins: this.#serving.map(({ origin }) => origin.address.origin) });
  }
}

function isReady({ origin }: Entry): boolean {
  return origin.backoff.state.name === 'ready';
}

function isPrimary({ origin }: Entry): boolean {
  return !origin.address.backup;
}

function isBackup({ origin }: Entry): boolean {
  return origin.address.backup;
}

function isAbsent({ backoff, standing }: Origin): boolean {
  return backoff.state.name === 'waiting' && backoff.mayDial() && standing.accepts;
}

function entryOf(origin: Origin, index: number): Entry {
  const { origin: name, maxConnections, weight } = origin.address;
  return { origin, candidate: { origin: name, index, busy: 0, idle: 0, dialling: 0, maxConnections, weight } };
}

/** What a balancer is shown, as it is now. */
function refreshed({ origin, candidate }: Entry): Candidate {
  const { weight, maxConnections } = origin.address;
  candidate.busy = origin.busy;
  candidate.idle = origin.idle;
  candidate.dialling = origin.dialling;
  candidate.weight = weight * origin.standing.share;
  candidate.maxConnections = maxConnections;
  return candidate;
}
