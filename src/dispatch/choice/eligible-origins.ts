/** Which origins take requests now, after what their owner, their checks and their failures rule out. */

import type { Candidate } from '../../balance/balancer.js';
import type { Observer } from '../../observe/observer.js';
import { slowStartConnections } from '../../origin/health/slow-start.js';
import type { Origin } from '../../origin/origin.js';
import type { Travel } from '../../origin/travel.js';
import type { Clock } from '../../time/clock.js';

export interface EligibilitySetting {
  /** Share of the origins that may be left out, 0 to 1. */
  readonly maxEjected: number;
  readonly clock: Clock;
  readonly observer: Observer;
}

const NEVER = Number.POSITIVE_INFINITY;

/** An origin, and what a balancer is shown of it. */
export interface Member {
  readonly origin: Origin;
  readonly candidate: { -readonly [Name in keyof Candidate]: Candidate[Name] };
}

/** Who takes requests, as of one moment. */
interface Eligible {
  /** The origins that their owner lets take new requests. */
  readonly serving: readonly Member[];
  /** The origins that take requests: not the ejected ones, and backups only while no other origin can. */
  readonly all: readonly Member[];
  /** The same, as a set of origins. */
  readonly origins: ReadonlySet<Origin>;
  /** Those of them that are not in back-off. */
  readonly ready: readonly Member[];
  /** In back-off, but serving as far as their owner is concerned, if only bound requests. */
  readonly away: readonly Origin[];
  /** How many connections requests can have at once, for the estimate of a wait. */
  readonly usableConnections: number;
  /** The moment at which the first ejection ends: from then on this is out of date. */
  readonly until: number;
  /** Whether origins that are out are tried as well, because too many are. */
  readonly failsOpen: boolean;
}

/** The lists are made again when they may have changed, not for each request: there may be a thousand origins. */
export class EligibleOrigins {
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #members: () => readonly Member[]; // all, in the order of the option
  #maxEjected: number;
  #byName: ReadonlyMap<string, Origin> | undefined; // made when it is asked for
  #judged: Eligible | undefined; // undefined = out of date
  #failingOpen = false;

  /** `members` is asked again after `membersChanged`, but only when the lists are needed: thousands may come one by one. */
  constructor({ maxEjected, clock, observer }: EligibilitySetting, members: () => readonly Member[]) {
    this.#members = members;
    this.#maxEjected = maxEjected;
    this.#clock = clock;
    this.#observer = observer;
  }

  /** There are other origins to choose from. */
  membersChanged(): void {
    this.#byName = undefined;
    this.changed();
  }

  /** Sets the share of the origins that may be left out. */
  configure(maxEjected: number): void {
    this.#maxEjected = maxEjected;
    this.changed();
  }

  /** An origin does better or worse, or its owner has changed it: the lists are out of date. */
  changed(): void {
    this.#judged = undefined;
  }

  /** As of now. */
  get now(): Eligible {
    const judged = this.#judged;
    if (judged === undefined || (judged.until !== NEVER && judged.until <= this.#clock.now())) return this.#judge();
    return judged;
  }

  /** Whether there is another origin, even a full one, to which dials do not take long. */
  canAvoid(avoided: readonly object[]): boolean {
    return this.now.ready.some(({ origin }) => !avoided.includes(origin) && !origin.backoff.isLate);
  }

  /**
   * The origin of this name, if a request that is bound to it may go there now. An origin of weight 0 takes only such requests.
   * `undefined` while the origin is in back-off and would have to be dialled for the request: then any other origin is better.
   */
  home(name: string, travel: Travel): Origin | undefined {
    this.#byName ??= new Map(this.#members().map(({ origin }) => [origin.name, origin]));
    const origin = this.#byName.get(name);
    if (origin === undefined || !origin.serves) return undefined;
    const isTrusted = origin.takesNew ? this.now.origins.has(origin) : origin.standing.accepts;
    return isTrusted && (origin.backoff.isReady || origin.hasConnectionFor(travel)) ? origin : undefined;
  }

  /** Whether an open connection of this origin may carry a request. `lent`: 1 if that connection counts as busy already. */
  mayServe(origin: Origin, lent = 0): boolean {
    const { origins } = this.now;
    return origins.has(origin) && (origins.size === 1 || !isAtSlowStartLimit(origin, origins, lent));
  }

  /** An origin whose wait after a failed dial is over, so that it can be dialled again. Only while others serve. */
  get absent(): Origin | undefined {
    const { ready, away } = this.now;
    return ready.length === 0 ? undefined : away.find(isAbsent);
  }

  /** How many more requests may travel fresh. */
  get freshShareLeft(): number {
    let sum = 0;
    for (const origin of this.now.origins) sum += origin.freshShareLeft;
    return sum;
  }

  /** How many connections can be lost: all that there may be, also to origins that cannot be reached or take no more requests. */
  get mostConnections(): number {
    return this.#members().reduce((sum, { origin }) => sum + origin.options.maxConnections, 0);
  }

  /** How many more requests can have connections that are being dialled for the stock. */
  get onStock(): number {
    let sum = 0;
    for (const { concurrency } of this.now.origins) sum += concurrency.onStock;
    return sum;
  }

  #judge(): Eligible {
    const judged = judge(this.#members(), this.#maxEjected);
    const { serving, failsOpen } = judged;
    this.#judged = judged; // before any listener, which may change what it says
    // With a single origin that is no news: it is tried in any case.
    if (serving.length > 1 && failsOpen !== this.#failingOpen) this.#setFailingOpen(judged);
    return judged;
  }

  #setFailingOpen({ all, failsOpen }: Eligible): void {
    const observer = this.#observer;
    this.#failingOpen = failsOpen;
    if (!failsOpen || !observer.watches('failOpen')) return;
    observer.emit('failOpen', { origins: all.map(({ origin }) => origin.name) });
  }
}

function judge(members: readonly Member[], maxEjected: number): Eligible {
  const serving = members.filter(({ origin }) => origin.takesNew);
  // With a single origin there is no choice.
  const trust = serving.length > 1 ? trusted(serving, maxEjected) : { all: serving, until: NEVER, failsOpen: false };
  const origins = new Set(trust.all.map(({ origin }) => origin));
  let usableConnections = 0;
  for (const { concurrency } of origins) usableConnections += concurrency.most;
  return {
    ...trust,
    serving,
    origins,
    ready: trust.all.filter(isReady),
    away: members.filter((one) => one.origin.serves && !isReady(one)).map(({ origin }) => origin),
    usableConnections,
  };
}

function trusted(serving: readonly Member[], maxEjected: number): Pick<Eligible, 'all' | 'until' | 'failsOpen'> {
  // A check that fails everywhere is likelier to be wrong than to be right: then all count as up.
  const good = serving.filter(({ origin }) => !origin.standing.isDown);
  const up = good.length > 0 ? good : serving;
  const accepting: Member[] = [];
  let until = NEVER;
  for (const one of up) {
    const { standing } = one.origin;
    if (standing.accepts) accepting.push(one);
    else until = Math.min(until, standing.acceptsAt);
  }
  const primaries = accepting.filter(isPrimary);
  const backups = accepting.filter(isBackup);
  const hasPrimary = primaries.some(isReady);
  const hasBackup = !hasPrimary && backups.some(isReady);
  const tooFew = up.length - accepting.length > maxEjected * serving.length;
  const failOpen = !hasBackup && (tooFew || !hasPrimary);
  const wanted = hasBackup ? backups : hasPrimary ? primaries : accepting;
  const all = !failOpen ? wanted : hasPrimary ? up.filter(isPrimary) : up;
  // Those in back-off are tried in any case.
  return { all, until, failsOpen: all.length > wanted.length };
}

/**
 * Whether an origin that has just come back has as many connections busy or dialling as its share allows, and one of the others has
 * its whole share. Its caches are cold, its code is not compiled: the others can do its work. `lent`: how many of these connections
 * are at hand for the next request.
 */
export function isAtSlowStartLimit(origin: Origin, others: Iterable<Origin>, lent = 0): boolean {
  const { share } = origin.standing;
  if (share === 1) return false;
  if (origin.busy + origin.dialling - lent < slowStartConnections(share, origin.options.maxConnections)) return false;
  for (const { standing, backoff } of others) if (standing.share === 1 && backoff.isReady) return true;
  return false;
}

function isReady({ origin }: Member): boolean {
  return origin.backoff.isReady;
}

function isPrimary({ origin }: Member): boolean {
  return !origin.options.backup;
}

function isBackup({ origin }: Member): boolean {
  return origin.options.backup;
}

function isAbsent({ backoff, canDial, standing }: Origin): boolean {
  return backoff.state.name === 'waiting' && canDial && standing.accepts;
}
