/** Collects a request's body before a connection is taken, so that a slow client holds none. */

import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import { BodyReader, type BodyReaderEvents } from '../../body/body-reader.js';
import type { ByteBudget } from '../../client/byte-budget.js';
import type { BackendError } from '../../errors.js';

/** Gets exactly one of the calls, unless {@link BodyBuffer.release} comes first. */
export interface BufferOutlet {
  /** The whole body is here. */
  bufferFull(pieces: readonly Uint8Array[], bytes: number): void;
  /** The body is longer than may be held; the rest is still to be read. */
  bufferOverflowed(pieces: readonly Uint8Array[]): void;
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
export class BodyBuffer extends AsyncResource implements BodyReaderEvents {
  readonly #req: IncomingMessage;
  readonly #limits: BufferLimits;
  readonly #outlet: BufferOutlet;
  #reader: BodyReader | undefined;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #settled = 0; // pieces that stay as they are
  #settledBytes = 0;
  #reserved = 0;

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
    this.#reader = new BodyReader(this.#req, length, 0, this);
    this.#reader.resume();
    return true;
  }

  /** The bytes are not held any more, and no more of them are read. May be called again. */
  release(): void {
    this.#reader?.leave();
    this.#pieces = [];
    this.#limits.budget.add(-this.#reserved);
    this.#reserved = 0;
  }

  onPiece(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.byteLength;
    if (this.#pieces.length - this.#settled >= MANY_PIECES) this.#settle();
    const { length, limitBytes } = this.#limits;
    if (length !== undefined || (this.#bytes <= limitBytes && this.#reserve(piece.byteLength))) return;
    this.#reader?.leave();
    this.runInAsyncScope(this.#outlet.bufferOverflowed, this.#outlet, this.#handOut());
  }

  onEnd(): void {
    this.runInAsyncScope(this.#outlet.bufferFull, this.#outlet, this.#handOut(), this.#bytes);
  }

  onFailure(error: BackendError): void {
    this.#pieces = [];
    this.runInAsyncScope(this.#outlet.bufferFailed, this.#outlet, error);
  }

  /** They are not held here any more: otherwise a body would be held twice, in pieces and as a whole. */
  #handOut(): Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  #settle(): void {
    const bytes = this.#bytes - this.#settledBytes;
    if (bytes < MANY_PIECES * SMALL_PIECE_BYTES) this.#pieces.push(Buffer.concat(this.#pieces.splice(this.#settled)));
    this.#settled = this.#pieces.length;
    this.#settledBytes = this.#bytes;
  }

  #reserve(bytes: number): boolean {
    if (!this.#limits.budget.reserve(bytes)) return false;
    this.#reserved += bytes;
    return true;
  }
}
