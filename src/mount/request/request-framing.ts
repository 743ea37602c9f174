/** Decides how long a client's request is. What a lenient server lets through is judged once more before it is sent on. */

import { BackendError } from '../../errors.js';
import type { RequestFraming } from '../../http1/request-head.js';

export interface FramingFacts {
  /** Values of all Content-Length fields, in order. */
  readonly contentLengths: readonly string[];
  /** Value of the Transfer-Encoding fields, joined by commas. */
  readonly transferEncoding: string | undefined;
  /** 1.0, 1.1 or 2.0. */
  readonly httpVersion: string;
  /** HTTP/2 only: the stream ended with its head. */
  readonly endedWithHead: boolean;
}

const NO_BODY: RequestFraming = { kind: 'none' };
const CHUNKED: RequestFraming = { kind: 'chunked' };

/**
 * Request smuggling is possible where two parties disagree on where a request ends. So what RFC 9112 §6.3 calls an error is an error here,
 * and so is what it leaves to the recipient.
 * @throws BackendError `http_request_error`
 */
export function requestFraming(facts: FramingFacts): RequestFraming {
  const { contentLengths, transferEncoding } = facts;
  if (transferEncoding !== undefined) return codedFraming(transferEncoding, facts);
  const [length] = contentLengths;
  if (length === undefined) return facts.httpVersion !== '2.0' || facts.endedWithHead ? NO_BODY : CHUNKED;
  if (contentLengths.length > 1) throw ambiguous('it has more than one Content-Length field');
  if (!/^[0-9]{1,15}$/.test(length)) throw ambiguous('its Content-Length is not one decimal number');
  return { kind: 'length', bytes: Number(length) };
}

function codedFraming(transferEncoding: string, facts: FramingFacts): RequestFraming {
  if (facts.contentLengths.length > 0) throw ambiguous('it has both Content-Length and Transfer-Encoding');
  // "A server or client that receives an HTTP/1.0 message containing a Transfer-Encoding header field MUST treat the
  // message as if the framing is faulty" (RFC 9112 §6.1). HTTP/2 has no such field.
  if (facts.httpVersion !== '1.1') throw ambiguous(`HTTP/${facts.httpVersion} has no Transfer-Encoding`);
  if (transferEncoding.toLowerCase() !== 'chunked') throw ambiguous('its Transfer-Encoding is not exactly "chunked"');
  return CHUNKED;
}

function ambiguous(why: string): BackendError {
  return new BackendError('http_request_error', `the length of the request is not certain: ${why}`);
}
