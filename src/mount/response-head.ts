/** Writes the head of a response to the client through node:http, past its traps. */

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { withoutField, withoutForbiddenTrailers } from '../http1/fields.js';
import type { ResponseHead } from '../http1/response-head.js';
import { isHttp2 } from './http2.js';
import { http2Fields, http2Values } from './http2-fields.js';
import { fieldsByName, mergedFields, safelyOrdered } from './response-fields.js';

export interface HeadToWrite {
  readonly head: ResponseHead;
  /** Name, value, name, value…; ours to change. */
  readonly fields: string[];
  /** The client's connection ends with this response. */
  readonly closes: boolean;
}

// What must not survive from before us: the body and its framing are the origin's. The rest is not allowed in HTTP/2.
const FRAMING = ['content-length', 'transfer-encoding', 'trailer'] as const;
const NOT_IN_HTTP2 = ['http2-settings', 'keep-alive', 'proxy-connection', 'upgrade'] as const;

/**
 * node:http keeps here what setHeader() was given. Once it was called, Node 20 lets writeHead() keep only the last of
 * fields with one name in a raw list, so the raw list is for responses that nothing has touched; and a list that was
 * emptied looks the same from outside as one that never was.
 */
const outHeaders = Object.getOwnPropertySymbols(new ServerResponse(new IncomingMessage(new Socket()))).find(
  (symbol) => symbol.description === 'kOutHeaders',
);

/**
 * Writes the head, merged with what was set on `res` before.
 * @throws what node:http throws for a status, a reason or a field that it refuses; `res` is then as it was before
 */
export function writeResponseHead(res: ServerResponse, written: HeadToWrite): void {
  const { head, fields, closes } = written;
  if (isUntouched(res)) {
    if (closes) fields.push('Connection', 'close');
    res.writeHead(head.statusCode, head.statusText, safelyOrdered(fields));
    return;
  }
  const before = res.getHeaders();
  try {
    setMerged(res, written, before);
    if (isHttp2(res)) res.writeHead(head.statusCode);
    else res.writeHead(head.statusCode, head.statusText);
  } catch (error) {
    if (!res.headersSent) restore(res, before);
    throw error;
  }
}

/** Adds the trailers that may be passed on, to be sent behind the body. */
export function addTrailers(res: ServerResponse, trailers: readonly string[]): void {
  const fields = withoutForbiddenTrailers(trailers);
  res.addTrailers(isHttp2(res) ? http2Fields(fields) : fieldsByName(fields));
}

function isUntouched(res: ServerResponse): boolean {
  // A wrapped writeHead belongs to a middleware that will set fields while we write.
  return outHeaders !== undefined && Reflect.get(res, outHeaders) === null && !Object.hasOwn(res, 'writeHead');
}

function setMerged(
  res: ServerResponse,
  { head, fields, closes }: HeadToWrite,
  before: ReturnType<ServerResponse['getHeaders']>,
): void {
  // Of what is not there nothing is removed: node:http would remember, and give a body no framing of its own to a middleware
  // that takes Content-Length out while we write. Its end would be that of the connection, however early that comes.
  for (const name of FRAMING) if (res.hasHeader(name)) res.removeHeader(name);
  if (isHttp2(res)) for (const name of NOT_IN_HTTP2) res.removeHeader(name);
  // node:http2 ends a 205 with its head, whatever body comes: one that declares a length is no message.
  const given = isHttp2(res) && head.statusCode === 205 ? withoutField(fields, 'content-length') : fields;
  let hasLength = false;
  for (const [name, values] of mergedFields(before, given)) {
    const value = values.length === 1 ? (values[0] ?? '') : values;
    res.setHeader(name, isHttp2(res) ? http2Values(name, value) : value);
    hasLength ||= name.toLowerCase() === 'content-length';
  }
  if (isHttp2(res)) return;
  if (closes) res.setHeader('Connection', 'close');
  // Said outright, because node:http does not choose it any more once removeHeader() was called for it.
  if (!hasLength && head.framing.kind !== 'none' && res.req.httpVersion === '1.1')
    res.setHeader('Transfer-Encoding', 'chunked');
}

function restore(res: ServerResponse, before: ReturnType<ServerResponse['getHeaders']>): void {
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  for (const [name, value] of Object.entries(before)) if (value !== undefined) res.setHeader(name, value);
  if (!isHttp2(res)) res.statusMessage = ''; // HTTP/2 has none, and node:http2 warns
}
