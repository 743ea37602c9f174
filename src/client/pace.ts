/** A client that takes its response more slowly than the origin sends it, or sends its request slowly. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ResolvedOptions } from '../options.js';
import { isSmallBehind, SmallWrites } from '../streams/small-writes.js';
import type { Deadlines } from '../time/deadlines.js';
import type { ByteBudget } from './byte-budget.js';
import { ClientSilence } from './silence.js';
import { isWrapped, writeNow } from './writes.js';

/** The relay to the client. */
export interface Paced {
  /** The client has taken what was read ahead for it. */
  readOn(): void;
  /** The client is silent: both connections are to be ended. */
  cutOff(): void;
}

/** Whether a piece would wait for the client behind others, and cost more than its bytes. */
export function isSmallAhead(res: ServerResponse, bytes: Uint8Array): boolean {
  return isSmallBehind(res, bytes) && !isWrapped(res);
}

/** What a pace needs of the backend. */
export interface PaceSetting {
  readonly deadlines: Deadlines;
  /** What all responses read ahead of their clients may take together. */
  readonly spool: ByteBudget;
  readonly options: Pick<ResolvedOptions, 'spoolBytes'>;
}

/** The bytes of one response that are read ahead of a slow client, so that the connection of the origin is free early. */
export class Spool {
  readonly #budget: ByteBudget;
  readonly #limitBytes: number;
  #held = 0;

  constructor(budget: ByteBudget, limitBytes: number) {
    this.#budget = budget;
    this.#limitBytes = limitBytes;
  }

  /** Notes that `pending` bytes of the response wait now. Returns false when no more should be read. */
  hold(pending: number): boolean {
    this.#budget.add(pending - this.#held);
    this.#held = pending;
    return pending < this.#limitBytes && !this.#budget.exceeded;
  }

  /** The client took everything, or is gone. */
  empty(): void {
    this.hold(0);
  }
}

export class ClientPace {
  readonly #setting: PaceSetting;
  readonly #clientTimeout: number;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #paced: Paced;
  #paused = false; // no more is to be read for now
  #awaitsDrain = false; // 'drain' will tell when all was taken
  #ahead = 0; // bytes that had to wait since the client, or the stream in between, last had room
  #spool: Spool | undefined; // made for a client that is slower than its origin
  readonly #small = new SmallWrites((waiting) => this.#smallTaken(waiting));
  #silence: ClientSilence | undefined; // made when there is something to wait for

  constructor(setting: PaceSetting, clientTimeout: number, req: IncomingMessage, res: ServerResponse, paced: Paced) {
    this.#setting = setting;
    this.#clientTimeout = clientTimeout;
    this.#req = req;
    this.#res = res;
    this.#paced = paced;
  }

  /** `bytes` more of the response have to wait for the client to drain. Returns false when no more should be read. */
  readAhead(bytes: number): boolean {
    this.#awaitsDrain = true;
    this.#ahead += bytes;
    return this.#hold();
  }

  /** Writes a piece that {@link isSmallAhead}. Returns false when no more should be read. */
  writeSmall(bytes: Uint8Array): boolean {
    const taken = writeNow(this.#res, bytes, this.#small.add());
    this.wrote(bytes.length);
    return taken === false ? this.readAhead(bytes.length) : this.#hold();
  }

  #hold(): boolean {
    if (this.#spool === undefined) {
      this.#spool = new Spool(this.#setting.spool, this.#setting.options.spoolBytes);
      this.#res.on('drain', () => this.#drained());
    }
    this.watchSilence();
    const waiting = isWrapped(this.#res) ? this.#ahead : this.#res.writableLength;
    this.#paused = !this.#spool.hold(Math.max(waiting, this.#small.bytes));
    return !this.#paused;
  }

  /** `bytes` of the response were written to the client. */
  wrote(bytes: number): void {
    this.#silence?.wrote(bytes);
  }

  /** From now on the client has to take or send bytes. */
  watchSilence(): void {
    if (this.#clientTimeout === Number.POSITIVE_INFINITY) return;
    const { deadlines } = this.#setting;
    this.#silence ??= new ClientSilence(deadlines, this.#clientTimeout, this.#req, this.#res, () =>
      this.#paced.cutOff(),
    );
    this.#silence.watch();
  }

  /** The request is over. */
  stop(): void {
    this.#silence?.stop();
    this.#spool?.empty();
  }

  /** If no `drain` will follow, this is the only notification. */
  #smallTaken(waiting: number): void {
    if (waiting === 0 && !this.#awaitsDrain) this.#drained();
  }

  #drained(): void {
    this.#awaitsDrain = false;
    this.#ahead = 0;
    this.#spool?.empty();
    if (!this.#paused) return;
    this.#paused = false;
    this.#paced.readOn();
  }
}
