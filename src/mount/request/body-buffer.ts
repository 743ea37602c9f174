/** Collects a request's body before a connection is taken, so that a slow client holds none. */

import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import type { ByteBudget } from '../../client/byte-budget.js';
import { BackendError } from '../../errors.js';
import { unshared } from '../../http1/byte-copy.js';

/** Gets exactly one of the calls, unless {@link BodyBuffer.release} comes first. */
export interface BufferOutlet {
  /** The whole body is here. */
  bufferFull(pieces: readonly Buffer[], bytes: number): void;
  /** The body is longer than may be held; the rest is still to be read. */
  bufferOverflowed(pieces: readonly Buffer[]): void;
  bufferFailed(error: BackendError): void;
}

export interface BufferLimits {
  /** Declared length; `undefined` = chunked. */
  readonly length: number | undefined;
  readonly limitBytes: number;
  readonly budget: ByteBudget;
}

// A client that sends byte by byte would cost us 400 bytes of objects for each byte held. So small pieces are joined: MANY_PIECES at a
// time, and each piece only once, so that the work for a piece does not grow with the limit.
const MANY_PIECES = 64;
const SMALL_PIECE_BYTES = 1_024;

/** The outlet is called in the async context of the request, though the bytes arrive in that of the client's connection. */
export class BodyBuffer extends AsyncResource {
  readonly #req: IncomingMessage;
  readonly #limits: BufferLimits;
  readonly #outlet: BufferOutlet;
  #pieces: Buffer[] = []; // emptied when they are handed out: otherwise a body would be held twice, in pieces and as a whole
  #bytes = 0;
  #settled = 0; // pieces that stay as they are
  #settledBytes = 0;
  #reserved = 0;
  // off() may not find a listener that a middleware has wrapped (cls-hooked, while the event is emitted). Without this flag the request
  // would be sent once more for each further piece, and for its end.
  #left = false;

  constructor(req: IncomingMessage, limits: BufferLimits, outlet: BufferOutlet) {
    super('PooledBody');
    this.#req = req;
    this.#limits = limits;
    this.#outlet = outlet;
  }

  /** Begins to read. Returns false, and leaves the request alone, when the declared length does not fit. */
  begin(): boolean {
    const { length, limitBytes } = this.#limits;
    if (length !== undefined && (length > limitBytes || !this.#reserve(length))) return false;
    this.#req.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onBroken).on('close', this.#onBroken);
    this.#req.resume(); // a middleware may have paused it, to leave the body to later handlers
    return true;
  }

  /** Stops listening, and holds nothing. */
  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#pieces = [];
    this.#req
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('error', this.#onBroken)
      .off('close', this.#onBroken);
  }

  /** The bytes are not held any more, and no more of them are read. May be called again. */
  release(): void {
    this.#leave();
    this.#limits.budget.add(-this.#reserved);
    this.#reserved = 0;
  }

  readonly #onData = (given: Buffer | string): void => {
    if (this.#left) return;
    // Text comes after a middleware has called setEncoding(). Its length is not its length in bytes.
    const piece = typeof given === 'string' ? Buffer.from(given, this.#req.readableEncoding ?? 'utf8') : given;
    this.#pieces.push(unshared(piece));
    this.#bytes += piece.length;
    if (this.#pieces.length - this.#settled >= MANY_PIECES) this.#settle();
    const { length, limitBytes } = this.#limits;
    if (length !== undefined) {
      if (this.#bytes > length) this.#fail(`the request body is longer than the ${length} bytes that were declared`);
      return;
    }
    if (this.#bytes <= limitBytes && this.#reserve(piece.length)) return;
    this.#req.pause();
    const pieces = this.#pieces;
    this.#leave();
    this.runInAsyncScope(this.#outlet.bufferOverflowed, this.#outlet, pieces);
  };

  #settle(): void {
    const bytes = this.#bytes - this.#settledBytes;
    if (bytes < MANY_PIECES * SMALL_PIECE_BYTES) this.#pieces.push(Buffer.concat(this.#pieces.splice(this.#settled)));
    this.#settled = this.#pieces.length;
    this.#settledBytes = this.#bytes;
  }

  readonly #onEnd = (): void => {
    if (this.#left) return;
    const { length } = this.#limits;
    if (this.#req.complete === false || this.#req.aborted) this.#onBroken();
    else if (length !== undefined && this.#bytes < length) {
      this.#fail(`the request body ended after ${this.#bytes} of the ${length} bytes that were declared`);
    } else {
      const pieces = this.#pieces;
      this.#leave();
      this.runInAsyncScope(this.#outlet.bufferFull, this.#outlet, pieces, this.#bytes);
    }
  };

  readonly #onBroken = (): void => {
    if (this.#left) return; // the request is in progress, or was sent
    this.#failed(new BackendError('client_aborted', `the client left after ${this.#bytes} bytes of its request body`));
  };

  #fail(message: string): void {
    this.#failed(new BackendError('http_request_error', message));
  }

  #failed(error: BackendError): void {
    this.#leave();
    this.runInAsyncScope(this.#outlet.bufferFailed, this.#outlet, error);
  }

  #reserve(bytes: number): boolean {
    if (!this.#limits.budget.reserve(bytes)) return false;
    this.#reserved += bytes;
    return true;
  }
}
