/** Reads response heads with llhttp, however they are split into pieces. */

import { BackendError } from '../errors.js';
import { type Llhttp, OK, PAUSED, type Region } from './llhttp.js';
import type { ParserLimits } from './parser-limits.js';
import { RepeatedHead } from './repeated-head.js';
import { malformed, type ResponseHead, readHead } from './response-head.js';

const LETTER_H = 0x48;

/** Reads the heads of one connection, one after the other. All offsets count from the start of the head being read. */
export class HeadReader {
  readonly #llhttp: Llhttp;
  readonly #limits: ParserLimits;
  readonly #repeated: RepeatedHead;
  #text = ''; // the part of the head that came in earlier pieces
  #head: ResponseHead | undefined;

  /** `repeated`: shared by all connections to the same origin. */
  constructor(llhttp: Llhttp, limits: ParserLimits, repeated = new RepeatedHead()) {
    this.#llhttp = llhttp;
    this.#limits = limits;
    this.#repeated = repeated;
  }

  /** The head, once it is complete. */
  get head(): ResponseHead | undefined {
    return this.#head;
  }

  /** The next byte begins a head. */
  begin(): void {
    this.#text = '';
    this.#head = undefined;
  }

  /**
   * Reads a piece from `from` on. The first byte of the piece has the offset `base`. Returns where the rest of it begins.
   * @throws BackendError when the head is refused.
   */
  take(region: Region, from: number, length: number, base: number, method: string): number {
    const { bytes, address } = region;
    if (base + from === 0) {
      this.#head = this.#repeated.find(bytes, from, length, method);
      if (this.#head !== undefined) return from + this.#repeated.length;
      // llhttp skips empty lines before a response. It does so for sloppy clients; no server needs it.
      if (bytes[from] !== LETTER_H) throw malformed('http_protocol_error', 'Expected HTTP/', bytes, from, length);
      this.#llhttp.reset();
    }
    const code = this.#llhttp.execute(address + from, length - from, base - address);
    const end = code === OK ? length : this.#llhttp.stopAddress - address;
    this.#checkSize(base + end);
    if (code !== OK && code !== PAUSED) {
      throw malformed('http_protocol_error', this.#llhttp.stopReason, bytes, end, length);
    }
    this.#text += bytes.toString('latin1', from, end);
    if (code !== PAUSED) return end;
    this.#head = readHead(this.#text, this.#llhttp.fields, method);
    this.#repeated.add(this.#text, this.#head, method);
    return end;
  }

  #checkSize(bytes: number): void {
    const { maxFields, maxHeaderBytes } = this.#limits;
    const fields = this.#llhttp.fields.used / 4;
    if (bytes <= maxHeaderBytes && fields <= maxFields) return;
    const limits = `at most ${maxFields} in ${maxHeaderBytes} are allowed`;
    const message = `the origin's response head has ${fields} fields in ${bytes} bytes or more, ${limits}`;
    throw new BackendError('http_response_header_section_size', message);
  }
}
