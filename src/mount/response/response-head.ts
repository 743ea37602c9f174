/** Writes the head of a response to the client through node:http, and avoids the traps there. */

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { isHttp2 } from '../../client/http2.js';
import { http2Fields, http2Values } from '../../client/http2-fields.js';
import { endsConnection } from '../../client/last-request.js';
import { fieldsByName, isNamed, joinedValue, withoutField, withoutForbiddenTrailers } from '../../http1/fields.js';
import type { ResponseHead } from '../../http1/response-head.js';
import { mergedFields, safelyOrdered } from './response-fields.js';

export interface HeadToWrite {
  readonly head: ResponseHead;
  /** Name, value, name, value…; may be changed here. */
  readonly fields: string[];
  /** The client's connection ends with this response. */
  readonly closes: boolean;
}

const UPGRADE_REQUIRED = 426;

// Fields that were set before us and must not stay, because the body and its framing are the origin's; and fields that HTTP/2 does not
// allow.
const FRAMING = ['content-length', 'transfer-encoding', 'trailer'] as const;
const NOT_IN_HTTP2 = ['http2-settings', 'keep-alive', 'proxy-connection', 'upgrade'] as const;

/**
 * Where node:http keeps what setHeader() was given. Once setHeader() was called, writeHead() of Node 20 keeps only the last of several
 * fields with one name in a raw list. So a raw list is only for responses that nothing has touched. The public methods show no difference
 * between fields that were all removed and fields that were never set.
 */
const outHeaders = Object.getOwnPropertySymbols(new ServerResponse(new IncomingMessage(new Socket()))).find(
  (symbol) => symbol.description === 'kOutHeaders',
);

/**
 * Writes the head, merged with what was set on `res` before.
 * @throws what node:http throws for a status, a reason or a field that it refuses; `res` is then as it was before
 */
export function writeResponseHead(res: ServerResponse, written: HeadToWrite): void {
  const { head, fields } = written;
  if (!isHttp2(res.req)) addHopFields(res, written);
  if (isUntouched(res)) {
    res.writeHead(head.statusCode, head.statusText, safelyOrdered(fields));
    return;
  }
  const before = res.getHeaders();
  try {
    setMerged(res, written, before);
    if (isHttp2(res.req)) res.writeHead(head.statusCode);
    else res.writeHead(head.statusCode, head.statusText);
  } catch (error) {
    if (!res.headersSent) restore(res, before);
    throw error;
  }
}

/** Adds the trailers that may be passed on, to be sent behind the body. */
export function addTrailers(res: ServerResponse, trailers: readonly string[]): void {
  const fields = withoutForbiddenTrailers(trailers);
  res.addTrailers(isHttp2(res.req) ? http2Fields(fields) : fieldsByName(fields));
}

/** Adds the fields that are for the client's connection alone. */
function addHopFields(res: ServerResponse, { head, fields, closes }: HeadToWrite): void {
  // "The server MUST send an Upgrade header field in a 426 response" (RFC 9110 §15.5.22).
  const required = head.statusCode === UPGRADE_REQUIRED ? joinedValue(head.rawHeaders, 'upgrade') : undefined;
  if (required !== undefined) {
    // Where Connection is given, node:http does not say that it takes no more requests on a connection.
    const ends = closes || endsConnection(res) || Reflect.get(res, 'maxRequestsOnConnectionReached') === true;
    fields.push('Upgrade', required, 'Connection', ends ? 'Upgrade, close' : 'Upgrade');
  } else if (closes) fields.push('Connection', 'close');
}

function isUntouched(res: ServerResponse): boolean {
  // A wrapped writeHead belongs to a middleware that will set fields while we write.
  return outHeaders !== undefined && Reflect.get(res, outHeaders) === null && !Object.hasOwn(res, 'writeHead');
}

function setMerged(
  res: ServerResponse,
  { head, fields }: HeadToWrite,
  before: ReturnType<ServerResponse['getHeaders']>,
): void {
  // Only fields that are there are removed. node:http would remember the removal of any other, and would then add no framing of its own if
  // a middleware takes Content-Length out while we write. The body would end with the connection, however early that ends.
  for (const name of FRAMING) if (res.hasHeader(name)) res.removeHeader(name);
  if (isHttp2(res.req)) for (const name of NOT_IN_HTTP2) res.removeHeader(name);
  // node:http2 ends a 205 with its head, whatever body comes: if it declared a length, it would not be a valid message.
  const given = isHttp2(res.req) && head.statusCode === 205 ? withoutField(fields, 'content-length') : fields;
  let hasLength = false;
  for (const [name, values] of mergedFields(before, given)) {
    const value = values.length === 1 ? (values[0] ?? '') : values;
    res.setHeader(name, isHttp2(res.req) ? http2Values(name, value) : value);
    hasLength ||= isNamed(name, 'content-length');
  }
  if (isHttp2(res.req)) return;
  // Set explicitly, because node:http no longer chooses it once removeHeader() was called for it.
  if (!hasLength && head.framing.kind !== 'none' && res.req.httpVersion === '1.1')
    res.setHeader('Transfer-Encoding', 'chunked');
}

function restore(res: ServerResponse, before: ReturnType<ServerResponse['getHeaders']>): void {
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  for (const [name, value] of Object.entries(before)) if (value !== undefined) res.setHeader(name, value);
  if (!isHttp2(res.req)) res.statusMessage = ''; // HTTP/2 has none, and node:http2 warns
}
