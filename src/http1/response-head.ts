/** The head of a response as a value, and the rules of RFC 9112 that llhttp leaves to us. */

import { BackendError, type ErrorCode } from '../errors.js';
import { isBlank, isNamed, listHasToken } from './fields.js';
import type { FieldSpans } from './llhttp.js';
import { hasNoResponseBody } from './method.js';
import { shown } from './shown.js';

/** How the end of a body is known (RFC 9112 §6.3). */
export type ResponseFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

/** A status line and its fields. */
export interface ResponseHead {
  readonly statusCode: number;
  /** The reason phrase, latin1, often empty. */
  readonly statusText: string;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minorVersion: 0 | 1;
  /** Name, value, name, value… as they came, latin1. */
  readonly rawHeaders: readonly string[];
  readonly framing: ResponseFraming;
  /** Whether the origin keeps the connection open after this response (RFC 9112 §9.3). */
  readonly persistent: boolean;
}

const NONE: ResponseFraming = { kind: 'none' };
const CHUNKED: ResponseFraming = { kind: 'chunked' };
const UNTIL_CLOSE: ResponseFraming = { kind: 'until-close' };

// reason-phrase = 1*( HTAB / SP / VCHAR / obs-text )
const BAD_REASON = /[^\t\x20-\x7e\x80-\xff]/;
const DIGITS = /^[0-9]{1,16}$/;

const VERSION_1_0 = 'HTTP/1.0 ';
const VERSION_1_1 = 'HTTP/1.1 ';
const STATUS_AT = VERSION_1_1.length;
const REASON_AT = STATUS_AT + 3;

// Fields of the head that was read last. Origins send the same again and again: a text that is in the same place as before is not made
// anew.
let before: readonly string[] = [];
let reasonBefore: string | undefined;

function readFields(text: string, { marks, used }: FieldSpans): string[] {
  const fields = new Array<string>(used / 2);
  for (let i = 0; i < used; i += 4) {
    const start = at(marks, i + 2);
    let end = at(marks, i + 3);
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
    const place = i / 2;
    fields[place] = sliceOf(text, at(marks, i), at(marks, i + 1), before[place]);
    fields[place + 1] = sliceOf(text, start, end, before[place + 1]);
  }
  before = fields;
  return fields;
}

function sliceOf(text: string, start: number, end: number, likely: string | undefined): string {
  return likely?.length === end - start && text.startsWith(likely, start) ? likely : ownSlice(text, start, end);
}

// V8 makes a longer slice a view of the whole text: if somebody keeps one field, such as an ETag in a cache, the whole head stays in
// memory.
const LONGEST_COPIED = 12;

function ownSlice(text: string, start: number, end: number): string {
  const slice = text.slice(start, end);
  return slice.length > LONGEST_COPIED ? Buffer.from(slice, 'latin1').toString('latin1') : slice;
}

/**
 * Reads the head that answers a request of `method`. llhttp has accepted `text`, so its lines end in CRLF, its names are
 * tokens and its values have no control characters.
 * @throws BackendError `http_protocol_error` or `http_response_transfer_coding`.
 */
export function readHead(text: string, spans: FieldSpans, method: string): ResponseHead {
  const minorVersion = readVersion(text);
  const statusCode = readStatus(text);
  const statusText = readReason(text);
  const rawHeaders = readFields(text, spans);

  let length: string | undefined;
  let coding: string | undefined;
  let close = false;
  let keepAlive = false;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const value = rawHeaders[i + 1] ?? '';
    if (isNamed(name, 'content-length')) {
      if (length !== undefined) throw refused(`Content-Length twice, ${shown(length)} and ${shown(value)}`);
      length = value;
    } else if (isNamed(name, 'transfer-encoding')) {
      coding = coding === undefined ? value : `${coding}, ${value}`;
    } else if (isNamed(name, 'connection')) {
      close ||= listHasToken(value, 'close');
      keepAlive ||= listHasToken(value, 'keep-alive');
    }
  }
  const framing = chooseFraming(method, statusCode, length, coding);
  // A server of HTTP/1.0 that sends chunks has faulty framing (RFC 9112 §6.1).
  const ends = framing.kind === 'until-close' || (framing.kind === 'chunked' && minorVersion === 0);
  const persistent = !ends && !close && (minorVersion === 1 || keepAlive) && !isTunnel(method, statusCode);
  return { statusCode, statusText, minorVersion, rawHeaders, framing, persistent };
}

/** Whether what follows the head is not HTTP any more (RFC 9110 §15.2.2, RFC 9112 §6.3 rule 2). */
export function isTunnel(method: string, status: number): boolean {
  return status === 101 || (method === 'CONNECT' && status >= 200 && status < 300);
}

/** RFC 9112 §6.3, but everything doubtful is refused: somebody who reads a length otherwise than we do would see another message. */
function chooseFraming(
  method: string,
  status: number,
  length: string | undefined,
  coding: string | undefined,
): ResponseFraming {
  if (coding !== undefined) {
    if (length !== undefined)
      throw refused(`both Content-Length ${shown(length)} and Transfer-Encoding ${shown(coding)}`);
    if (coding.toLowerCase() !== 'chunked') {
      const message = `the origin's response has the Transfer-Encoding ${shown(coding)}, only chunked is understood`;
      throw new BackendError('http_response_transfer_coding', message);
    }
  }
  const bytes = length === undefined ? undefined : readLength(length);
  if (hasNoResponseBody(method, status) || isTunnel(method, status)) return NONE;
  if (coding !== undefined) return CHUNKED;
  return bytes === undefined ? UNTIL_CLOSE : { kind: 'length', bytes };
}

function readLength(length: string): number {
  const bytes = Number(length);
  if (!DIGITS.test(length) || bytes > Number.MAX_SAFE_INTEGER) throw refused(`the Content-Length ${shown(length)}`);
  return bytes;
}

function readVersion(text: string): 0 | 1 {
  if (text.startsWith(VERSION_1_1)) return 1;
  if (text.startsWith(VERSION_1_0)) return 0;
  throw new BackendError(
    'http_protocol_error',
    `the origin answered with the protocol ${shown(text.slice(0, text.indexOf(' ')))}, only HTTP/1.0 and HTTP/1.1 are understood`,
  );
}

/** llhttp has checked that there are three digits. */
function readStatus(text: string): number {
  const status = digitAt(text, STATUS_AT) * 100 + digitAt(text, STATUS_AT + 1) * 10 + digitAt(text, STATUS_AT + 2);
  if (!(status >= 100)) throw refused(`the status ${shown(text.slice(STATUS_AT, REASON_AT))}`);
  return status;
}

function digitAt(text: string, index: number): number {
  return text.charCodeAt(index) - 0x30;
}

function readReason(text: string): string {
  const end = text.indexOf('\r\n', REASON_AT);
  // The space before an empty reason is often missing.
  if (end === REASON_AT) return '';
  const reason = sliceOf(text, REASON_AT + 1, end, reasonBefore);
  // llhttp accepts any byte here, and takes CR CR for the end of the line. Then the text found here includes the next line, with a CR in
  // it.
  if (BAD_REASON.test(reason)) {
    throw refused(`a status line with a control character, ${shown(text.slice(0, end))}`);
  }
  reasonBefore = reason;
  return reason;
}

/** The error for a response in which llhttp has stopped: because of `reason`, at `stop` in the first `length` bytes of `bytes`. */
export function malformed(code: ErrorCode, reason: string, bytes: Buffer, stop: number, length: number): BackendError {
  const seen = bytes.toString('latin1', Math.max(0, stop - 16), Math.min(length, stop + 16));
  return new BackendError(code, `the origin's response is malformed (${reason}) at ${shown(seen)}`);
}

function refused(what: string): BackendError {
  return new BackendError('http_protocol_error', `the origin's response has ${what}`);
}

function at(marks: readonly number[], index: number): number {
  return marks[index] ?? 0;
}
