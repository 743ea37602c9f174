/**
 * The trailer section of a chunked body (RFC 9112 §7.1.2). It is read here, not by llhttp, because llhttp takes a Content-Length for
 * framing wherever it is: a response would be lost because of a field that only has to be dropped.
 */

import { BackendError } from '../errors.js';
import { trimmed } from './fields.js';
import type { Region } from './llhttp.js';
import type { ParserLimits } from './parser-limits.js';
import { malformed } from './response-head.js';

// field-line = field-name ":" OWS field-value OWS, each followed by CRLF (RFC 9112 §5). No folding, no control character but HTAB.
const LINE = /([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)\r\n/y;
// The beginning of such a line, or of the blank one.
const BEGINNING = /(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+(?::[\t\x20-\x7e\x80-\xff]*\r?)?|\r)?$/y;
// More of a name or of a value. A line that comes byte by byte must not be read from its start for each byte.
const MORE_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]*$/;
const MORE_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export class TrailerSection {
  readonly #limits: ParserLimits;
  readonly #fields: string[] = [];
  #text = ''; // everything from the first field on
  #lineStart = 0; // start of the first line that is not yet among the fields
  #more: RegExp | undefined; // what leaves that line good and unfinished
  #complete = false;

  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  /** Name, value, name, value… Set when the section is complete. */
  get fields(): readonly string[] | undefined {
    return this.#complete ? this.#fields : undefined;
  }

  /**
   * Reads a piece from `from` on, up to the blank line. Returns where the rest of it begins.
   * @throws BackendError `http_response_transfer_coding` if this is not a list of fields, `http_response_trailer_section_size` if there is
   * too much of it.
   */
  take({ bytes }: Region, from: number, length: number): number {
    const before = this.#text.length;
    // What is beyond the limit is not looked at. So the first offence counts, however the section was split.
    const end = Math.min(length, from + this.#limits.maxHeaderBytes - before);
    const piece = bytes.toString('latin1', from, end);
    this.#text += piece;
    if (this.#more?.test(piece) && end === length) return end;
    this.#readLines();
    if (this.#text.startsWith('\r\n', this.#lineStart)) {
      this.#complete = true;
      return from + this.#lineStart + 2 - before;
    }
    BEGINNING.lastIndex = this.#lineStart;
    if (!BEGINNING.test(this.#text)) {
      const stop = Math.max(from, from + this.#lineStart - before);
      throw malformed('http_response_transfer_coding', 'Invalid trailer', bytes, stop, end);
    }
    if (end < length) throw this.#tooMuch();
    const unfinished = this.#text.slice(this.#lineStart);
    if (unfinished === '' || unfinished.endsWith('\r')) this.#more = undefined;
    else this.#more = unfinished.includes(':') ? MORE_VALUE : MORE_NAME;
    return end;
  }

  #readLines(): void {
    for (;;) {
      LINE.lastIndex = this.#lineStart;
      const [line, name = '', value = ''] = LINE.exec(this.#text) ?? [];
      if (line === undefined) return;
      this.#lineStart += line.length;
      this.#fields.push(name, trimmed(value));
      if (this.#fields.length > this.#limits.maxFields * 2) throw this.#tooMuch();
    }
  }

  #tooMuch(): BackendError {
    const { maxFields, maxHeaderBytes } = this.#limits;
    const found = `${this.#fields.length / 2} fields in ${this.#text.length} bytes or more`;
    const message = `the origin's trailers have ${found}, at most ${maxFields} in ${maxHeaderBytes} are allowed`;
    return new BackendError('http_response_trailer_section_size', message);
  }
}
