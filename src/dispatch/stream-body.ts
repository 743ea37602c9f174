/** A request body that is still arriving. What was given out is kept, up to a bound, to be given out again. */

import type { Readable } from 'node:stream';
import type { BodyTarget } from '../connection/exchange.js';
import { asBackendError, type BackendError } from '../errors.js';
import { BodyReader } from './body-reader.js';
import type { BodyWatcher, ReplayBody } from './replay-body.js';

/** How a live body is to be read. */
export interface StreamBodyOptions {
  /** The length that was declared for the whole, prefix included; `undefined` = unknown (chunked). */
  readonly length: number | undefined;
  /** How many bytes that were given out are kept for another run. One byte more and the body is spent. */
  readonly replayBytes: number;
  /** What was read from the source before. @default nothing */
  readonly prefix?: readonly Uint8Array[] | undefined;
  /** Asked once the source has ended. @default none */
  readonly trailers?: (() => readonly string[]) | undefined;
}

/** One run: from `begin()` until the end, a failure or `detach()`. */
interface Run {
  readonly target: BodyTarget;
  next: number; // index in #held of the piece to give
  offset: number; // bytes given in this run
  waiting: boolean; // the target asked us to stop
  drained: boolean; // the target took that back before its write() returned
  giving: boolean; // a loop further up the stack is giving; it goes on when we return
}

const NO_TRAILERS: readonly string[] = [];
const noTrailers = () => NO_TRAILERS;
const NOTHING = new Uint8Array(0);
// A client that sends byte by byte would cost us a hundred bytes of objects for each one kept: such pieces are joined.
const MANY_PIECES = 256;
const SMALL_PIECE_BYTES = 1024;

export class StreamBody implements ReplayBody {
  readonly length: number | undefined;
  readonly whole = undefined;
  readonly #reader: BodyReader;
  readonly #replayBytes: number;
  readonly #trailers: () => readonly string[];
  #held: Uint8Array[]; // given out and kept, then not given out yet
  #run: Run | undefined;
  #watcher: BodyWatcher | undefined;
  #givenBytes = 0;
  #spent = false; // bytes were given out that are not kept any more: there cannot be another run
  #abandoned = false;

  /**
   * The source is listened to from now on, for its failure, but it is read only while a run is under way. Its chunks may be
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

  /** Bytes of the body that are in memory for its sake: kept for another run, or not given out yet. */
  get heldBytes(): number {
    return this.#held.reduce(addLength, 0);
  }

  get replayable(): boolean {
    return !this.#spent && !this.#abandoned && this.#reader.failure === undefined;
  }

  /** Gives the body to `target` from its first byte: what was kept at once, then what arrives. */
  begin(target: BodyTarget): void {
    if (this.#run !== undefined) throw new Error('begin() while the body is being given to another target');
    if (this.#spent || this.#abandoned) {
      throw new Error(`begin() on a body that is ${this.#spent ? 'spent' : 'abandoned'}`);
    }
    this.#run = { target, next: 0, offset: 0, waiting: false, drained: false, giving: false };
    const failure = this.#reader.failure;
    if (failure === undefined) this.#give();
    else this.#fail(failure);
  }

  /** The target has room again. */
  drained(): void {
    const run = this.#run;
    if (run === undefined) return;
    run.waiting = false;
    run.drained = true;
    this.#give();
  }

  /**
   * Cuts the run: the target is not called again, the source is paused. Called from inside `write()` it leaves that
   * piece with the body, which is then not spent by it: so a write that the kernel refused can always be repeated.
   */
  detach(): void {
    this.#run = undefined;
    this.#reader.pause();
  }

  watch(watcher: BodyWatcher): void {
    this.#watcher = watcher;
    const { failure } = this.#reader;
    if (failure !== undefined) watcher.bodyFailed(failure);
  }

  /** There will be no further run. The rest of the source is left to its owner: paused, without a listener of ours. */
  abandon(): void {
    this.#run = undefined;
    this.#watcher = undefined;
    this.#abandoned = true;
    this.#held = [];
    this.#reader.leave();
  }

  #take(piece: Uint8Array): void {
    this.#held.push(piece);
    const run = this.#run;
    // Not every stream stops at once.
    if (run === undefined || run.waiting) this.#reader.pause();
    else this.#give();
  }

  #give(): void {
    const run = this.#run;
    if (run === undefined || run.giving) return;
    run.giving = true;
    while (this.#run === run && !run.waiting && run.next < this.#held.length) this.#giveOne(run);
    run.giving = false;
    if (this.#run !== run) return;
    if (run.waiting) {
      this.#reader.pause();
    } else if (this.#reader.ended) {
      this.#run = undefined;
      this.#end(run.target);
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

  #giveOne(run: Run): void {
    const piece = this.#held[run.next] ?? NOTHING;
    run.next += 1;
    run.offset += piece.byteLength;
    if (run.offset > this.#givenBytes) this.#givenBytes = run.offset;
    run.drained = false;
    const hasRoom = run.target.write(piece);
    if (this.#run !== run) return;
    run.waiting = !hasRoom && !run.drained;
    if (this.#spent) this.#forget(run, run.next - 1);
    else if (run.offset > this.#replayBytes) {
      this.#spent = true;
      this.#forget(run, 0);
    } else if (run.next > MANY_PIECES && run.offset < run.next * SMALL_PIECE_BYTES) this.#join(run);
  }

  /** Lets go of what was given out, from the piece `first` on. */
  #forget(run: Run, first: number): void {
    if (run.next < this.#held.length) {
      this.#held.fill(NOTHING, first, run.next);
      return;
    }
    this.#held = [];
    run.next = 0;
  }

  #join(run: Run): void {
    const given = this.#held.slice(0, run.next);
    this.#held = [Buffer.concat(given), ...this.#held.slice(run.next)];
    run.next = 1;
  }

  #fail(error: BackendError): void {
    const run = this.#run;
    this.#run = undefined;
    this.#held = [];
    if (run === undefined) this.#watcher?.bodyFailed(error);
    else run.target.fail(error);
  }
}

function addLength(sum: number, piece: Uint8Array): number {
  return sum + piece.byteLength;
}
