/** Parses the responses of one connection, from bytes to events. It is strict where a lax reader could be misled. */

import { BackendError } from '../errors.js';
import { copyOf } from './byte-copy.js';
import { ChunkedBody } from './chunked-body.js';
import { HeadReader } from './head-reader.js';
import { Llhttp, type Region, regions, WINDOW_BYTES } from './llhttp.js';
import type { ParserLimits } from './parser-limits.js';
import type { RepeatedHead } from './repeated-head.js';
import { type ResponseEvents, UntoldEvents } from './response-events.js';
import { isTunnel, type ResponseFraming, type ResponseHead } from './response-head.js';

/**
 * The state of a parser. `idle`: before the first request. `upgraded`: after a 101, or a 2xx to CONNECT, that was asked for. What follows
 * is not HTTP, and not parsed.
 */
export type ParserState = 'idle' | 'head' | 'body' | 'complete' | 'upgraded' | 'failed';

const NO_FIELDS: readonly string[] = Object.freeze([]);

export class ResponseParser {
  readonly #untold: UntoldEvents; // of the current piece, until that was read to its end
  readonly #limits: ParserLimits;
  readonly #llhttp = new Llhttp();
  readonly #heads: HeadReader;
  #chunked: ChunkedBody | undefined; // made for the first chunked response

  #state: ParserState = 'idle';
  #method = '';
  #expectsUpgrade = false;
  #sawBytes = false;
  #leftover: Buffer | undefined;
  #failure: BackendError | undefined;

  #base = 0; // offset of the current piece's first byte, from the start of the head that is or was last read
  #interimCount = 0;
  #framing: ResponseFraming | undefined; // of the body
  #bodyBytes = 0; // decoded so far

  /** @throws BackendError `proxy_internal_error` when there is no room for another parser. */
  constructor(events: ResponseEvents, limits: ParserLimits, repeated?: RepeatedHead) {
    this.#untold = new UntoldEvents(events);
    this.#limits = limits;
    this.#heads = new HeadReader(this.#llhttp, limits, repeated);
  }

  get state(): ParserState {
    return this.#state;
  }

  /** Whether any byte came since `begin`, even of an interim response. */
  get sawBytes(): boolean {
    return this.#sawBytes;
  }

  /**
   * What followed the end of the message in the same read, or everything that came after it when `upgraded`. Bytes after
   * a complete response belong to no request: the connection must not be used again.
   */
  get leftover(): Buffer | undefined {
    return this.#leftover;
  }

  /** Gets ready for the response to a request of `method`. `expectsUpgrade`: the request asked for a 101 or a tunnel. */
  begin(method: string, expectsUpgrade = false): void {
    this.#llhttp.assertAlive();
    this.#untold.turn++;
    this.#state = 'head';
    this.#method = method;
    this.#expectsUpgrade = expectsUpgrade;
    this.#sawBytes = false;
    this.#leftover = undefined;
    this.#failure = undefined;
    this.#interimCount = 0;
    this.#framing = undefined;
    this.#bodyBytes = 0;
    this.#base = 0;
    this.#heads.begin();
  }

  /** Parses bytes that are not in the window. Returns why the response is refused. */
  read(bytes: Uint8Array): BackendError | undefined {
    const { side } = regions();
    let error: BackendError | undefined;
    const { turn } = this.#untold;
    for (let from = 0; from < bytes.length && error === undefined && turn === this.#untold.turn; from += WINDOW_BYTES) {
      const piece = bytes.subarray(from, from + WINDOW_BYTES);
      side.bytes.set(piece);
      this.#take(side, piece.length);
      const rest = from + WINDOW_BYTES;
      if (rest < bytes.length && this.#isOver()) {
        this.#keep(bytes.subarray(rest));
        return this.#untold.tell(this.#failure);
      }
      error = this.#untold.tell(this.#failure);
    }
    return error;
  }

  /** Parses the first `count` bytes of the read window (see `readWindow` in llhttp.ts). Returns why the response is refused. */
  readWindow(count: number): BackendError | undefined {
    this.#take(regions().window, count);
    return this.#untold.tell(this.#failure);
  }

  /** Parses bytes that the caller will not reuse: body bytes of known length are passed on without a copy. */
  readOwn(bytes: Buffer): BackendError | undefined {
    if (this.#state !== 'body' || this.#framing?.kind !== 'length') return this.read(bytes);
    this.#take({ bytes, address: -1 }, bytes.length);
    return this.#untold.tell(this.#failure);
  }

  /** The origin has closed. Completes a body that lasts until then; otherwise returns `http_response_incomplete`. */
  finish(): BackendError | undefined {
    if (this.#state === 'failed') return this.#failure;
    if (this.#state !== 'head' && this.#state !== 'body') return undefined;
    if (this.#framing?.kind === 'until-close') {
      this.#end(NO_FIELDS);
      return this.#untold.tell(this.#failure);
    }
    const message = `the origin closed the connection ${this.#whereabouts()}`;
    this.#state = 'failed';
    this.#failure = new BackendError('http_response_incomplete', message);
    return this.#failure;
  }

  /** Gives the memory of the parser back. Harmless when repeated. */
  free(): void {
    this.#untold.turn++;
    if (!this.#isOver()) this.#state = 'failed';
    this.#llhttp.free();
  }

  /** Parses a whole piece. {@link UntoldEvents.tell} passes on what was found. */
  #take(region: Region, length: number): void {
    if (length === 0 || (this.#state === 'failed' && !this.#llhttp.freed)) return;
    this.#sawBytes = true;
    let from = 0;
    try {
      this.#llhttp.assertAlive();
      if (this.#state === 'idle') {
        throw new BackendError('http_protocol_error', `the origin sent ${length} bytes without being asked`);
      }
      while (from < length && this.#state === 'head') from = this.#takeHead(region, from, length);
      if (from < length && this.#state === 'body') from = this.#takeBody(region, from, length);
    } catch (error) {
      if (!BackendError.is(error)) throw error;
      this.#state = 'failed';
      this.#failure = error;
    }
    this.#base += length;
    if (from < length && this.#isOver()) this.#keep(region.bytes.subarray(from, length));
  }

  /** Reads a head from `from` on. Returns where the rest of the piece begins. */
  #takeHead(region: Region, from: number, length: number): number {
    const end = this.#heads.take(region, from, length, this.#base, this.#method);
    const { head } = this.#heads;
    if (head === undefined) return end;
    if (head.statusCode >= 200 || head.statusCode === 101) this.#tookHead(head, this.#base + end);
    else {
      this.#tookInterim(head);
      this.#base = -end;
      this.#heads.begin();
    }
    return end;
  }

  #tookInterim(head: ResponseHead): void {
    this.#interimCount++;
    if (this.#interimCount > this.#limits.maxInterim) {
      const message = `the origin sent more than ${this.#limits.maxInterim} interim responses before a final one`;
      throw new BackendError('http_protocol_error', message);
    }
    this.#untold.interim ??= [];
    this.#untold.interim.push(head);
  }

  /** A final head, which ends at the offset `end`. */
  #tookHead(head: ResponseHead, end: number): void {
    const { framing, statusCode } = head;
    const tunnel = isTunnel(this.#method, statusCode);
    if (tunnel && !this.#expectsUpgrade) {
      const message = `the origin switched protocols (${statusCode}) without being asked`;
      throw new BackendError('http_protocol_error', message);
    }
    // A body that llhttp does not take for chunked would reach us undecoded, up to the end of the connection.
    if (framing.kind === 'chunked' && this.#llhttp.needsEof) {
      throw new BackendError('http_response_transfer_coding', "the origin's Transfer-Encoding is not plainly chunked");
    }
    this.#framing = framing;
    this.#untold.head = head;
    if (tunnel) this.#state = 'upgraded';
    else if (framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0)) this.#end(NO_FIELDS);
    else {
      this.#state = 'body';
      if (framing.kind === 'chunked') {
        this.#chunked ??= new ChunkedBody(this.#llhttp, this.#limits);
        this.#chunked.begin(end);
      }
    }
  }

  /** Reads a body from `from` on. Returns where the rest of the piece begins. */
  #takeBody(region: Region, from: number, length: number): number {
    const framing = this.#framing;
    const chunked = this.#chunked;
    if (framing?.kind === 'chunked' && chunked !== undefined) return this.#takeChunks(chunked, region, from, length);
    // llhttp would only count and copy these bodies, so none of their bytes goes through it.
    const end = framing?.kind === 'length' ? Math.min(length, from + framing.bytes - this.#bodyBytes) : length;
    const { address, bytes } = region; // below 0: the caller's memory, which is not read into again
    this.#tookBody(address < 0 ? bytes.subarray(from, end) : copyOf(bytes, from, end));
    if (framing?.kind === 'length' && this.#bodyBytes === framing.bytes) this.#end(NO_FIELDS);
    return end;
  }

  #takeChunks(chunked: ChunkedBody, region: Region, from: number, length: number): number {
    const end = chunked.take(region, from, length, this.#base);
    if (chunked.bytes !== undefined) this.#tookBody(chunked.bytes);
    if (chunked.failure !== undefined) throw chunked.failure;
    if (chunked.trailers !== undefined) this.#end(chunked.trailers);
    return end;
  }

  #tookBody(body: Buffer): void {
    this.#bodyBytes += body.length;
    this.#untold.body = body;
  }

  #end(trailers: readonly string[]): void {
    this.#state = 'complete';
    this.#untold.trailers = trailers;
  }

  #isOver(): boolean {
    return this.#state === 'complete' || this.#state === 'upgraded';
  }

  #keep(bytes: Uint8Array): void {
    // A tunnel needs every byte. Of what follows a complete response only the beginning is looked at.
    if (this.#leftover === undefined) this.#leftover = Buffer.from(bytes);
    else if (this.#state === 'upgraded' || this.#leftover.length < WINDOW_BYTES) {
      this.#leftover = Buffer.concat([this.#leftover, bytes]);
    }
  }

  #whereabouts(): string {
    if (!this.#sawBytes) return 'without a byte of an answer';
    if (this.#state === 'head')
      return this.#base > 0 ? 'in the middle of a response head' : 'after an interim response';
    const whole = this.#framing?.kind === 'length' ? `${this.#framing.bytes}` : 'an unknown number of';
    return `after ${this.#bodyBytes} of ${whole} body bytes`;
  }
}
