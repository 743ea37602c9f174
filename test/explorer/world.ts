/** One small backend in memory that moves event by event: what can happen next, its state, and what must hold. */

import { setImmediate as turn } from 'node:timers/promises';
import { MemoryBackend, type MemoryDial, type Peer, type Sending } from '../memory-backend.js';
import { type Event, isChange, isFault, type Setting } from './events.js';
import { FarSide, lookOf } from './look.js';
import { Owner } from './owner.js';
import { checkPromises, checkRequests, checkSockets } from './promises.js';
import { WatchedBalancer, WatchedClock, WatchedDeadlines, WatchedOrigin } from './watched.js';

const STRAY = 'HTTP/1.1 200 stray\r\nContent-Length: 3\r\n\r\nbad';

export class World {
  readonly #setting: Setting;
  readonly #clock = new WatchedClock();
  readonly #deadlines = new WatchedDeadlines(this.#clock);
  readonly #balancer = new WatchedBalancer();
  readonly #backend: MemoryBackend;
  readonly #owner: Owner;
  readonly #history: Event[] = [];
  readonly #far = new FarSide();
  #freshSeenAt = Number.NEGATIVE_INFINITY;
  #faults = 0;
  #changes = 0;
  #destroyed = false;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#backend = new MemoryBackend({
      origins: Array.from({ length: setting.origins }, (_, index) => `http://${'abc'[index]}.test:80`),
      maxConnections: setting.slots,
      spareConnections: setting.spares === 0 ? false : setting.spares,
      ejection: { failures: 2 },
      balance: this.#balancer,
      ...{ queueTimeout: 3_000, connectTimeout: 2_000, headersTimeout: 1_000, keepAliveTimeout: 4_000 },
      ...{ clock: this.#clock, deadlines: this.#deadlines },
      createOrigin: (...parts) => this.#createOrigin(...parts),
    });
    this.#owner = new Owner(this.#backend, setting);
  }

  #createOrigin(...parts: ConstructorParameters<typeof WatchedOrigin>): WatchedOrigin {
    const origin = new WatchedOrigin(...parts);
    origin.onDial = (purpose) => {
      const dial = this.#backend.dials.at(-1);
      if (dial !== undefined) this.#far.purposes.set(dial, typeof purpose === 'string' ? purpose : 'own');
    };
    return origin;
  }

  /** Takes all events of a history, on a new world. */
  async replay(history: readonly Event[]): Promise<void> {
    await this.#settle();
    for (const event of history) await this.take(event);
  }

  async take(event: Event): Promise<void> {
    this.#history.push(event);
    if (isFault(event)) this.#faults += 1;
    if (isChange(event)) {
      this.#changes += 1;
      this.#owner.change(event);
    } else this.#do(event);
    await this.#settle();
  }

  /** Streams report within a turn, and one event may lead to another. */
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
    const { callers, dialling } = this.#backend;
    const events: Event[] = [];
    const may = (name: Event['name'], of = 0): void => void events.push({ name, of });
    if (this.#destroyed) return this.#nextMoment === undefined ? [] : [{ name: 'tick', of: 0 }];
    if (callers.length < this.#setting.requests.length) may('send', callers.length + 1);
    for (const dial of dialling) {
      const of = this.#backend.dials.indexOf(dial);
      for (const name of ['open', 'refuse', 'speakFirst'] as const) may(name, of);
    }
    for (const [of, peer] of this.#backend.peers.entries())
      if (!peer.closed) events.push(...this.#possibleWith(peer, of));
    for (const [index, caller] of callers.entries()) if (!caller.over) may('abort', index + 1);
    if (this.#nextMoment !== undefined) may('tick');
    may('destroy');
    if (this.#changes < (this.#setting.changes ?? 0)) events.push(...this.#owner.possible);
    return this.#faults < this.#setting.faults ? events : events.filter((event) => !isFault(event));
  }

  #possibleWith(peer: Peer, of: number): Event[] {
    if (this.#far.held.has(peer)) return [{ name: 'read', of }];
    const any: Event['name'][] = ['fin', 'rst'];
    const names: Event['name'][] =
      peer.owes > 0
        ? peer.isInBody
          ? ['answer', ...any]
          : ['answer', 'answerAndClose', 'answerAndMore', 'halfHead', 'halfBody', ...any]
        : [...any, 'stray', ...this.#hidden, ...(this.#far.refusing.has(peer) ? [] : ['refuseWrite' as const])];
    return names.map((name) => ({ name, of }));
  }

  /** If the kernel cannot be asked, the backend waits two turns instead, in which unread bytes arrive. So none are hidden then. */
  get #hidden(): Event['name'][] {
    return this.#asks ? ['hiddenFin', 'hiddenStray'] : [];
  }

  #do({ name, of }: Event): void {
    const backend = this.#backend;
    const dial = backend.dials[of];
    const peer = backend.peers[of];
    switch (name) {
      case 'send':
        backend.send(sendingOf(this.#setting.requests[of - 1]));
        break;
      case 'open':
      case 'speakFirst':
        if (dial !== undefined) this.#open(dial, name === 'speakFirst');
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
        if (peer !== undefined) this.#far.held.delete(peer);
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
        if (peer !== undefined) this.#far.refusing.add(peer);
        peer?.near.refuseNextWrite();
        break;
      case 'abort':
        backend.callers[of - 1]?.abort();
        break;
      case 'tick':
        this.#tick();
        break;
      case 'destroy':
        this.#destroyed = true;
        backend.destroy();
        break;
    }
  }

  #open(dial: MemoryDial, spokeFirst: boolean): void {
    const peer = dial.open({ spokeFirst, asks: this.#asks });
    this.#far.idleSince.set(peer, this.#clock.now());
    this.#backend.peers.push(peer);
  }

  #answer(peer: Peer, close: boolean): void {
    this.#far.lastUsed.set(peer, this.#history.length);
    this.#far.idleSince.set(peer, this.#clock.now());
    peer.answer({ body: numberOf(peer), close });
  }

  /** Sends a second response in the same write as the first one. The first one is written by means of its fields. */
  #answerTwice(peer: Peer): void {
    const number = numberOf(peer);
    this.#far.saidMore.add(peer);
    peer.answer({ fields: [`Content-Length: ${number.length}`, '', `${number}HTTP/1.1 200 stray`], body: 'bad' });
  }

  #hide(peer: Peer, name: 'hiddenFin' | 'hiddenStray'): void {
    this.#far.held.set(peer, name);
    peer.hold();
    if (name === 'hiddenFin') peer.fin();
    else peer.send(STRAY);
  }

  /** Advances to the next moment at which anything is due. */
  #tick(): void {
    const next = this.#nextMoment;
    if (next !== undefined) this.#clock.advance(Math.max(0, Math.ceil(next - this.#clock.now())));
  }

  get #nextMoment(): number | undefined {
    const moments = [...this.#deadlines.moments, ...this.#clock.waits];
    return moments.length === 0 ? undefined : Math.min(...moments);
  }

  // --- what it looks like ----------------------------------------------------------------------------------------------

  /** The state as text: two worlds with the same text have the same future. */
  get look(): string {
    this.#seeFresh();
    const now = this.#clock.now();
    const fromNow = (moment: number): number => Math.ceil(moment - now);
    return JSON.stringify([
      lookOf(this.#backend, this.#far),
      this.#owner.look,
      ...[this.#deadlines.moments.map(fromNow), this.#clock.waits.map(fromNow)],
      ...[this.#faults, this.#changes, this.#destroyed, this.#balancer.turn(this.#setting.origins)],
      Math.min(5_000, now - this.#freshSeenAt),
    ]);
  }

  #seeFresh(): void {
    const begun = this.#backend.callers.filter((_, index) => this.#setting.requests[index] === 'fresh');
    if (begun.some((caller) => (caller.dispatch?.attempts.length ?? 0) > 0)) this.#freshSeenAt = this.#clock.now();
  }

  // --- what must hold --------------------------------------------------------------------------------------------------

  /** @throws Error that says which promise is broken */
  check(): void {
    checkPromises(this.#backend, this.#setting, this.#destroyed);
    this.#owner.check(this.#destroyed);
    if ([...this.#far.saidMore].some((peer) => !peer.closed))
      throw new Error('a connection with bytes left over is kept');
  }

  /** From now on nothing fails: every request must end, and nothing may be left. The world cannot be used after that. */
  async comeToRest(): Promise<void> {
    const backend = this.#backend;
    if (!this.#destroyed) this.#owner.bringBack();
    for (let round = 0; round < 60 && backend.callers.some((caller) => !caller.over); round += 1) {
      for (const peer of backend.peers) {
        peer.letGo();
        if (peer.owes > 0) this.#answer(peer, false);
      }
      for (const dial of backend.dialling) this.#open(dial, false);
      await this.#settle();
      // Time for intended waits: a back-off, or connections of a process that ends.
      if (round % 4 === 3) this.#clock.advance(60);
    }
    const left = backend.callers.filter((caller) => !caller.over);
    if (left.length > 0) throw new Error(`${left.map(({ name }) => name).join()} never ended`);
    checkRequests(backend, this.#setting);
    this.#owner.check(this.#destroyed);
    this.#clock.advance(1_100); // longer than the rest of an aborted response is read
    await this.#settle();
    backend.checkAtRest();
    backend.destroy();
    await this.#settle();
    checkSockets(backend);
    if (this.#deadlines.size > 0) throw new Error(`${this.#deadlines.size} deadlines are left`);
  }

  destroy(): void {
    this.#backend.destroy();
  }
}

function sendingOf(kind: Setting['requests'][number] | undefined): Sending {
  if (kind === 'get' || kind === undefined) return {};
  return { method: 'POST', body: 'x', nonIdempotent: kind };
}

/** The number of the last request that the peer received. */
function numberOf(peer: Peer): string {
  return peer.requests.at(-1)?.split('/')[1] ?? '';
}
