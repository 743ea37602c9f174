/** A request body that is completely in memory: it can be sent any number of times. */

import type { BodyTarget } from '../connection/body-source.js';
import { BackendError } from '../errors.js';
import type { ReplayBody } from './replay-body.js';

/** One pass: from `begin()` until the end or `detach()`. */
interface Pass {
  readonly target: BodyTarget;
  waiting: boolean; // the target asked us to stop
  drained: boolean; // the target called drained() before its write() returned
}

export const NO_TRAILERS: readonly string[] = [];

export class MemoryBody implements ReplayBody {
  readonly length: number | undefined;
  readonly whole: Uint8Array | string;
  readonly #bytes: number;
  readonly #trailers: readonly string[];
  #pass: Pass | undefined;
  #givenBytes = 0;
  #abandoned = false;

  /** `whole`: bytes, or text in ASCII. With trailers the body has no declared length. */
  constructor(whole: Uint8Array | string, trailers: readonly string[] = NO_TRAILERS) {
    // Only chunks can be followed by trailers (RFC 9112 §7.1.2).
    this.length = trailers.length === 0 ? whole.length : undefined;
    this.whole = whole;
    this.#bytes = whole.length;
    this.#trailers = trailers;
  }

  /** From text, which is sent in UTF-8. */
  static ofText(text: string, trailers?: readonly string[]): MemoryBody {
    const isAscii = Buffer.byteLength(text) === text.length;
    return new MemoryBody(isAscii ? text : Buffer.from(text), trailers);
  }

  get replayable(): boolean {
    return !this.#abandoned;
  }

  get willBeSpent(): boolean {
    return false;
  }

  get givenBytes(): number {
    return this.#givenBytes;
  }

  begin(target: BodyTarget): void {
    if (this.#pass !== undefined) throw new Error('begin() while the body is being given to another target');
    if (this.#abandoned) throw new Error('begin() on a body that is abandoned');
    // A buffer that was transferred to a worker is empty here. Sending another length than announced would break the framing.
    if (this.whole.length !== this.#bytes) {
      target.fail(
        new BackendError('http_request_error', `the ${this.#bytes} bytes of the request body were taken away`),
      );
      return;
    }
    const pass: Pass = { target, waiting: false, drained: false };
    this.#pass = pass;
    const hasRoom = this.#giveAll(target);
    if (this.#pass !== pass) return;
    if (hasRoom || pass.drained) this.#end(pass);
    else pass.waiting = true;
  }

  #giveAll(target: BodyTarget): boolean {
    const { whole } = this;
    // An empty piece must never reach a target: in chunked coding it would be the end of the body.
    if (whole.length === 0) return true;
    this.#givenBytes = whole.length;
    return target.write(typeof whole === 'string' ? Buffer.from(whole) : whole);
  }

  drained(): void {
    const pass = this.#pass;
    if (pass === undefined) return;
    if (pass.waiting) this.#end(pass);
    else pass.drained = true;
  }

  #end({ target }: Pass): void {
    this.#pass = undefined;
    target.end(this.#trailers);
  }

  detach(): void {
    this.#pass = undefined;
  }

  watch(): void {} // it cannot fail

  abandon(): void {
    this.#pass = undefined;
    this.#abandoned = true;
  }
}
