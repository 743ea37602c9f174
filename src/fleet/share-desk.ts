/** The primary's desk: hears workers that ask for shares of connections, and tells each what it may hold. */

import type { Clock, Timer } from '../clock.js';
import { type Share, ShareLedger } from './share-ledger.js';
import type { ShareReply, ShareRequest } from './share-message.js';

export interface ShareDeskSetting {
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
interface Book {
  readonly ledger: ShareLedger;
  readonly askers: Map<string, Asker>; // those that the ledger has taken in
  readonly waiting: Map<string, Asker>; // those that it could not
  readonly keptUntil: number[]; // for each place that is kept, oldest first
  timer: Timer | undefined;
}

export class ShareDesk {
  readonly #setting: ShareDeskSetting;
  readonly #books = new Map<string, Book>(); // by name of the origin

  constructor(setting: ShareDeskSetting) {
    this.#setting = setting;
  }

  /** The shares by origin, and by worker and backend. */
  get shares(): ReadonlyMap<string, ReadonlyMap<string, Share>> {
    return new Map([...this.#books].map(([origin, { ledger }]) => [origin, ledger.shares]));
  }

  heard(worker: number, request: ShareRequest): void {
    const { origin, member } = request;
    const id = `${worker}/${member}`;
    switch (request.pooledBackend) {
      case 'ask':
        this.#asked(origin, id, { worker, member, total: request.total });
        break;
      case 'answer':
        this.#books.get(origin)?.ledger.acknowledge(id, request.turn, request.held);
        break;
      case 'leave':
        this.#left(origin, id);
        break;
    }
    this.#tell(origin);
  }

  /** The process has ended, so the kernel has closed its sockets. */
  gone(worker: number): void {
    for (const [origin, { askers, waiting }] of this.#books) {
      for (const [id, asker] of [...askers, ...waiting]) if (asker.worker === worker) this.#left(origin, id);
      this.#tell(origin);
    }
  }

  #asked(origin: string, id: string, asker: Asker): void {
    const book = this.#bookOf(origin);
    const { ledger, askers, waiting } = book;
    if (!ledger.join(id, asker.total)) {
      waiting.set(id, asker);
      this.#reply('refusal', origin, asker, ledger.size);
      return;
    }
    const isNew = !askers.has(id);
    askers.set(id, asker);
    waiting.delete(id);
    if (isNew) {
      // So the first workers do not get larger shares, only to shrink when the rest has started.
      if (ledger.size === 1) ledger.expect(this.#setting.workers());
      this.#keepPlaces(origin, book);
    } else if (ledger.shares.get(id)?.told === 0) this.#reply('later', origin, asker, ledger.size - 1);
  }

  #reply(kind: 'later' | 'refusal', origin: string, { worker, member, total }: Asker, members: number): void {
    this.#setting.send(worker, { pooledBackend: kind, member, origin, total, members });
  }

  #left(origin: string, id: string): void {
    const book = this.#books.get(origin);
    if (book === undefined) return;
    book.waiting.delete(id);
    book.askers.delete(id);
    if (!book.ledger.leave(id)) return;
    for (const [waiting, asker] of book.waiting) {
      if (!book.ledger.join(waiting, asker.total)) continue;
      book.waiting.delete(waiting);
      book.askers.set(waiting, asker);
    }
    this.#keepPlaces(origin, book);
  }

  #bookOf(origin: string): Book {
    const known = this.#books.get(origin);
    if (known !== undefined) return known;
    const book: Book = {
      ledger: new ShareLedger(),
      askers: new Map(),
      waiting: new Map(),
      keptUntil: [],
      timer: undefined,
    };
    this.#books.set(origin, book);
    return book;
  }

  /** A worker that comes in time gets the place that was left last. After that time, the share of a place goes to the others. */
  #keepPlaces(origin: string, book: Book): void {
    const { restartTimeoutMs, clock } = this.#setting;
    const { ledger, keptUntil } = book;
    const now = clock.now();
    while (keptUntil.length < ledger.vacancies) keptUntil.push(now + restartTimeoutMs);
    keptUntil.length = ledger.vacancies;
    book.timer?.cancel();
    book.timer = undefined;
    const [first = Number.POSITIVE_INFINITY] = keptUntil;
    if (first === Number.POSITIVE_INFINITY) {
      // Origins that are discovered come and go without end. And the first to ask again has places kept for all workers.
      if (ledger.size === 0) this.#books.delete(origin);
      return;
    }
    book.timer = clock.after(Math.ceil(first - now), () => {
      ledger.giveUpVacancies(keptUntil.filter((until) => until <= first).length);
      keptUntil.splice(0, keptUntil.length - ledger.vacancies);
      this.#keepPlaces(origin, book);
      this.#tell(origin);
    });
  }

  #tell(origin: string): void {
    const book = this.#books.get(origin);
    if (book === undefined) return;
    for (const { member: id, share, turn } of book.ledger.takeOrders()) {
      const asker = book.askers.get(id);
      if (asker === undefined) continue;
      this.#setting.send(asker.worker, { pooledBackend: 'order', member: asker.member, origin, share, turn });
    }
  }
}
