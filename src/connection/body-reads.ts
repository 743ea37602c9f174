/**
 * Chooses the memory that a connection reads into. Usually this is the window that all connections share, and everything is copied from it.
 * In the middle of a long body it is memory of the connection's own, which is handed on without a copy.
 */

import type { BackendError } from '../errors.js';
import type { ResponseParser } from '../http1/response-parser.js';
import type { Intake } from './dial.js';

/**
 * What a receiver of body bytes answers. `true`: read on. `false`: stop. `'written'`: read on, and the kernel has the bytes, so that their
 * memory is free again.
 */
export type Taken = boolean | 'written';

const BUFFER_BYTES = 65_536;

// A buffer is handed on without a copy only if a read brought at least this much. So what waits for a slow client holds at most twice its
// bytes.
const LENT_BYTES = BUFFER_BYTES / 2;

const MOST_FREE = 16;
const freeBuffers: Buffer[] = [];

/**
 * This way a response of 1 MiB costs 0.4 ms of CPU instead of 0.8. Copying is an eighth of the difference; the rest is what it takes to
 * allocate and collect the memory for the copies (bench/README.md).
 */
export class BodyReads {
  readonly #intake: Intake;
  readonly #parser: ResponseParser;
  #own: Buffer | undefined; // the next read goes here
  #lent = false; // the last read was handed on without a copy

  constructor(intake: Intake, parser: ResponseParser) {
    this.#intake = intake;
    this.#parser = parser;
  }

  /** Gives the parser the `count` bytes of a read. */
  feed(count: number): BackendError | undefined {
    const own = this.#own;
    if (own === undefined) return this.#parser.readWindow(count);
    this.#lent = count >= LENT_BYTES;
    const bytes = own.subarray(0, count);
    return this.#parser.readOwn(this.#lent ? bytes : Buffer.from(bytes));
  }

  /**
   * Chooses the memory for the next read, which will bring a part of `bytesLeft`. `taken` is what the receiver answered to the last one.
   */
  next(taken: Taken, bytesLeft: number): void {
    const { readInto } = this.#intake;
    if (readInto === undefined) return;
    // The end of a body goes through the window, and so does everything that may follow it.
    const wanted = bytesLeft > BUFFER_BYTES && bytesLeft !== Number.POSITIVE_INFINITY;
    const kept = this.#lent && taken !== 'written' ? undefined : this.#own;
    this.#lent = false;
    if (kept !== undefined && !wanted && freeBuffers.length < MOST_FREE) freeBuffers.push(kept);
    const own = wanted ? (kept ?? freeBuffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)) : undefined;
    if (own === this.#own) return;
    this.#own = own;
    readInto(own);
  }
}
