/** A request body that is still arriving. What was given out is kept, up to a bound, to be given out again. */

import type { Readable } from 'node:stream';
import type { BodyTarget } from '../connection/body-source.js';
import { asBackendError, type BackendError } from '../errors.js';
import { BodyReader } from './body-reader.js';
import { NO_TRAILERS } from './memory-body.js';
import type { BodyWatcher, ReplayBody } from './replay-body.js';

/** How a live body is to be read. */
export interface StreamBodyOptions {
  /** The length that was declared for the whole, prefix included; `undefined` = unknown (chunked). */
  readonly length: number | undefined;
  /** How many bytes that were given out are kept for another pass. One byte more and the body is spent. */
  readonly replayBytes: number;
  /** What was read from the source before. @default nothing */
  readonly prefix?: readonly Uint8Array[] | undefined;
  /** Asked once the source has ended. @default none */
  readonly trailers?: (() => readonly string[]) | undefined;
}

/** One pass: from `begin()` until the end, a failure or `detach()`. */
interface Pass {
  readonly target: BodyTarget;
  next: number; // index in #held of the piece to give
  offset: number; // bytes given in this pass
  waiting: boolean; // the target asked us to stop
  drained: boolean; // the target called drained() before its write() returned
  giving: boolean; // a loop further up the stack is giving; it goes on when we return
}

const noTrailers = () => NO_TRAILERS;
const NO_BYTES = new Uint8Array(0);
// A client that sends byte by byte would cost us a hundred bytes of objects for each one kept: such pieces are joined.
const MANY_PIECES = 256;
const SMALL_PIECE_BYTES = 1024;

export class StreamBody implements ReplayBody {
  readonly length: number | undefined;
  readonly whole = undefined;
  readonly #reader: BodyReader;
  readonly #replayBytes: number;
  readonly #trailers: () => readonly string[];
  #held: Uint8Array[]; // first the pieces given out and kept, then those not given out yet
  #pass: Pass | undefined;
  #watcher: BodyWatcher | undefined;
  #givenBytes = 0;
  #spent = false; // bytes were given out that are not kept any more: there cannot be another pass
  #abandoned = false;

  /**
   * The source is listened to from now on, for its failure, but it is read only while a pass is under way. Its chunks may be
   * bytes or strings.
   */
  constructor(source: Readable, options: StreamBodyOptions) {
    this.length = options.length;
    this.#replayBytes = options.replayBytes;
    this.#trailers = options.trailers ?? noTrailers;
    // An empty piece must never reach a target: in chunked coding it would be the end of the body.
    this.#held = (options.prefix ?? []).filter((piece) => piece.byteLength > 0);
    this.#reader = new BodyReader(source, options.length, this.heldBytes, {
      onPiece: (piece) => this.#take(piece),
      onEnd: () => this.#give(),
      onFailure: (error) => this.#fail(error),
    });
  }

  get givenBytes(): number {
    return this.#givenBytes;
  }

  /** Bytes of the body that are in memory: kept for another pass, or not given out yet. */
  get heldBytes(): number {
    return this.#held.reduce(addLength, 0);
  }

  get replayable(): boolean {
    return !this.#spent && !this.#abandoned && this.#reader.failure === undefined;
  }

  get willBeSpent(): boolean {
    return (this.length ?? this.heldBytes) > this.#replayBytes;
  }

  /** Gives the body to `target` from its first byte: what was kept at once, then what arrives. */
  begin(target: BodyTarget): void {
    if (this.#pass !== undefined) throw new Error('begin() while the body is being given to another target');
    if (this.#spent || this.#abandoned) {
      throw new Error(`begin() on a body that is ${this.#spent ? 'spent' : 'abandoned'}`);
    }
    this.#pass = { target, next: 0, offset: 0, waiting: false, drained: false, giving: false };
    const failure = this.#reader.failure;
    if (failure === undefined) this.#give();
    else this.#fail(failure);
  }

  /** The target has room again. */
  drained(): void {
    const pass = this.#pass;
    if (pass === undefined) return;
    pass.waiting = false;
    pass.drained = true;
    this.#give();
  }

  /**
   * Ends the pass: the target is not called again, the source is paused. When this is called from inside `write()`, the body
   * keeps that piece and is not spent by it: so a write that the kernel refused can always be repeated.
   */
  detach(): void {
    this.#pass = undefined;
    this.#reader.pause();
  }

  watch(watcher: BodyWatcher): void {
    this.#watcher = watcher;
    const { failure } = this.#reader;
    if (failure !== undefined) watcher.bodyFailed(failure);
  }

  /** There will be no further pass. The rest of the source is left to its owner: paused, without a listener of ours. */
  abandon(): void {
    this.#pass = undefined;
    this.#watcher = undefined;
    this.#abandoned = true;
    this.#held = [];
    this.#reader.leave();
  }

  #take(piece: Uint8Array): void {
    this.#held.push(piece);
    const pass = this.#pass;
    // Pieces may come after `pause()`: not every stream stops at once.
    if (pass === undefined || pass.waiting) this.#reader.pause();
    else this.#give();
  }

  #give(): void {
    const pass = this.#pass;
    if (pass === undefined || pass.giving) return;
    pass.giving = true;
    while (this.#pass === pass && !pass.waiting && pass.next < this.#held.length) this.#giveOne(pass);
    pass.giving = false;
    if (this.#pass !== pass) return;
    if (pass.waiting) {
      this.#reader.pause();
    } else if (this.#reader.ended) {
      this.#pass = undefined;
      this.#end(pass.target);
    } else {
      this.#reader.resume();
    }
  }

  #end(target: BodyTarget): void {
    let trailers: readonly string[];
    try {
      trailers = this.#trailers();
    } catch (thrown) {
      target.fail(asBackendError(thrown));
      return;
    }
    target.end(trailers);
  }

  #giveOne(pass: Pass): void {
    const piece = this.#held[pass.next] ?? NO_BYTES;
    pass.next += 1;
    pass.offset += piece.byteLength;
    if (pass.offset > this.#givenBytes) this.#givenBytes = pass.offset;
    pass.drained = false;
    const hasRoom = pass.target.write(piece);
    if (this.#pass !== pass) return;
    pass.waiting = !hasRoom && !pass.drained;
    if (this.#spent) this.#forget(pass, pass.next - 1);
    else if (pass.offset > this.#replayBytes) {
      this.#spent = true;
      this.#forget(pass, 0);
    } else if (pass.next > MANY_PIECES && pass.offset < pass.next * SMALL_PIECE_BYTES) this.#join(pass);
  }

  /** Forgets the pieces that were given out, from the piece `first` on. */
  #forget(pass: Pass, first: number): void {
    if (pass.next < this.#held.length) {
      this.#held.fill(NO_BYTES, first, pass.next);
      return;
    }
    this.#held = [];
    pass.next = 0;
  }

  #join(pass: Pass): void {
    const given = this.#held.slice(0, pass.next);
    this.#held = [Buffer.concat(given), ...this.#held.slice(pass.next)];
    pass.next = 1;
  }

  #fail(error: BackendError): void {
    const pass = this.#pass;
    this.#pass = undefined;
    this.#held = [];
    if (pass === undefined) this.#watcher?.bodyFailed(error);
    else pass.target.fail(error);
  }
}

function addLength(sum: number, piece: Uint8Array): number {
  return sum + piece.byteLength;
}
