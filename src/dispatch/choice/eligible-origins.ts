/** Which origins take requests now, after what their owner, their checks and their failures rule out. */

import type { Candidate } from '../../balance/balancer.js';
import type { Clock } from '../../clock.js';
import type { Observer } from '../../observe.js';
import { slowStartConnections } from '../../origin/health/slow-start.js';
import type { Origin } from '../../origin/origin.js';
import type { Travel } from '../../origin/travel.js';

export interface EligibilitySetting {
  /** Share of the origins that may be left out, 0 to 1. */
  readonly maxEjected: number;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** An origin, and what a balancer is shown of it. */
export interface Member {
  readonly origin: Origin;
  readonly candidate: { -readonly [Name in keyof Candidate]: Candidate[Name] };
}

/** The lists are made again when they may have changed, not for each request: there may be a thousand origins. */
export class EligibleOrigins {
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #members: () => readonly Member[]; // all, in the order of the option
  #maxEjected: number;
  #byName: ReadonlyMap<string, Origin> | undefined; // made when it is asked for
  #serving: readonly Member[] = []; // those that their owner lets take new requests
  #all: readonly Member[] = []; // see `all`
  #origins: ReadonlySet<Origin> = new Set(); // of all
  #ready: readonly Member[] = []; // of all, those that are not in back-off
  #away: readonly Origin[] = []; // in back-off, but serving as far as their owner is concerned, if only bound requests
  #usable = 0; // connections of all
  #validUntil = Number.NEGATIVE_INFINITY; // the moment at which an ejection ends; -Infinity = the lists are out of date
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
    this.#validUntil = Number.NEGATIVE_INFINITY;
  }

  /** The origins that their owner lets take new requests. */
  get serving(): readonly Member[] {
    this.#judge();
    return this.#serving;
  }

  /** The origins that take requests: not the ejected ones, and backups only while no other origin can. */
  get all(): readonly Member[] {
    this.#judge();
    return this.#all;
  }

  /** The same, as a set of origins. */
  get origins(): ReadonlySet<Origin> {
    this.#judge();
    return this.#origins;
  }

  /** Those of them that are not in back-off. */
  get ready(): readonly Member[] {
    this.#judge();
    return this.#ready;
  }

  /** Whether there is another origin, even a full one, to which dials do not take long. */
  canAvoid(avoided: readonly object[]): boolean {
    this.#judge();
    return this.#ready.some(({ origin }) => !avoided.includes(origin) && !origin.backoff.isLate);
  }

  /**
   * The origin of this name, if a request that is bound to it may go there now. An origin of weight 0 takes only such requests.
   * `undefined` while the origin is in back-off and would have to be dialled for the request: then any other origin is better.
   */
  home(name: string, travel: Travel): Origin | undefined {
    this.#byName ??= new Map(this.#members().map(({ origin }) => [origin.name, origin]));
    const origin = this.#byName.get(name);
    if (origin === undefined || !origin.serves) return undefined;
    const isTrusted = origin.takesNew ? this.origins.has(origin) : origin.standing.accepts;
    return isTrusted && (origin.backoff.state.name === 'ready' || origin.hasConnectionFor(travel)) ? origin : undefined;
  }

  /** Whether an open connection of this origin may carry a request. `lent`: 1 if that connection counts as busy already. */
  mayServe(origin: Origin, lent = 0): boolean {
    const { origins } = this;
    return origins.has(origin) && (origins.size === 1 || !isAtSlowStartLimit(origin, origins, lent));
  }

  /** An origin whose wait after a failed dial is over, so that it can be dialled again. Only while others serve. */
  get absent(): Origin | undefined {
    this.#judge();
    return this.#ready.length === 0 ? undefined : this.#away.find(isAbsent);
  }

  /** How many more requests may travel fresh. */
  get freshShareLeft(): number {
    let sum = 0;
    for (const origin of this.origins) sum += origin.freshShareLeft;
    return sum;
  }

  /** How many connections can be lost: all that there may be, also to origins that cannot be reached or take no more requests. */
  get mostConnections(): number {
    return this.#members().reduce((sum, { origin }) => sum + origin.options.maxConnections, 0);
  }

  /** How many connections requests can have at once, for the estimate of a wait. */
  usableConnections(): number {
    this.#judge();
    return this.#usable;
  }

  /** How many more requests can have connections that are being dialled for the stock. */
  get onStock(): number {
    let sum = 0;
    for (const { concurrency } of this.origins) sum += concurrency.onStock;
    return sum;
  }

  #judge(): void {
    if (this.#validUntil === Number.POSITIVE_INFINITY) return;
    if (this.#validUntil > Number.NEGATIVE_INFINITY && this.#clock.now() < this.#validUntil) return;
    const members = this.#members();
    this.#serving = members.filter(({ origin }) => origin.takesNew);
    this.#validUntil = Number.POSITIVE_INFINITY;
    // With a single origin there is no choice.
    this.#all = this.#serving.length === 1 ? this.#serving : this.#trusted();
    this.#origins = new Set(this.#all.map(({ origin }) => origin));
    this.#ready = this.#all.filter(isReady);
    this.#away = members.filter((one) => one.origin.serves && !isReady(one)).map(({ origin }) => origin);
    this.#usable = 0;
    for (const { concurrency } of this.#origins) this.#usable += concurrency.most;
  }

  #trusted(): readonly Member[] {
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
    const wanted = hasBackup ? backups : hasPrimary ? primaries : trusted;
    const tried = !failOpen ? wanted : hasPrimary ? up.filter(isPrimary) : up;
    const triesMore = tried.length > wanted.length; // those in back-off are tried in any case
    if (triesMore !== this.#failingOpen) this.#setFailingOpen(triesMore, tried);
    return tried;
  }

  /** Whether the origin is trusted now. If not, the lists are made again at the moment from which it may be. */
  #accepts({ standing }: Origin): boolean {
    if (standing.accepts) return true;
    this.#validUntil = Math.min(this.#validUntil, standing.acceptsAt);
    return false;
  }

  #setFailingOpen(failOpen: boolean, tried: readonly Member[]): void {
    const observer = this.#observer;
    this.#failingOpen = failOpen;
    if (!failOpen || !observer.watches('failOpen')) return;
    observer.emit('failOpen', { origins: tried.map(({ origin }) => origin.name) });
  }
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
  for (const { standing, backoff } of others) if (standing.share === 1 && backoff.state.name === 'ready') return true;
  return false;
}

function isReady({ origin }: Member): boolean {
  return origin.backoff.state.name === 'ready';
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
