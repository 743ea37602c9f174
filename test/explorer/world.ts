/** One small backend in memory, moved event by event: what can happen next, what it looks like, what must hold. */

import { type Deadline, Deadlines } from '../../src/deadlines.js';
import { ManualClock } from '../../src/testing/index.js';
import { House, type Peer, type Sending } from '../house.js';
import { type Event, isFault, type Setting } from './events.js';
import { checkPromises, checkRequests, checkSockets } from './promises.js';

const STRAY = 'HTTP/1.1 200 stray\r\nContent-Length: 3\r\n\r\nbad';

/** Knows all deadlines, so that the next moment at which anything could happen can be told. */
class SeenDeadlines extends Deadlines {
  readonly all: Deadline[] = [];

  override create(expire: () => void): Deadline {
    const deadline = super.create(expire);
    this.all.push(deadline);
    return deadline;
  }

  /** Moments of those that are set, earliest first. */
  get moments(): number[] {
    return this.all
      .map(({ at }) => at)
      .filter(Number.isFinite)
      .sort((one, other) => one - other);
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class World {
  readonly #setting: Setting;
  readonly #clock = new ManualClock();
  readonly #deadlines = new SeenDeadlines(this.#clock);
  readonly #house: House;
  readonly #history: Event[] = [];
  readonly #held = new Map<Peer, string>(); // what is in the kernel, unread
  readonly #lastUsed = new Map<Peer, number>(); // when it answered last, as a number of the history
  readonly #refusing = new Set<Peer>();
  readonly #saidMore = new Set<Peer>(); // than they were asked
  #freshSeenAt = Number.NEGATIVE_INFINITY;
  #faults = 0;
  #destroyed = false;

  private constructor(setting: Setting) {
    this.#setting = setting;
    this.#house = new House({
      origins: Array.from({ length: setting.origins }, (_, index) => `http://${'abc'[index]}.test:80`),
      maxConnections: setting.slots,
      spareConnections: setting.spares === 0 ? false : setting.spares,
      ejection: { failures: 2 },
      ...{ queueTimeout: 3_000, connectTimeout: 2_000, headersTimeout: 1_000, keepAliveTimeout: 4_000 },
      ...{ clock: this.#clock, deadlines: this.#deadlines },
    });
  }

  static async replay(setting: Setting, history: readonly Event[]): Promise<World> {
    const world = new World(setting);
    await world.#settle();
    for (const event of history) await world.take(event);
    return world;
  }

  async take(event: Event): Promise<void> {
    this.#history.push(event);
    if (isFault(event)) this.#faults += 1;
    this.#do(event);
    await this.#settle();
  }

  /** Streams tell their news within a turn, and one thing may lead to the next. */
  async #settle(): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      await turn();
      this.#clock.advance(0);
    }
  }

  get #asks(): boolean {
    return this.#setting.deaf !== true;
  }

  // --- what can happen -------------------------------------------------------------------------------------------------

  get possible(): Event[] {
    const { callers, dialling } = this.#house;
    const events: Event[] = [];
    const may = (name: Event['name'], of = 0): void => void events.push({ name, of });
    if (this.#destroyed) return this.#deadlines.moments.length > 0 ? [{ name: 'tick', of: 0 }] : [];
    if (callers.length < this.#setting.requests.length) may('send', callers.length + 1);
    for (const dial of dialling) {
      const of = this.#house.dials.indexOf(dial);
      for (const name of ['open', 'refuse', 'speakFirst'] as const) may(name, of);
    }
    for (const [of, peer] of this.#house.peers.entries())
      if (!peer.closed) events.push(...this.#possibleWith(peer, of));
    for (const [index, caller] of callers.entries()) if (!caller.over) may('abort', index + 1);
    if (this.#deadlines.moments.length > 0) may('tick');
    may('destroy');
    return this.#faults < this.#setting.faults ? events : events.filter((event) => !isFault(event));
  }

  #possibleWith(peer: Peer, of: number): Event[] {
    if (this.#held.has(peer)) return [{ name: 'read', of }];
    const any: Event['name'][] = ['fin', 'rst'];
    const names: Event['name'][] =
      peer.owes > 0
        ? peer.isInBody
          ? ['answer', ...any]
          : ['answer', 'answerAndClose', 'answerAndMore', 'halfHead', 'halfBody', ...any]
        : [...any, 'stray', ...this.#hidden, ...(this.#refusing.has(peer) ? [] : ['refuseWrite' as const])];
    return names.map((name) => ({ name, of }));
  }

  /** Where the kernel is not asked, what is in it arrives within the two turns that are waited instead. */
  get #hidden(): Event['name'][] {
    return this.#asks ? ['hiddenFin', 'hiddenStray'] : [];
  }

  #do({ name, of }: Event): void {
    const house = this.#house;
    const dial = house.dials[of];
    const peer = house.peers[of];
    switch (name) {
      case 'send':
        house.send(sendingOf(this.#setting.requests[of - 1]));
        break;
      case 'open':
      case 'speakFirst':
        if (dial !== undefined) house.peers.push(dial.open({ spokeFirst: name === 'speakFirst', asks: this.#asks }));
        break;
      case 'refuse':
        dial?.refuse();
        break;
      case 'answer':
      case 'answerAndClose':
        if (peer !== undefined) this.#answer(peer, name === 'answerAndClose');
        break;
      case 'answerAndMore':
        if (peer !== undefined) this.#answerTwice(peer);
        break;
      case 'halfHead':
        peer?.send('HTTP/1.1 200');
        peer?.fin();
        break;
      case 'halfBody':
        if (peer !== undefined) peer.answerHead(numberOf(peer).length);
        break;
      case 'hiddenFin':
      case 'hiddenStray':
        if (peer !== undefined) this.#hide(peer, name);
        break;
      case 'read':
        if (peer !== undefined) this.#held.delete(peer);
        peer?.letGo();
        break;
      case 'fin':
        peer?.fin();
        break;
      case 'rst':
        peer?.reset();
        break;
      case 'stray':
        peer?.send(STRAY);
        break;
      case 'refuseWrite':
        if (peer !== undefined) this.#refusing.add(peer);
        peer?.near.refuseNextWrite();
        break;
      case 'abort':
        house.callers[of - 1]?.abort();
        break;
      case 'tick':
        this.#tick();
        break;
      case 'destroy':
        this.#destroyed = true;
        house.destroy();
        break;
    }
  }

  #answer(peer: Peer, close: boolean): void {
    this.#lastUsed.set(peer, this.#history.length);
    peer.answer({ body: numberOf(peer), close });
  }

  /** A second response in the write of the first: the first is all in its fields. */
  #answerTwice(peer: Peer): void {
    const number = numberOf(peer);
    this.#saidMore.add(peer);
    peer.answer({ fields: [`Content-Length: ${number.length}`, '', `${number}HTTP/1.1 200 stray`], body: 'bad' });
  }

  #hide(peer: Peer, name: 'hiddenFin' | 'hiddenStray'): void {
    this.#held.set(peer, name);
    peer.hold();
    if (name === 'hiddenFin') peer.fin();
    else peer.send(STRAY);
  }

  /** To the next moment at which a deadline passes. */
  #tick(): void {
    const [next] = this.#deadlines.moments;
    if (next !== undefined) this.#clock.advance(Math.max(0, Math.ceil(next - this.#clock.now())));
  }

  // --- what it looks like ----------------------------------------------------------------------------------------------

  /** Two worlds of the same look have the same future, as far as can be seen from outside. */
  get look(): string {
    const house = this.#house;
    const now = this.#clock.now();
    this.#seeFresh();
    const origins = house.origins.map(({ counts, backoff, standing, idleLimit, isGoing, freshShareLeft }) => [
      ...[counts.busy, counts.idle, counts.dialling, counts.spare, freshShareLeft, isGoing],
      ...[relative(backoff.state, now), relative(standing.state, now), idleLimit.effectiveMs],
    ]);
    const order = [...this.#lastUsed.values()].sort((one, other) => one - other);
    const peers = house.peers.map((peer) =>
      peer.closed
        ? 'x'
        : [
            ...[peer.origin, peer.owes > 0 ? peer.requests.at(-1) : '', Math.min(2, peer.requests.length)],
            ...[peer.isInBody, this.#held.get(peer), this.#refusing.has(peer)],
            order.indexOf(this.#lastUsed.get(peer) ?? -1),
          ],
    );
    const requests = house.callers.map((caller) => [
      ...[caller.outcome, caller.aborted, caller.head?.statusCode],
      ...(caller.dispatch?.attempts.map(({ origin, reused, sent }) => [origin, reused, sent]) ?? []),
    ]);
    const { queue } = house;
    const lanes = [queue.lengthOf('any'), queue.lengthOf('verified'), queue.lengthOf('fresh')];
    const times = this.#deadlines.all.filter(({ at }) => Number.isFinite(at)).map(({ at }) => Math.ceil(at - now));
    const sinceFresh = Math.min(5_000, now - this.#freshSeenAt);
    const dials = house.dialling.map(({ target }) => target.origin);
    const alive = peers.filter((peer) => peer !== 'x');
    const rest = [this.#faults, this.#destroyed, sinceFresh, dials];
    return JSON.stringify([origins, alive, requests, lanes, times.sort((one, other) => one - other), rest]);
  }

  #seeFresh(): void {
    const begun = this.#house.callers.filter((_, index) => this.#setting.requests[index] === 'fresh');
    if (begun.some((caller) => (caller.dispatch?.attempts.length ?? 0) > 0)) this.#freshSeenAt = this.#clock.now();
  }

  // --- what must hold --------------------------------------------------------------------------------------------------

  /** @throws Error that says which promise is broken */
  check(): void {
    checkPromises(this.#house, this.#setting, this.#destroyed);
    if ([...this.#saidMore].some((peer) => !peer.closed)) throw new Error('a connection with bytes left over is kept');
  }

  /** From here on all goes well: every request ends, and nothing is left. Spends the world. */
  async comeToRest(): Promise<void> {
    const house = this.#house;
    for (let round = 0; round < 60 && house.callers.some((caller) => !caller.over); round += 1) {
      for (const peer of house.peers) {
        peer.letGo();
        if (peer.owes > 0) this.#answer(peer, false);
      }
      for (const dial of house.dialling) house.peers.push(dial.open({ asks: this.#asks }));
      await this.#settle();
      // Waits that are meant: a back-off, a server that goes.
      if (round % 4 === 3) this.#clock.advance(60);
    }
    const left = house.callers.filter((caller) => !caller.over);
    if (left.length > 0) throw new Error(`${left.map(({ name }) => name).join()} never ended`);
    checkRequests(house, this.#setting);
    this.#clock.advance(1_100); // the most that the rest of an aborted response is read for
    await this.#settle();
    house.checkAtRest();
    house.destroy();
    await this.#settle();
    checkSockets(house, this.#setting);
    if (this.#deadlines.size > 0) throw new Error(`${this.#deadlines.size} deadlines are left`);
  }

  destroy(): void {
    this.#house.destroy();
  }
}

function sendingOf(kind: Setting['requests'][number] | undefined): Sending {
  if (kind === 'get' || kind === undefined) return {};
  return { method: 'POST', body: 'x', nonIdempotent: kind };
}

/** Of the request that the peer got last. */
function numberOf(peer: Peer): string {
  return peer.requests.at(-1)?.split('/')[1] ?? '';
}

/** A state with its moments as lengths from now. */
function relative(state: object, now: number): string {
  const entries = Object.entries(state).filter(([, value]) => typeof value !== 'object');
  return entries
    .map(([name, value]) => (name === 'until' ? Math.ceil(Math.max(0, value - now)) : name === 'since' ? '' : value))
    .join();
}
