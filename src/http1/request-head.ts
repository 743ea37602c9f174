/** Requests as text: heads, chunks and trailers, with everything refused that would be read as something else. */

import { BackendError } from '../errors.js';
import { checkField, type RawFields } from './fields.js';
import { isToken } from './method.js';
import { shown } from './shown.js';

/** How the body's end is told. A POST without a body is `{ kind: 'length', bytes: 0 }`. */
export type RequestFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' };

/** What a request head is made of. */
export interface RequestHeadParts {
  readonly method: string;
  /** Origin-form, or `*`, or the authority of a CONNECT. Written as it is. */
  readonly path: string;
  /** Value of the Host field. */
  readonly host: string;
  /**
   * End-to-end fields: name, value, name, value… What this writer writes itself, and what concerns one connection only,
   * is left out: Host, Content-Length, Transfer-Encoding, Connection, Keep-Alive, Proxy-Connection, TE, Upgrade; and Trailer
   * where no trailer can follow.
   */
  readonly fields: RawFields;
  readonly framing: RequestFraming;
  /** Says `TE: trailers`. */
  readonly acceptsTrailers: boolean;
  /** Protocols to ask for: value of an Upgrade field. */
  readonly upgrade?: string | undefined;
}

/** The chunk that ends a body without trailers. */
export const LAST_CHUNK = '0\r\n\r\n';

const NOT_IN_TARGET = /[^\x21\x22\x24-\x7e\x80-\xff]/;

/**
 * Writes a head, blank line included, as one latin1 string.
 * @throws BackendError `http_request_error` when a part cannot be written as it is: nothing is repaired. Paths and hosts
 *   may not be empty (a host may), nor have spaces, control characters or characters above latin1; for fields see
 *   {@link checkField}.
 */
export function writeRequestHead(parts: RequestHeadParts): string {
  const { method, path, host, fields, framing } = parts;
  if (!isToken(method)) throw new BackendError('http_request_error', `the method ${shown(method)} is not a token`);
  checkTarget('path', path);
  if (path.length === 0) throw new BackendError('http_request_error', 'the path is empty');
  checkTarget('host', host);
  let head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n`;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    checkField(name, value);
    if (!isOurs(name, framing)) head += `${name}: ${value}\r\n`;
  }
  if (framing.kind === 'length') head += `Content-Length: ${checkedLength(framing.bytes)}\r\n`;
  else if (framing.kind === 'chunked') head += 'Transfer-Encoding: chunked\r\n';
  return head + connectionFields(parts);
}

/** A head and its whole body as the bytes of one write. */
export function headWithBody(head: string, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, 0, 'latin1');
  bytes.set(body, head.length);
  return bytes;
}

/** The line in front of a chunk. Behind its bytes goes CRLF. A size of 0 would end the body. */
export function chunkHead(size: number): string {
  if (!(size > 0)) throw new RangeError(`a chunk has at least 1 byte, not ${size}`);
  return `${size.toString(16)}\r\n`;
}

/**
 * The end of a chunked body: last chunk, trailers, blank line.
 * @throws BackendError `http_request_error` when a trailer cannot be written as it is.
 */
export function writeTrailers(fields: RawFields): string {
  if (fields.length === 0) return LAST_CHUNK;
  let text = '0\r\n';
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    checkField(name, value);
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

/** TE and Upgrade must be named by Connection, so that a proxy on the way does not pass them on (RFC 9110 §10.1.4, §7.8). */
function connectionFields({ acceptsTrailers, upgrade }: RequestHeadParts): string {
  let text = '';
  if (upgrade !== undefined) {
    checkField('Upgrade', upgrade);
    text += `Upgrade: ${upgrade}\r\n`;
  }
  if (acceptsTrailers) text += 'TE: trailers\r\n';
  if (acceptsTrailers || upgrade !== undefined) {
    text += `Connection: ${upgrade === undefined ? 'TE' : acceptsTrailers ? 'Upgrade, TE' : 'Upgrade'}\r\n`;
  }
  return `${text}\r\n`;
}

/** The length first: it rules out nearly all names without a copy in lower case. */
function isOurs(name: string, { kind }: RequestFraming): boolean {
  switch (name.length) {
    case 2:
      return name.toLowerCase() === 'te';
    case 4:
      return name.toLowerCase() === 'host';
    case 7: {
      const lower = name.toLowerCase();
      // Only chunks can be followed by trailers (RFC 9112 §7.1.2).
      return lower === 'upgrade' || (lower === 'trailer' && kind !== 'chunked');
    }
    case 10: {
      const lower = name.toLowerCase();
      return lower === 'connection' || lower === 'keep-alive';
    }
    case 14:
      return name.toLowerCase() === 'content-length';
    case 16:
      return name.toLowerCase() === 'proxy-connection';
    case 17:
      return name.toLowerCase() === 'transfer-encoding';
    default:
      return false;
  }
}

function checkTarget(what: string, text: string): void {
  if (NOT_IN_TARGET.test(text)) {
    throw new BackendError(
      'http_request_error',
      `the ${what} ${shown(text)} has a character that cannot be written there`,
    );
  }
}

function checkedLength(bytes: number): number {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new RangeError(`a body's length is a count of bytes, not ${bytes}`);
  return bytes;
}
