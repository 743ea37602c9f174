/** Notices a client that should take or send bytes and does neither: it must not hold a connection for ever. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Deadline, Deadlines } from '../time/deadlines.js';
import { type ClientBytes, clientBytes } from './bytes.js';
import { isHttp2 } from './http2.js';

// The counters are compared in steps, not at each byte, so a silence is noticed at most a quarter late.
const LOOKS = 4;

export class ClientSilence {
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #stepMs: number;
  readonly #deadline: Deadline;
  readonly #onSilent: () => void;
  #written = 0; // bytes of the response, since this object was made
  #seen: ClientBytes;
  #quietLooks = 0;

  /** `onSilent` is called once the client was silent for `timeoutMs`; never if that is `Infinity`. */
  constructor(
    deadlines: Deadlines,
    timeoutMs: number,
    req: IncomingMessage,
    res: ServerResponse,
    onSilent: () => void,
  ) {
    this.#req = req;
    this.#res = res;
    this.#stepMs = timeoutMs / LOOKS;
    this.#onSilent = onSilent;
    this.#seen = { given: 0, taken: 0, queued: 0 };
    this.#deadline = deadlines.create(() => this.#look());
  }

  /** Begins to watch, unless it does so already. */
  watch(): void {
    if (this.#deadline.isSet) return;
    this.#quietLooks = 0;
    this.#seen = this.#count();
    this.#deadline.set(this.#stepMs);
  }

  /** `bytes` of the response were handed to `res`. */
  wrote(bytes: number): void {
    this.#written += bytes;
  }

  stop(): void {
    this.#deadline.clear();
  }

  #look(): void {
    const before = this.#seen;
    const now = this.#count();
    this.#seen = now;
    const moved = now.given !== before.given || now.taken > before.taken || now.queued < before.queued;
    this.#quietLooks = moved || !this.#isClientsTurn() ? 0 : this.#quietLooks + 1;
    if (this.#quietLooks < LOOKS) this.#deadline.set(this.#stepMs);
    else this.#onSilent();
  }

  /** A client that is waiting for us is not silent. */
  #isClientsTurn(): boolean {
    if (this.#res.socket === null) return false; // an earlier response in the pipeline is not finished
    if (this.#res.writableLength > 0) return true;
    // The end of a stream waits for room like its bytes, but is not counted. Once the client has taken it, the stream is closed.
    if (isHttp2(this.#res.req) && this.#res.writableEnded) return true;
    const req = this.#req;
    return req.complete === false && req.readableFlowing === true && req.readableLength === 0;
  }

  #count(): ClientBytes {
    return clientBytes(this.#req, this.#res, this.#written);
  }
}
