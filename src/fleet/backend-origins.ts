/** The origins of a backend, as its owner changes them while requests are under way. */

import type { Observer } from '../observe/observer.js';
import type { LiveOptions, OriginOptions, OriginSet, ResolvedOptions, ResolvedOrigin } from '../options.js';
import { ownOrigin, refuseCheckOf, resolveOrigin, resolveOrigins } from '../options.js';
import type { Origin } from '../origin/origin.js';
import type { ConnectionShares } from './connection-shares.js';
import { type GivenOrigin, GivenOrigins } from './given-origins.js';
import { refuseOtherServer } from './origin-identity.js';
import { subsetOf } from './subset.js';

/** The backend whose origins change. */
export interface ChangedBackend {
  /** `options`: each origin has to agree with them, and they say which origins of a set are used. */
  readonly setting: LiveOptions & { readonly observer: Observer };
  readonly shares: ConnectionShares;
  create(resolved: ResolvedOrigin): Origin;
  /** All origins in order, including those being removed. Called after each change. */
  serve(origins: readonly Origin[]): void;
}

/**
 * Changes the origins of a backend at run time: `backend.origins`. A change applies from the next request on. Requests in
 * progress at an origin that is removed end there; waiting requests go to another.
 */
export class BackendOrigins {
  readonly #backend: ChangedBackend;
  readonly #members = new Map<string, Origin>(); // by name, including those being removed
  readonly #given = new GivenOrigins();
  readonly #discovered: boolean; // found at run time: changed by whole lists only
  #names: readonly string[] | undefined; // a new list after each change, made when it is asked for
  #sets = 0; // how many came by replace()
  readonly #forgotten = new Set<Origin>(); // closed, but not reported as removed yet

  /** @internal `given` must be valid; `undefined` = the origins are discovered. */
  constructor(backend: ChangedBackend, given: OriginSet | undefined) {
    this.#backend = backend;
    this.#discovered = given === undefined;
    if (given === undefined) return;
    const resolvedSet = resolveOrigins(given, backend.setting.options);
    const set = given.map(ownOrigin);
    this.#given.replace(set, resolvedSet);
    for (const [one, resolved] of this.#used(set, resolvedSet)) this.#put(one, resolved);
    this.#serve();
  }

  /** Names of the current origins, as `scheme://host:port`, without those being removed. */
  get names(): readonly string[] {
    const staying = () => [...this.#members].filter(([, { service }]) => service.state !== 'leaving');
    this.#names ??= Object.freeze(staying().map(([name]) => name));
    return this.#names;
  }

  /** @internal The option `origins` as it would be given now; `undefined` = the origins are discovered. */
  get given(): { readonly origins: OriginSet } | undefined {
    return this.#discovered ? undefined : { origins: this.#given.list };
  }

  /** @internal The options of the backend with the origins as they are now; without any if they are discovered. */
  get options(): ResolvedOptions {
    const { options } = this.#backend.setting;
    return this.#discovered ? options : this.#given.within(options);
  }

  /**
   * Adds an origin. One that is being removed stays, with the new settings.
   *
   * @throws TypeError or RangeError for invalid options; TypeError for an origin that exists, and if origins are discovered
   */
  add(origin: string | URL | OriginOptions): void {
    this.#refuseIfDiscovered('added');
    this.#tellForgotten(); // one of the same name may be among them
    const resolved = this.#resolve(origin);
    const known = this.#members.get(resolved.origin);
    if (known !== undefined && known.service.state !== 'leaving') {
      throw new TypeError(`origin must be a new one, got ${resolved.origin} again`);
    }
    this.#checkIdentity('origin', resolved);
    const added = this.#put(ownOrigin(origin), resolved);
    this.#serve();
    this.#tell(added.origin, 'added');
  }

  /**
   * Removes an origin: it gets no more requests, and its connections are closed as soon as they are idle. Resolves when all are
   * closed.
   *
   * @throws TypeError if it is not one of the origins, and if origins are discovered: use `drain()` there
   */
  remove(url: string | URL): Promise<void> {
    this.#refuseIfDiscovered('removed');
    const origin = this.#member(url);
    this.#given.delete(origin.name);
    return this.#take(origin);
  }

  /**
   * Sends no more requests to an origin, for a restart or deployment, and closes its idle connections. Resolves when no request
   * is left, or when it is made ready again.
   *
   * @throws TypeError if it is not one of the origins
   */
  drain(url: string | URL): Promise<void> {
    const origin = this.#member(url);
    const quiet = origin.service.drain();
    this.#tell(origin, 'draining');
    return quiet;
  }

  /** Sends requests to a drained origin again. @throws TypeError if it is not one of the origins */
  ready(url: string | URL): void {
    const origin = this.#member(url);
    if (origin.service.state === 'serving') return;
    origin.service.serve();
    this.#tell(origin, 'ready');
  }

  /**
   * Changes the weight of an origin: an integer from 0 to 256. With 0 it only gets requests of its `sticky` sessions.
   *
   * @throws TypeError if it is not one of the origins, and if origins are discovered; RangeError for an invalid weight
   */
  setWeight(url: string | URL, weight: number): void {
    this.#refuseIfDiscovered('weighed');
    const origin = this.#member(url);
    const { name } = origin;
    const before = this.#given.get(name) ?? name;
    // A weight that is left out must not become the default.
    const given = { ...(typeof before === 'string' ? { url: before } : before), weight: weight ?? Number.NaN };
    this.#put(given, this.#resolve(given));
    this.#tell(origin, 'weight');
  }

  /**
   * Makes this the set of origins. Those that stay keep their connections, new ones are added, and missing ones are removed; of a
   * large set, only the subset is used. A drained origin stays drained. Nothing changes if any origin of the set is invalid.
   *
   * @internal
   * @returns resolves when the removed origins are closed, and connections above the new limits
   * @throws TypeError, RangeError as the constructor of the backend does
   */
  replace(set: OriginSet): Promise<void> {
    this.#tellForgotten();
    const { options } = this.#backend.setting;
    const resolvedSet = resolveOrigins(set, options);
    refuseCheckOf(options.check, resolvedSet);
    for (const [index, resolved] of resolvedSet.entries()) this.#checkIdentity(`origins[${index}]`, resolved);
    const own = set.map(ownOrigin);
    const used = this.#used(own, resolvedSet);
    const changes = used.map(([, resolved]) => this.#changeTo(resolved));
    // Before any event: a listener may change more.
    this.#given.replace(own, resolvedSet);
    const names = new Set(used.map(([, { origin }]) => origin));
    const left = [...this.#members.values()].filter(({ name }) => !names.has(name));
    this.#sets += 1;
    const number = this.#sets;
    // A listener of `originChanged` may have replaced the whole set, one origin or the options: its change wins.
    const isLatest = () => number === this.#sets;
    const isWanted = ([given, { origin }]: (typeof used)[number]) => isLatest() && this.#given.get(origin) === given;
    const gone: Promise<void>[] = [];
    for (const origin of left) if (isLatest() && origin.service.state !== 'leaving') gone.push(this.#take(origin));
    const stay = used.map((one) => (isWanted(one) ? this.#put(one[0], this.#resolve(one[0])) : undefined));
    if (isLatest()) this.#order(names);
    this.#serve();
    for (const [index, put] of stay.entries()) if (put !== undefined) this.#tell(put.origin, changes[index]);
    return Promise.all([...gone, ...stay.map((put) => put?.settled)]).then(() => undefined);
  }

  /**
   * Reads the settings of all origins again, by the present options, but not of those being removed. Nothing changes if the options
   * do not suit an origin.
   *
   * @internal
   * @returns resolves when connections above the new limits are closed
   * @throws TypeError, RangeError as `add` does
   */
  reconsider(): Promise<void> {
    const resolvedSet = this.#given.list.map((given) => this.#resolve(given));
    for (const resolved of resolvedSet) this.#checkIdentity('origin', resolved);
    return Promise.all(resolvedSet.map(({ origin }) => this.#configure(origin))).then(() => undefined);
  }

  /** Reads the options anew: a listener told about another origin may have changed them, or removed this one. */
  #configure(name: string): Promise<void> | undefined {
    const given = this.#given.get(name);
    if (given === undefined) return undefined;
    return this.#members.get(name)?.configure(this.#backend.shares.placed(this.#resolve(given)));
  }

  #refuseIfDiscovered(verb: string): void {
    if (this.#discovered)
      throw new TypeError(`origins that are discovered cannot be ${verb} by hand; use drain() and ready()`);
  }

  /** @throws TypeError, RangeError for what does not agree with the options of the backend */
  #resolve(given: string | URL | OriginOptions): ResolvedOrigin {
    const { options } = this.#backend.setting;
    const resolved = resolveOrigin('origin', given, options);
    refuseCheckOf(options.check, [resolved]);
    return resolved;
  }

  /** The subset of a set, each origin as it was given and as it was resolved. */
  #used(set: readonly GivenOrigin[], resolvedSet: readonly ResolvedOrigin[]) {
    const pairs = resolvedSet.map((resolved, index) => [set[index] ?? resolved.origin, resolved] as const);
    return subsetOf(pairs, resolvedSet, this.#backend.setting.options.subset);
  }

  #changeTo({ origin: name, weight }: ResolvedOrigin): OriginChange | undefined {
    const known = this.#members.get(name);
    if (known === undefined || known.service.state === 'leaving') return 'added';
    return known.options.weight === weight ? undefined : 'weight';
  }

  /** Adds the origin, or gives these settings to one that exists. `settled` resolves when no connection is above their limits. */
  #put(given: GivenOrigin, resolved: ResolvedOrigin): { origin: Origin; settled: Promise<void> } {
    const known = this.#members.get(resolved.origin);
    const placed = this.#backend.shares.placed(resolved);
    const origin = known ?? this.#backend.create(placed);
    this.#members.set(resolved.origin, origin);
    this.#given.set(resolved.origin, given);
    this.#backend.shares.join(origin);
    const settled = known === undefined ? Promise.resolve() : known.configure(placed);
    // Unless a listener of `disconnect` has removed it.
    if (known?.service.state === 'leaving' && this.#given.get(resolved.origin) === given) known.service.serve();
    return { origin, settled };
  }

  /** Puts the origins in the order of the list, which `balance: 'first'` follows. Those that leave come last. */
  #order(names: ReadonlySet<string>): void {
    for (const name of new Set([...names, ...this.#members.keys()])) {
      const origin = this.#members.get(name);
      if (origin !== undefined && this.#members.delete(name)) this.#members.set(name, origin);
    }
  }

  #take(origin: Origin): Promise<void> {
    const forget = () => this.#forget(origin);
    this.#names = undefined; // before any event
    const gone = origin.service.leave(forget);
    this.#tell(origin, 'leaving');
    return gone.then(forget); // the backend may have closed it
  }

  #forget(origin: Origin): void {
    const { name } = origin;
    if (origin.service.state !== 'closed' || this.#members.get(name) !== origin) return;
    this.#members.delete(name);
    this.#backend.shares.leave(name);
    // If a whole set leaves, most of it is closed together, and each #serve() looks at every origin: so once for all of them.
    if (this.#forgotten.add(origin).size === 1) queueMicrotask(() => this.#tellForgotten());
  }

  #tellForgotten(): void {
    if (this.#forgotten.size > 0) this.#serve();
    for (const origin of this.#forgotten) {
      this.#forgotten.delete(origin); // first: a listener that adds an origin has the others told before
      this.#tell(origin, 'removed');
    }
  }

  #serve(): void {
    this.#names = undefined;
    this.#backend.serve([...this.#members.values()]);
  }

  #member(url: string | URL): Origin {
    // Only the name is read: the limits were checked when the origin was added.
    const name = resolveOrigin('url', url, { ...this.#backend.setting.options, minConnections: 0 }).origin;
    const member = this.#members.get(name);
    if (member !== undefined && member.service.state !== 'leaving') return member;
    throw new TypeError(`url must be one of the origins (${this.names.join(', ')}), got ${name}`);
  }

  #checkIdentity(name: string, resolved: ResolvedOrigin): void {
    refuseOtherServer(name, this.#members.get(resolved.origin)?.options, resolved);
  }

  #tell(origin: Origin, change: OriginChange | undefined): void {
    if (change === undefined) return;
    const { observer } = this.#backend.setting;
    const { weight } = origin.options;
    if (observer.watches('originChanged')) observer.emit('originChanged', { origin: origin.name, change, weight });
  }
}

/** What became of an origin, because its owner wanted it. */
export type OriginChange = 'added' | 'draining' | 'ready' | 'weight' | 'leaving' | 'removed';
