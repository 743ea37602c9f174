/** A client that takes its response more slowly than its origin gives it, or gives its request slowly. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClientSilence } from './client-silence.js';
import { isWrapped } from './client-writes.js';
import type { MountedBackend } from './mounted-backend.js';
import { Spool } from './spool.js';

/** Whoever relays to the client. */
export interface Paced {
  /** The client has taken what was read ahead for it. */
  readOn(): void;
  /** The client does nothing: both ends go. */
  cutOff(): void;
}

export class ClientPace {
  readonly #house: MountedBackend;
  readonly #clientTimeout: number;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #paced: Paced;
  #paused = false; // readAhead() returned false
  #ahead = 0; // bytes that were to wait since the client, or whoever holds them, had room
  #spool: Spool | undefined; // made for a client that is slower than its origin
  #silence: ClientSilence | undefined; // made when there is something to wait for

  constructor(house: MountedBackend, clientTimeout: number, req: IncomingMessage, res: ServerResponse, paced: Paced) {
    this.#house = house;
    this.#clientTimeout = clientTimeout;
    this.#req = req;
    this.#res = res;
    this.#paced = paced;
  }

  /** So many more bytes of the response have to wait for the client. Returns false when no more should be read. */
  readAhead(bytes: number): boolean {
    if (this.#spool === undefined) {
      this.#spool = new Spool(this.#house.spool, this.#house.options.spoolBytes);
      this.#res.on('drain', () => this.#drained());
    }
    this.watchSilence();
    this.#ahead += bytes;
    this.#paused = !this.#spool.hold(isWrapped(this.#res) ? this.#ahead : this.#res.writableLength);
    return !this.#paused;
  }

  /** So many bytes of the response were written to the client. */
  wrote(bytes: number): void {
    this.#silence?.wrote(bytes);
  }

  /** From now on the client has to take or to give bytes. */
  watchSilence(): void {
    if (this.#clientTimeout === Number.POSITIVE_INFINITY) return;
    const { deadlines } = this.#house;
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

  #drained(): void {
    this.#ahead = 0;
    this.#spool?.empty();
    if (!this.#paused) return;
    this.#paused = false;
    this.#paced.readOn();
  }
}
