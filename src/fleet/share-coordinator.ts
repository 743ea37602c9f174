/** The primary's side: hears workers that ask for shares of connections, and tells each what it may hold. */

import type { Clock, Timer } from '../time/clock.js';
import { type Share, ShareAllocator } from './share-allocator.js';
import type { ShareReply, ShareRequest } from './share-message.js';

export interface ShareCoordinatorSetting {
  readonly clock: Clock;
  /** Milliseconds for which the place of a worker that is gone, or has not asked yet, is kept. */
  readonly restartTimeoutMs: number;
  /** How many workers there are now. */
  readonly workers: () => number;
  readonly send: (worker: number, reply: ShareReply) => void;
}

/** A backend of a worker. */
interface Asker {
  readonly worker: number;
  readonly member: string;
  readonly total: number;
}

/** What is known about the total of one origin. */
interface SharedOrigin {
  readonly allocator: ShareAllocator;
  readonly askers: Map<string, Asker>; // those that the allocator has taken in
  readonly waiting: Map<string, Asker>; // those that it could not
  readonly keptUntil: number[]; // for each place that is kept, oldest first
  timer: Timer | undefined;
}

export class ShareCoordinator {
  readonly #setting: ShareCoordinatorSetting;
  readonly #shared = new Map<string, SharedOrigin>(); // by name of the origin

  constructor(setting: ShareCoordinatorSetting) {
    this.#setting = setting;
  }

  /** The shares by origin, and by worker and backend. */
  get shares(): ReadonlyMap<string, ReadonlyMap<string, Share>> {
    return new Map([...this.#shared].map(([origin, { allocator }]) => [origin, allocator.shares]));
  }

  heard(worker: number, request: ShareRequest): void {
    const { origin, member } = request;
    const id = `${worker}/${member}`;
    switch (request.pooledBackend) {
      case 'ask':
        this.#asked(origin, id, { worker, member, total: request.total });
        break;
      case 'answer':
        this.#shared.get(origin)?.allocator.acknowledge(id, request.turn, request.held);
        break;
      case 'leave':
        this.#left(origin, id);
        break;
    }
    this.#tell(origin);
  }

  /** The process has ended, so the kernel has closed its sockets. */
  gone(worker: number): void {
    for (const [origin, { askers, waiting }] of this.#shared) {
      for (const [id, asker] of [...askers, ...waiting]) if (asker.worker === worker) this.#left(origin, id);
      this.#tell(origin);
    }
  }

  #asked(origin: string, id: string, asker: Asker): void {
    const shared = this.#sharedOf(origin);
    const { allocator, askers, waiting } = shared;
    if (!allocator.join(id, asker.total)) {
      waiting.set(id, asker);
      this.#reply('refusal', origin, asker, allocator.size);
      return;
    }
    const isNew = !askers.has(id);
    askers.set(id, asker);
    waiting.delete(id);
    if (isNew) {
      // So the first workers do not get larger shares, only to shrink when the rest has started.
      if (allocator.size === 1) allocator.expect(this.#setting.workers());
      this.#keepPlaces(origin, shared);
    } else if (allocator.shares.get(id)?.told === 0) this.#reply('later', origin, asker, allocator.size - 1);
  }

  #reply(kind: 'later' | 'refusal', origin: string, { worker, member, total }: Asker, members: number): void {
    this.#setting.send(worker, { pooledBackend: kind, member, origin, total, members });
  }

  #left(origin: string, id: string): void {
    const shared = this.#shared.get(origin);
    if (shared === undefined) return;
    shared.waiting.delete(id);
    shared.askers.delete(id);
    if (!shared.allocator.leave(id)) return;
    for (const [waiting, asker] of shared.waiting) {
      if (!shared.allocator.join(waiting, asker.total)) continue;
      shared.waiting.delete(waiting);
      shared.askers.set(waiting, asker);
    }
    this.#keepPlaces(origin, shared);
  }

  #sharedOf(origin: string): SharedOrigin {
    const known = this.#shared.get(origin);
    if (known !== undefined) return known;
    const shared: SharedOrigin = {
      allocator: new ShareAllocator(),
      askers: new Map(),
      waiting: new Map(),
      keptUntil: [],
      timer: undefined,
    };
    this.#shared.set(origin, shared);
    return shared;
  }

  /** A worker that comes in time gets the place that was left last. After that time, the share of a place goes to the others. */
  #keepPlaces(origin: string, shared: SharedOrigin): void {
    const { restartTimeoutMs, clock } = this.#setting;
    const { allocator, keptUntil } = shared;
    const now = clock.now();
    while (keptUntil.length < allocator.vacancies) keptUntil.push(now + restartTimeoutMs);
    keptUntil.length = allocator.vacancies;
    shared.timer?.cancel();
    shared.timer = undefined;
    const [first = Number.POSITIVE_INFINITY] = keptUntil;
    if (first === Number.POSITIVE_INFINITY) {
      // Origins that are discovered come and go without end. And the first to ask again has places kept for all workers.
      if (allocator.size === 0) this.#shared.delete(origin);
      return;
    }
    shared.timer = clock.after(Math.ceil(first - now), () => {
      allocator.giveUpVacancies(keptUntil.filter((until) => until <= first).length);
      keptUntil.splice(0, keptUntil.length - allocator.vacancies);
      this.#keepPlaces(origin, shared);
      this.#tell(origin);
    });
  }

  #tell(origin: string): void {
    const shared = this.#shared.get(origin);
    if (shared === undefined) return;
    for (const { member: id, share, turn } of shared.allocator.takeOrders()) {
      const asker = shared.askers.get(id);
      if (asker === undefined) continue;
      this.#setting.send(asker.worker, { pooledBackend: 'order', member: asker.member, origin, share, turn });
    }
  }
}
