/**
 * The trailer section of a chunked body (RFC 9112 §7.1.2). Read here and not by llhttp, which takes a Content-Length for
 * framing wherever it stands: a response would be lost for a field that is only to be dropped.
 */

import { BackendError } from '../errors.js';
import { isBlank } from './fields.js';
import type { Region } from './llhttp.js';
import { isToken } from './method.js';
import type { ResolvedLimits } from './parser-limits.js';
import { malformed } from './response-head.js';

const END = '\r\n\r\n';

// What no line of fields has: CR and LF apart, and control characters but HTAB. A CR at the end may have its LF to come.
const BAD = /\r(?!\n|$)|(?<!\r)\n|[^\r\n\t\x20-\x7e\x80-\xff]/g;

export class TrailerSection {
  readonly #limits: ResolvedLimits;
  #text = ''; // from the first field on
  #fields: readonly string[] | undefined;

  constructor(limits: ResolvedLimits) {
    this.#limits = limits;
  }

  /** Name, value, name, value… Set when the section is complete. */
  get fields(): readonly string[] | undefined {
    return this.#fields;
  }

  /**
   * Reads on in a piece, up to the blank line. Answers where the rest begins.
   * @throws BackendError `http_response_transfer_coding` for what is no list of fields,
   *   `http_response_trailer_section_size` for too much of it.
   */
  take({ bytes }: Region, from: number, length: number): number {
    const before = this.#text.length;
    this.#text += bytes.toString('latin1', from, length);
    const blank = this.#text.indexOf(END, Math.max(0, before - END.length + 1));
    if (blank >= 0) this.#text = this.#text.slice(0, blank + END.length);
    const end = from + this.#text.length - before;
    this.#check(before, bytes, end);
    if (blank >= 0) this.#fields = this.#read(this.#text.slice(0, blank), bytes, end);
    return end;
  }

  /** The first offence counts, however the section was cut. */
  #check(before: number, bytes: Buffer, end: number): void {
    BAD.lastIndex = Math.max(0, before - 1);
    const bad = BAD.exec(this.#text)?.index ?? Number.POSITIVE_INFINITY;
    const { maxHeaderBytes } = this.#limits;
    if (bad < maxHeaderBytes) {
      throw refused('a control character or half a line end', bytes, end - this.#text.length + bad, end);
    }
    if (this.#text.length > maxHeaderBytes) throw this.#tooMuch(this.#text.split('\r\n').length - 1);
  }

  #read(section: string, bytes: Buffer, end: number): string[] {
    const lines = section.split('\r\n');
    if (lines.length > this.#limits.maxFields) throw this.#tooMuch(lines.length);
    const fields: string[] = [];
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, Math.max(0, colon));
      if (!isToken(name)) throw refused('a line that is no field', bytes, end, end);
      fields.push(name, trimmed(line, colon + 1));
    }
    return fields;
  }

  #tooMuch(count: number): BackendError {
    const { maxFields, maxHeaderBytes } = this.#limits;
    const found = `${count} fields in ${this.#text.length} bytes or more`;
    const message = `the origin's trailers have ${found}, at most ${maxFields} in ${maxHeaderBytes} are allowed`;
    return new BackendError('http_response_trailer_section_size', message);
  }
}

function trimmed(line: string, from: number): string {
  let [start, end] = [from, line.length];
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function refused(what: string, bytes: Buffer, at: number, length: number): BackendError {
  return malformed('http_response_transfer_coding', `${what} in the trailers`, bytes, at, length);
}
