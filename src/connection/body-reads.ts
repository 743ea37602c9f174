/**
 * Where a connection reads to: the window that all share, from which everything is copied, or, in the middle of a long
 * body, memory of its own, which is handed on as it is.
 */

import type { BackendError } from '../errors.js';
import type { ResponseParser } from '../http1/response-parser.js';
import type { Intake } from './dial.js';

/** What a receiver of body bytes answers: go on, stop, or go on, and the bytes are with the kernel: they are free again. */
export type Taken = boolean | 'written';

const BUFFER_BYTES = 65_536;

// A buffer is lent for this much at the least, so that what waits for a slow client holds at most twice its bytes.
const LENT_BYTES = BUFFER_BYTES / 2;

const MOST_SPARES = 16;
const spares: Buffer[] = [];

/**
 * A response of 1 MiB costs 0.4 ms instead of 0.8 of CPU that way: copies are an eighth of the difference, the rest is what
 * it takes to allocate and collect the memory for them (bench/README.md).
 */
export class BodyReads {
  readonly #intake: Intake;
  readonly #parser: ResponseParser;
  #own: Buffer | undefined; // the next read goes there
  #lent = false; // the last one was handed on

  constructor(intake: Intake, parser: ResponseParser) {
    this.#intake = intake;
    this.#parser = parser;
  }

  /** Feeds what a read has brought. */
  feed(count: number): BackendError | undefined {
    const own = this.#own;
    if (own === undefined) return this.#parser.readWindow(count);
    this.#lent = count >= LENT_BYTES;
    const bytes = own.subarray(0, count);
    return this.#parser.readOwn(this.#lent ? bytes : Buffer.from(bytes));
  }

  /** Chooses where the next read goes, which will bring a part of `bytesLeft`. */
  next(taken: Taken, bytesLeft: number): void {
    const { readInto } = this.#intake;
    if (readInto === undefined) return;
    // The end of a body goes through the window, and with it all that may follow.
    const wanted = bytesLeft > BUFFER_BYTES && bytesLeft !== Number.POSITIVE_INFINITY;
    const kept = this.#lent && taken !== 'written' ? undefined : this.#own;
    this.#lent = false;
    if (kept !== undefined && !wanted && spares.length < MOST_SPARES) spares.push(kept);
    const own = wanted ? (kept ?? spares.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)) : undefined;
    if (own === this.#own) return;
    this.#own = own;
    readInto(own);
  }
}
