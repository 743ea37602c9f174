/** A chunked body (RFC 9112 §7.1): its chunks on their way through llhttp, its trailers, and what it may waste. */

import { asBackendError, BackendError } from '../errors.js';
import { bodySpans, INVALID_FIELD, type Llhttp, OK, PAUSED, type Region } from './llhttp.js';
import type { ParserLimits } from './parser-limits.js';
import { malformed } from './response-head.js';
import { TrailerSection } from './trailer-section.js';

// Between the bytes of two chunks without an extension there is CRLF, a size, CRLF. The longest size without leading zeros has 16 digits.
const CHUNK_SEAM_BYTES = 20;

const CR = 0x0d;
const LF = 0x0a;

const NO_TRAILERS: readonly string[] = Object.freeze([]);

/** Decodes the bodies of one connection, one after the other. All offsets count from the start of the response's head. */
export class ChunkedBody {
  /** Decoded bytes of the last piece. */
  bytes: Buffer | undefined;
  /** Set when the body is complete. */
  trailers: readonly string[] | undefined;
  /** Why the last piece was refused; `bytes` are those before the fault. */
  failure: BackendError | undefined;

  readonly #llhttp: Llhttp;
  readonly #limits: ParserLimits;
  #chunkEnd = 0; // where the bytes of the last chunk ended
  #lastByte = 0; // of the last piece
  #wasted = 0; // bytes between chunks beyond their seams
  #section: TrailerSection | undefined; // set once its first field has begun

  constructor(llhttp: Llhttp, limits: ParserLimits) {
    this.#llhttp = llhttp;
    this.#limits = limits;
  }

  /** Starts a body. llhttp is paused at the end of its head, at `offset`. */
  begin(offset: number): void {
    this.trailers = undefined;
    this.failure = undefined;
    this.#chunkEnd = offset;
    this.#wasted = 0;
    this.#section = undefined;
    this.#llhttp.fields.used = 0;
    this.#llhttp.resume();
  }

  /** Reads a piece from `from` on. The first byte of the piece has the offset `base`. Returns where the rest of it begins. */
  take(region: Region, from: number, length: number, base: number): number {
    this.bytes = undefined;
    return this.#section === undefined
      ? this.#takeChunks(region, from, length, base)
      : this.#takeTrailers(this.#section, region, from, length);
  }

  #takeChunks(region: Region, from: number, length: number, base: number): number {
    const { address } = region;
    const { fields } = this.#llhttp;
    const code = this.#llhttp.execute(address + from, length - from, base - address);
    const end = code === OK ? length : this.#llhttp.stopAddress - address;
    this.bytes = this.#collect(region, base);
    // llhttp also reads the trailers, but the only thing used of that is where they begin.
    let trailerStart: number | undefined;
    if (fields.used > 0) trailerStart = fields.marks[0];
    else if (code === INVALID_FIELD) trailerStart = base + this.#untoldTrailers(region, from, end, base);
    this.failure = this.#judgeWaste(trailerStart ?? base + end);
    if (this.failure !== undefined) return end;
    if (trailerStart !== undefined) {
      this.#section = new TrailerSection(this.#limits);
      return this.#takeTrailers(this.#section, region, trailerStart - base, length);
    }
    if (code === PAUSED) this.trailers = NO_TRAILERS;
    else if (code === OK) this.#lastByte = region.bytes[length - 1] ?? this.#lastByte;
    else {
      this.failure = malformed('http_response_transfer_coding', this.#llhttp.stopReason, region.bytes, end, length);
    }
    return end;
  }

  /**
   * Where the trailers begin if llhttp has refused the name of the first field. It reports nothing of such a field, which begins after the
   * line of the last chunk.
   */
  #untoldTrailers({ bytes }: Region, from: number, end: number, base: number): number {
    // CRLF follows the bytes of a chunk. Before the first chunk there is none, but the line of that chunk also has at least two bytes.
    const line = Math.max(from, this.#chunkEnd - base + 2);
    const before = line > from ? bytes[line - 1] : this.#lastByte;
    if (before === CR && bytes[line] === LF) return line + 1;
    const lineEnd = bytes.subarray(0, end).indexOf('\r\n', line, 'latin1');
    return lineEnd < 0 ? from : lineEnd + 2;
  }

  #takeTrailers(section: TrailerSection, region: Region, from: number, length: number): number {
    try {
      const end = section.take(region, from, length);
      this.trailers = section.fields;
      return end;
    } catch (thrown) {
      this.failure = asBackendError(thrown);
      return length;
    }
  }

  /** Copies the bytes of all chunks in the piece into one buffer, and counts what stood between them. */
  #collect(region: Region, base: number): Buffer | undefined {
    const { marks } = bodySpans;
    const shift = base - region.address;
    let used = 0;
    let total = 0;
    for (; used < bodySpans.used; used += 2) {
      const start = marks[used] ?? 0;
      const end = marks[used + 1] ?? 0;
      // llhttp does not report extensions. But if a piece ends inside a chunk, the next piece continues the chunk without a gap. So every
      // gap is one seam, and what is longer than a seam is an extension, or a size padded with zeros.
      this.#wasted += Math.max(0, start + shift - this.#chunkEnd - CHUNK_SEAM_BYTES);
      this.#chunkEnd = end + shift;
      if (this.#wasted > this.#limits.maxChunkExtensionBytes) break;
      total += end - start;
    }
    if (total === 0) return undefined;
    const bytes = Buffer.allocUnsafe(total);
    let filled = 0;
    for (let i = 0; i < used; i += 2) {
      const start = (marks[i] ?? 0) - region.address;
      filled += region.bytes.copy(bytes, filled, start, (marks[i + 1] ?? 0) - region.address);
    }
    return bytes;
  }

  /** `end`: where the part of the chunks that has been read ends. */
  #judgeWaste(end: number): BackendError | undefined {
    const { maxChunkExtensionBytes } = this.#limits;
    const wasted = this.#wasted + Math.max(0, end - this.#chunkEnd - CHUNK_SEAM_BYTES);
    if (wasted <= maxChunkExtensionBytes) return undefined;
    const message = `the origin's response has ${wasted} bytes of chunk extensions or more, at most ${maxChunkExtensionBytes} are allowed`;
    return new BackendError('http_response_transfer_coding', message);
  }
}
