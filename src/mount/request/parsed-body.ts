/** Makes bytes again of a body that a parser of the framework has read before us. */

import type { IncomingMessage } from 'node:http';
import { BackendError } from '../../errors.js';

/** What is left of a body that was read. */
export interface ParsedBody {
  readonly bytes: Buffer;
  /** The bytes are decoded: a Content-Encoding field does not describe them any more. */
  readonly decoded: boolean;
}

/** Whether something has read from the request's stream, so that it cannot be sent from there. */
export function wasRead(req: IncomingMessage): boolean {
  return req.readableDidRead || req.readableEnded;
}

/**
 * The bytes behind `req.rawBody` or `req.body`. JSON and URL-encoded objects are written anew.
 * @throws BackendError `body_already_read` when nothing is left that could be sent instead
 */
export function parsedBody(req: IncomingMessage): ParsedBody {
  const bytes = rawBytes(req) ?? rewrittenBytes(req);
  if (bytes === undefined) {
    throw gone('mount the backend before body parsers, or keep the bytes in req.rawBody');
  }
  if (!isWhole(req, bytes)) {
    throw gone('whoever keeps the bytes has not read its end yet: call next() when it has, or before the first byte');
  }
  return { bytes, decoded: isDecoded(req, bytes) };
}

/** Bytes and text, as a parser leaves them when it does not interpret them. */
function rawBytes(req: IncomingMessage): Buffer | undefined {
  return (
    asBytes(req, Reflect.get(req, 'rawBody')) ??
    (isJsonString(req) ? undefined : asBytes(req, Reflect.get(req, 'body')))
  );
}

/**
 * A JSON parser that is not strict leaves text, too, if the JSON is a string. That text has no quotes, which the declared length counts.
 */
function isJsonString(req: IncomingMessage): boolean {
  const body: unknown = Reflect.get(req, 'body');
  if (typeof body !== 'string' || !isJson(typeOf(req))) return false;
  return req.headers['content-length'] === String(Buffer.byteLength(JSON.stringify(body), encodingOf(req)));
}

function asBytes(req: IncomingMessage, value: unknown): Buffer | undefined {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return typeof value === 'string' ? Buffer.from(value, encodingOf(req)) : undefined;
}

function rewrittenBytes(req: IncomingMessage): Buffer | undefined {
  const body: unknown = Reflect.get(req, 'body');
  if (body === undefined) return undefined;
  const type = typeOf(req);
  if (isJson(type)) return Buffer.from(JSON.stringify(body), encodingOf(req));
  if (type !== 'application/x-www-form-urlencoded' || typeof body !== 'object' || body === null) return undefined;
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(body)) addPairs(pairs, name, value);
  return Buffer.from(pairs.join('&'), encodingOf(req));
}

function typeOf(req: IncomingMessage): string {
  return (req.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function isJson(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json');
}

/**
 * Writes nested objects in brackets, as the `extended` parsers read them. A list of plain values repeats its name. A list of a single value
 * has brackets: without them these parsers would not have read a list.
 */
function addPairs(pairs: string[], name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(String(value ?? ''))}`);
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    const plain = Array.isArray(value) && (typeof item !== 'object' || item === null);
    const repeats = plain && value.length > 1;
    addPairs(pairs, repeats ? name : `${name}[${plain ? '' : key}]`, item);
  }
}

function encodingOf(req: IncomingMessage): BufferEncoding {
  const charset = /;\s*charset="?([^\s;"]+)/i.exec(req.headers['content-type'] ?? '')?.[1]?.toLowerCase() ?? 'utf-8';
  if (charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii') return 'utf8';
  if (charset === 'iso-8859-1' || charset === 'latin1') return 'latin1';
  throw gone(
    `it was decoded from ${JSON.stringify(charset)}, which cannot be written again: keep the bytes in req.rawBody`,
  );
}

/**
 * Whether the bytes are the whole body. A part would look whole, because it is sent with its own length; and not everybody who keeps the
 * bytes waits for the end.
 */
function isWhole(req: IncomingMessage, bytes: Buffer): boolean {
  return req.readableEnded || req.headers['content-length'] === String(bytes.length);
}

/** Parsers undo a Content-Encoding silently. The declared length tells whether these bytes are the ones that came. */
function isDecoded(req: IncomingMessage, bytes: Buffer): boolean {
  const coding = req.headers['content-encoding'];
  if (coding === undefined || coding.toLowerCase() === 'identity') return false;
  const declared = req.headers['content-length'];
  if (declared !== undefined) return declared !== String(bytes.length);
  throw gone(
    `nothing tells whether its Content-Encoding (${JSON.stringify(coding)}) is undone: mount the backend before body parsers`,
  );
}

function gone(advice: string): BackendError {
  return new BackendError('body_already_read', `the request body was read before it reached the backend; ${advice}`);
}
