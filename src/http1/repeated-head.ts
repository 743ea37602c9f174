/**
 * Origins send the same head again and again, as long as their clock shows the same second. A head that came twice in a row is recognised
 * by its bytes when it comes again. Reading the response then takes a tenth of the time (bench/micro).
 */

import type { ResponseHead } from './response-head.js';

export class RepeatedHead {
  #text = ''; // of the head that was read last
  #bytes: Buffer | undefined; // of the head that came twice
  #method = ''; // of the request that it answered
  #head: ResponseHead | undefined;

  /** Length of the known head in bytes; 0 if there is none. */
  get length(): number {
    return this.#bytes?.length ?? 0;
  }

  /**
   * Returns the known head if it answers `method`, and `bytes` has it at `from`. This is the same object each time, which must not be
   * changed.
   */
  find(bytes: Buffer, from: number, end: number, method: string): ResponseHead | undefined {
    const known = this.#bytes;
    if (known === undefined || method !== this.#method || end - from < known.length) return undefined;
    return bytes.compare(known, 0, known.length, from, from + known.length) === 0 ? this.#head : undefined;
  }

  /** Notes a head that was read from `text` and that answers a request of `method`. */
  add(text: string, head: ResponseHead, method: string): void {
    const comesAgain = text === this.#text;
    this.#text = text;
    // llhttp reads the chunks of a body, so it must have read the head before them.
    if (!comesAgain || head.framing.kind === 'chunked') return;
    // Not from the pool of Buffer: it would hold all 8 KiB that it was cut from.
    this.#bytes = Buffer.allocUnsafeSlow(text.length);
    this.#bytes.write(text, 'latin1');
    this.#method = method;
    this.#head = head;
  }
}
