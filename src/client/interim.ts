/** Interim responses (RFC 9110 §15.2) to a client: those of the origin, and the 100 Continue that it waits for. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { withoutField } from '../http1/fields.js';
import type { Information } from '../options.js';
import { isHttp2, streamOf } from './http2.js';
import { http2Fields } from './http2-fields.js';
import { hasConnection } from './injected-request.js';

// What node:http takes for this expectation, also in a list with others: then it leaves it to us to ask for the body.
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

/**
 * Writes an interim response, in its place before the final one. Nothing is written to HTTP/1.0 clients, which do not
 * know them.
 */
export function writeInterim(res: ServerResponse, { statusCode, statusText, fields: given }: Information): void {
  if (res.headersSent) return;
  // "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx" (RFC 9110 §8.6): a
  // client that believed it would read the final response as a body.
  const fields = withoutField(given, 'content-length');
  if (isHttp2(res.req)) {
    const stream = streamOf(res);
    if (isOpenStream(stream)) stream.additionalHeaders({ ...http2Fields(fields), ':status': statusCode });
    return;
  }
  if (res.req.httpVersion !== '1.1' || !hasConnection(res)) return;
  // Node 20 has methods only for 100, 102 and a 103 with Link. All of them call this one.
  const writeRaw: unknown = Reflect.get(res, '_writeRaw');
  if (typeof writeRaw !== 'function') return;
  let head = `HTTP/1.1 ${statusCode} ${statusText}\r\n`;
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`;
  writeRaw.call(res, `${head}\r\n`, 'latin1');
}

/** Whether a value of Expect asks for 100 Continue. */
export function expectsContinue(expect: string): boolean {
  return CONTINUE.test(expect);
}

/** Whether the client holds its body back until it is told to send it. Without a 'checkContinue' listener node:http has told it already. */
export function awaitsContinue(res: ServerResponse): boolean {
  if (res.req.httpVersion === '1.0' || !hasConnection(res) || res.headersSent || Reflect.get(res, '_sent100') === true)
    return false;
  const stream = streamOf(res);
  if (stream === undefined) return true;
  if (!isOpenStream(stream)) return false; // node:http2 reads on after a reset, and for a HEAD its writeContinue() throws then
  const sent: unknown = Reflect.get(stream, 'sentInfoHeaders');
  return !Array.isArray(sent) || !sent.some((fields) => Reflect.get(Object(fields), ':status') === 100);
}

/** Tells a client that holds its body back to send it, once. */
export function writeContinue(res: ServerResponse): void {
  if (awaitsContinue(res)) res.writeContinue();
}

/**
 * Sends 100 when reading of the body begins, not before. Also if the client has sent the body unasked: otherwise node:http ends the
 * connection.
 */
export function continueWhenRead(req: IncomingMessage, res: ServerResponse): void {
  const read = req.read;
  req.read = (size) => {
    writeContinue(res);
    return read.call(req, size);
  };
}

function isOpenStream(stream: object | undefined): stream is Pick<ServerHttp2Stream, 'additionalHeaders'> {
  if (stream === undefined || Reflect.get(stream, 'destroyed') === true) return false;
  return typeof Reflect.get(stream, 'additionalHeaders') === 'function' && Reflect.get(stream, 'closed') !== true;
}
