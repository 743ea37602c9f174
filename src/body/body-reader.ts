/** Reads a request body that is still arriving, from any Readable: pieces, then one end or one failure. Checks the length. */

import type { Readable } from 'node:stream';
import { BackendError, isError, messageOf } from '../errors.js';
import { unshared } from '../http1/byte-copy.js';

/** What a reader reports. After `onEnd` or `onFailure` it calls nothing any more. */
export interface BodyReaderEvents {
  onPiece(piece: Uint8Array): void;
  onEnd(): void;
  onFailure(error: BackendError): void;
}

type ReaderState =
  | { readonly name: 'reading' }
  | { readonly name: 'ended' }
  | { readonly name: 'failed'; readonly error: BackendError }
  | { readonly name: 'left' };

export class BodyReader {
  readonly #stream: Readable;
  readonly #length: number | undefined;
  readonly #events: BodyReaderEvents;
  #state: ReaderState = { name: 'reading' };
  #read: number; // bytes of the whole body that have arrived
  #listening = false; // to 'data': mostly from the first `resume()` on, because that listener alone makes a stream flow
  #flowing = false;

  /** `length` was declared for the whole body; `read` bytes of the body have arrived before. */
  constructor(stream: Readable, length: number | undefined, read: number, events: BodyReaderEvents) {
    this.#stream = stream;
    this.#length = length;
    this.#read = read;
    this.#events = events;
    if (length !== undefined && read > length) this.#fail(tooLong(length));
    else if (stream.errored) this.#onError(stream.errored);
    else if (stream.readableEnded) this.#onEnd();
    else if (stream.destroyed) this.#onClose();
    else stream.on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
    // Other code reads it, too, and has set it flowing: what comes before the first `resume()` would be lost.
    if (stream.readableFlowing === true) {
      this.resume();
      this.pause();
    }
  }

  get ended(): boolean {
    return this.#state.name === 'ended';
  }

  get failure(): BackendError | undefined {
    return this.#state.name === 'failed' ? this.#state.error : undefined;
  }

  /** Lets pieces come, until `pause()`. */
  resume(): void {
    if (this.#flowing || this.#state.name !== 'reading') return;
    this.#flowing = true;
    if (!this.#listening) this.#stream.on('data', this.#onData);
    this.#listening = true;
    this.#stream.resume();
  }

  pause(): void {
    this.#flowing = false;
    // Even if it was paused before: other code may have set the stream flowing again.
    if (this.#listening && this.#state.name === 'reading') this.#stream.pause();
  }

  /** Leaves the stream to its owner, paused. */
  leave(): void {
    if (this.#state.name !== 'reading') return;
    // Removing a 'data' listener alone would let the stream run on and lose what comes.
    this.pause();
    this.#settle({ name: 'left' });
  }

  readonly #onData = (chunk: unknown): void => {
    // off() may not find a listener that a middleware has wrapped (cls-hooked, while the event is emitted). Without this question the
    // request would be sent once more for each further piece, and for its end.
    if (this.#state.name !== 'reading') return;
    const piece = asBytes(chunk, this.#stream.readableEncoding);
    if (piece === undefined) {
      this.#fail(wrongPiece(chunk));
      return;
    }
    if (piece.byteLength === 0) return;
    this.#read += piece.byteLength;
    if (this.#length !== undefined && this.#read > this.#length) this.#fail(tooLong(this.#length));
    else this.#events.onPiece(unshared(piece));
  };

  readonly #onEnd = (): void => {
    if (this.#state.name !== 'reading') return;
    if (this.#length !== undefined && this.#read < this.#length) {
      const found = `the request body ended after ${this.#read} of the ${this.#length} bytes that were declared`;
      this.#fail(new BackendError('http_request_error', found));
    } else if ('complete' in this.#stream && this.#stream.complete === false) {
      this.#onClose(); // an IncomingMessage that was cut off
    } else {
      this.#settle({ name: 'ended' });
      this.#events.onEnd();
    }
  };

  readonly #onError = (cause: unknown): void => {
    if (isOfNull(cause)) {
      this.#fail(wrongPiece(null));
      return;
    }
    const message = `the request body failed after ${this.#read} bytes: ${messageOf(cause)}`;
    this.#fail(new BackendError('client_aborted', message, { cause }));
  };

  readonly #onClose = (): void => {
    this.#fail(new BackendError('client_aborted', `the request body was cut off after ${this.#read} bytes`));
  };

  #fail(error: BackendError): void {
    if (this.#state.name !== 'reading') return;
    this.pause();
    this.#settle({ name: 'failed', error });
    this.#events.onFailure(error);
  }

  #settle(state: ReaderState): void {
    this.#state = state;
    this.#stream.off('data', this.#onData).off('end', this.#onEnd);
    this.#stream.off('error', this.#onError).off('close', this.#onClose);
  }
}

function tooLong(length: number): BackendError {
  return new BackendError(
    'http_request_error',
    `the request body is longer than the ${length} bytes that were declared`,
  );
}

function asBytes(chunk: unknown, encoding: BufferEncoding | null): Uint8Array | undefined {
  if (chunk instanceof Uint8Array) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding ?? 'utf8');
  // A view of other numbers, or a Uint8Array of another realm.
  return ArrayBuffer.isView(chunk) ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength) : undefined;
}

function wrongPiece(value: unknown): BackendError {
  const what = value === null ? 'null' : `a value of type ${typeof value}`;
  return new BackendError('http_request_error', `a request body must consist of bytes or strings, got ${what}`);
}

/**
 * Whether the error says that an iterable gave `null`, which a stream cannot carry. If the iterator fails in its turn when it is told
 * so, as `yield*` over an array does, newer Node versions give both errors in one AggregateError. Only that list is read: an error of
 * the user's may stand in its own.
 */
function isOfNull(error: unknown): boolean {
  const errors: unknown = isError(error) && 'errors' in error ? error.errors : undefined;
  const all: readonly unknown[] = Array.isArray(errors) ? errors : [error];
  return all.some((one) => isError(one) && 'code' in one && one.code === 'ERR_STREAM_NULL_VALUES');
}
