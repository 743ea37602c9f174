/** What the receiver of a response is told, and when. */

import type { BackendError } from '../errors.js';
import type { ResponseHead } from './response-head.js';

/**
 * Receives one response. Everything in a read has been parsed before the first call, so a receiver may do anything: `begin` the next
 * request in `onEnd`, `free` the parser anywhere. After either, nothing more of that read comes.
 */
export interface ResponseEvents {
  /** An interim response, 100 and 102 to 199. */
  onInformation(head: ResponseHead): void;
  /** The final head, once. */
  onHead(head: ResponseHead): void;
  /** Decoded body bytes, never empty, which the receiver may keep. At most one call for what the window held. */
  onBody(bytes: Buffer): void;
  /** The response is complete; `trailers` is name, value, name, value… */
  onEnd(trailers: readonly string[]): void;
}

/** What was found in one piece, and not passed on yet: a piece is read to its end first. */
export class UntoldEvents {
  interim: ResponseHead[] | undefined;
  head: ResponseHead | undefined;
  body: Buffer | undefined;
  trailers: readonly string[] | undefined;
  turn = 0; // changes when the events read so far are no longer valid
  readonly #receiver: ResponseEvents;

  constructor(receiver: ResponseEvents) {
    this.#receiver = receiver;
  }

  /** Passes everything on, in order, and returns `failure`. A receiver that begins something else in between gets no more of it. */
  tell(failure: BackendError | undefined): BackendError | undefined {
    const { turn, interim, head, body, trailers } = this;
    this.interim = undefined;
    this.head = undefined;
    this.body = undefined;
    this.trailers = undefined;
    if (interim !== undefined) {
      for (const one of interim) if (turn === this.turn) this.#receiver.onInformation(one);
    }
    if (head !== undefined && turn === this.turn) this.#receiver.onHead(head);
    if (body !== undefined && turn === this.turn) this.#receiver.onBody(body);
    if (trailers !== undefined && turn === this.turn) this.#receiver.onEnd(trailers);
    return turn === this.turn ? failure : undefined;
  }
}
