/** A request body of which all is in memory: it can be given out any number of times. */

import type { BodyTarget } from '../connection/exchange.js';
import type { ReplayBody } from './replay-body.js';

const NO_TRAILERS: readonly string[] = [];

export class MemoryBody implements ReplayBody {
  readonly length: number | undefined;
  readonly whole: Uint8Array | string;
  readonly #trailers: readonly string[];
  #target: BodyTarget | undefined; // of the run
  #waiting = false; // the target asked us to stop
  #drained = false; // the target took that back before its write() returned
  #givenBytes = 0;
  #abandoned = false;

  /** `whole`: bytes, or text in ASCII. With trailers the body has no declared length. */
  constructor(whole: Uint8Array | string, trailers: readonly string[] = NO_TRAILERS) {
    // Only chunks can be followed by trailers (RFC 9112 §7.1.2).
    this.length = trailers.length === 0 ? whole.length : undefined;
    this.whole = whole;
    this.#trailers = trailers;
  }

  /** Of text whose bytes are sent in UTF-8. */
  static ofText(text: string, trailers?: readonly string[]): MemoryBody {
    const isAscii = Buffer.byteLength(text) === text.length;
    return new MemoryBody(isAscii ? text : Buffer.from(text), trailers);
  }

  get replayable(): boolean {
    return !this.#abandoned;
  }

  get givenBytes(): number {
    return this.#givenBytes;
  }

  begin(target: BodyTarget): void {
    if (this.#target !== undefined) throw new Error('begin() while the body is being given to another target');
    if (this.#abandoned) throw new Error('begin() on a body that is abandoned');
    this.#target = target;
    this.#drained = false;
    // An empty piece must never reach a target: in chunked coding it would be the end of the body.
    const hasRoom = this.whole.length === 0 || this.#giveAll(target);
    if (this.#target !== target) return;
    this.#waiting = !hasRoom && !this.#drained;
    if (!this.#waiting) this.#end(target);
  }

  #giveAll(target: BodyTarget): boolean {
    const { whole } = this;
    this.#givenBytes = whole.length;
    return target.write(typeof whole === 'string' ? Buffer.from(whole, 'latin1') : whole);
  }

  drained(): void {
    this.#drained = true;
    const target = this.#target;
    if (target === undefined || !this.#waiting) return;
    this.#waiting = false;
    this.#end(target);
  }

  #end(target: BodyTarget): void {
    this.#target = undefined;
    target.end(this.#trailers);
  }

  detach(): void {
    this.#target = undefined;
    this.#waiting = false;
  }

  abandon(): void {
    this.detach();
    this.#abandoned = true;
  }
}
