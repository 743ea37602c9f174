/** The owner of the backend in memory: changes its origins and its limit, and checks what must hold after that. */

import type { MemoryBackend } from '../memory-backend.js';
import { checkService, openTo } from '../origin-service.js';
import type { Change, Setting } from './events.js';

type Origin = MemoryBackend['origins'][number];

/** A change whose promise has to resolve. */
interface Pending {
  readonly what: string;
  /** When the promise has to be resolved. */
  readonly holds: () => boolean;
  isOver: boolean;
}

export class Owner {
  readonly #backend: MemoryBackend;
  readonly #slots: number;
  readonly #names: readonly string[];
  readonly #pending: Pending[] = [];
  readonly #heard = new Map<string, number>(); // requests that an origin had received when it stopped taking new ones
  #limit: number;
  #dialsBefore = 0; // number of dials when the limit was set

  constructor(backend: MemoryBackend, { slots }: Setting) {
    this.#backend = backend;
    this.#slots = slots;
    this.#limit = slots;
    this.#names = backend.fleet.names;
  }

  /** The changes that are possible now. */
  get possible(): Change[] {
    const { fleet, origins } = this.#backend;
    const changes: Change[] = [{ name: 'resize', of: 0 }];
    for (const [of, url] of this.#names.entries()) {
      const origin = origins.find(({ name }) => name === url);
      if (origin === undefined || !fleet.names.includes(url)) changes.push({ name: 'add', of });
      else {
        changes.push({ name: 'remove', of });
        changes.push({ name: origin.service.state === 'serving' ? 'drain' : 'serve', of });
        changes.push({ name: origin.options.weight > 0 ? 'weighNothing' : 'weigh', of });
      }
    }
    return changes;
  }

  change({ name, of }: Change): void {
    const { fleet } = this.#backend;
    const url = this.#names[of] ?? '';
    switch (name) {
      case 'drain':
        this.#await(`drain ${of}`, fleet.drain(url), () => this.#isQuiet(url) || this.#state(url) === 'serving');
        break;
      case 'remove': {
        const origin = this.#origin(url);
        this.#await(`remove ${of}`, fleet.remove(url), () => origin?.service.state !== 'leaving');
        break;
      }
      case 'serve':
        fleet.ready(url);
        break;
      case 'weighNothing':
      case 'weigh':
        fleet.setWeight(url, name === 'weigh' ? 1 : 0);
        break;
      case 'add':
        fleet.add(url);
        break;
      case 'resize':
        this.#resize();
        break;
    }
    this.#markThoseAtRest();
  }

  /** Switches between the first limit and 1, or 2 if the first limit is 1. */
  #resize(): void {
    const other = this.#slots === 1 ? 2 : 1;
    this.#limit = this.#limit === this.#slots ? other : this.#slots;
    this.#dialsBefore = this.#backend.dials.length;
    const settled = this.#backend.update({ maxConnections: this.#limit });
    this.#await('resize', settled, () => this.#backend.origins.every((origin) => openTo(origin) <= this.#limit));
  }

  #await(what: string, promise: Promise<void>, holds: () => boolean): void {
    const pending: Pending = { what, holds, isOver: false };
    this.#pending.push(pending);
    void promise.then(() => {
      pending.isOver = true;
    });
  }

  #markThoseAtRest(): void {
    for (const origin of this.#backend.origins) {
      const { name } = origin;
      if (origin.serves) this.#heard.delete(name);
      else if (!this.#heard.has(name)) this.#heard.set(name, this.#requestsTo(name));
    }
  }

  // --- what must hold --------------------------------------------------------------------------------------------------

  /** @throws Error that says which promise is broken */
  check(destroyed: boolean): void {
    for (const { what, holds, isOver } of this.#pending) {
      if (holds() && !isOver) throw new Error(`${what} does not resolve`);
    }
    if (!destroyed) this.#checkOrigins();
  }

  #checkOrigins(): void {
    const { origins, peers, dialling } = this.#backend;
    for (const origin of origins) {
      checkService(origin);
      this.#checkNews(origin);
    }
    const names = new Set(origins.map(({ name }) => name));
    const isLeft = [...peers.filter(({ closed }) => !closed), ...dialling.map(({ target }) => target)];
    const left = isLeft.find(({ origin }) => !names.has(origin));
    if (left !== undefined) throw new Error(`a connection to ${left.origin}, which is removed`);
  }

  /** No request may go to an origin that takes none. No dial may begin while an origin has as many connections as allowed. */
  #checkNews(origin: Origin): void {
    const { name } = origin;
    const more = this.#requestsTo(name) - (this.#heard.get(name) ?? Number.POSITIVE_INFINITY);
    if (!origin.serves && more > 0) throw new Error(`${more} requests were sent to ${name}, which takes none`);
    if (openTo(origin) <= this.#limit) return;
    const { dialling, dials } = this.#backend;
    const begun = dialling.filter((dial) => dial.target.origin === name && dials.indexOf(dial) >= this.#dialsBefore);
    if (begun.length > 0) throw new Error(`a dial to ${name} above the limit ${this.#limit}`);
  }

  /** Brings an origin back if none takes requests, so that waiting requests can end. */
  bringBack(): void {
    const { fleet, origins } = this.#backend;
    const [url] = this.#names;
    if (url === undefined || origins.some(({ serves }) => serves)) return;
    if (fleet.names.includes(url)) {
      fleet.ready(url);
      fleet.setWeight(url, 1);
    } else fleet.add(url);
    this.#markThoseAtRest();
  }

  /** The facts in which two states may differ. */
  get look(): unknown[] {
    const pending = this.#pending.filter(({ isOver }) => !isOver).map(({ what }) => what);
    return [this.#limit, this.#backend.fleet.names, pending];
  }

  // --- what there is ---------------------------------------------------------------------------------------------------

  #origin(url: string): Origin | undefined {
    return this.#backend.origins.find(({ name }) => name === url);
  }

  #state(url: string): string {
    return this.#origin(url)?.service.state ?? 'closed';
  }

  #isQuiet(url: string): boolean {
    return this.#origin(url)?.isQuiet ?? true;
  }

  #requestsTo(name: string): number {
    const peers = this.#backend.peers.filter(({ origin }) => origin === name);
    return peers.reduce((sum, { requests }) => sum + requests.length, 0);
  }
}
