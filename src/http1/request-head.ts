/** Writes requests as text: heads, chunks and trailers. Refuses everything that could be read as something else. */

import { BackendError } from '../errors.js';
import { CheckedText, FIELD_VALUE, TARGET, TOKEN } from './checked-text.js';
import { checkField, fieldLines, isNamed, type RawFields } from './fields.js';
import { shown } from './shown.js';

/** How the end of the body is marked. A POST without a body is `{ kind: 'length', bytes: 0 }`. */
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
   * End-to-end fields: name, value, name, value… Fields that this writer adds itself, and fields for one connection only, are left out:
   * Host, Content-Length, Transfer-Encoding, Connection, Keep-Alive, Proxy-Connection, TE, Upgrade; and Trailer where no trailer can
   * follow.
   */
  readonly fields: RawFields;
  readonly framing: RequestFraming;
  /** Says `TE: trailers`. */
  readonly acceptsTrailers: boolean;
  /** Protocols to ask for: value of an Upgrade field. */
  readonly upgrade?: string | undefined;
}

const CRLF = '\r\n';
const LAST_CHUNK = '0\r\n\r\n';

const written = new CheckedText(); // the head being written

/**
 * Writes a head, blank line included, as one latin1 string.
 * @throws BackendError `http_request_error` when a part cannot be written as it is: nothing is repaired. A path may not be empty, a host
 * may. Neither may have spaces, control characters or characters above latin1; for fields see {@link checkField}.
 */
export function writeRequestHead(parts: RequestHeadParts): string {
  const { method, path, host, fields, framing } = parts;
  written.clear();
  if (method.length === 0 || !written.addChecked(method, TOKEN))
    throw new BackendError('http_request_error', `the method ${shown(method)} is not a token`);
  if (path.length === 0) throw new BackendError('http_request_error', 'the path is empty');
  addTarget(' ', 'path', path);
  addTarget(' HTTP/1.1\r\nHost: ', 'host', host);
  written.add(CRLF);
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    if (isOurs(name, framing)) checkField(name, value);
    else addField(name, value);
  }
  if (framing.kind === 'length') written.add(`Content-Length: ${checkedLength(framing.bytes)}\r\n`);
  else if (framing.kind === 'chunked') written.add('Transfer-Encoding: chunked\r\n');
  addConnectionFields(parts);
  written.add(CRLF);
  return written.toString();
}

function addTarget(before: string, what: string, text: string): void {
  written.add(before);
  if (written.addChecked(text, TARGET)) return;
  const message = `the ${what} ${shown(text)} has a character that cannot be written there`;
  throw new BackendError('http_request_error', message);
}

function addField(name: string, value: string): void {
  const nameIsGood = name.length > 0 && written.addChecked(name, TOKEN);
  written.add(': ');
  if (!nameIsGood || !written.addChecked(value, FIELD_VALUE)) checkField(name, value);
  written.add(CRLF);
}

/** A head and its whole body as the bytes of one write. */
export function headWithBody(head: string, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, 0, 'latin1');
  bytes.set(body, head.length);
  return bytes;
}

/** The line before a chunk. CRLF must follow the bytes of the chunk. A size of 0 would end the body. */
export function chunkHead(size: number): string {
  if (!(size > 0)) throw new RangeError(`a chunk has at least 1 byte, not ${size}`);
  return `${size.toString(16)}\r\n`;
}

/**
 * The end of a chunked body: last chunk, trailers, blank line.
 * @throws BackendError `http_request_error` when a trailer cannot be written as it is.
 */
export function writeTrailers(fields: RawFields): string {
  return fields.length === 0 ? LAST_CHUNK : `0\r\n${fieldLines(fields)}\r\n`;
}

/**
 * Connection must name TE and Upgrade, so that a proxy on the way does not pass them on (RFC 9110 §10.1.4, §7.8). `keep-alive` says nothing
 * new in HTTP/1.1, but servers like Apache httpd announce their timeout only if it is there.
 */
function addConnectionFields({ acceptsTrailers, upgrade }: RequestHeadParts): void {
  if (upgrade !== undefined) addField('Upgrade', upgrade);
  if (acceptsTrailers) written.add('TE: trailers\r\n');
  if (upgrade !== undefined) written.add(acceptsTrailers ? 'Connection: Upgrade, TE\r\n' : 'Connection: Upgrade\r\n');
  else written.add(acceptsTrailers ? 'Connection: keep-alive, TE\r\n' : 'Connection: keep-alive\r\n');
}

function isOurs(name: string, { kind }: RequestFraming): boolean {
  switch (name.length) {
    case 2:
      return isNamed(name, 'te');
    case 4:
      return isNamed(name, 'host');
    case 7:
      // Only chunks can be followed by trailers (RFC 9112 §7.1.2).
      return isNamed(name, 'upgrade') || (isNamed(name, 'trailer') && kind !== 'chunked');
    case 10:
      return isNamed(name, 'connection') || isNamed(name, 'keep-alive');
    case 14:
      return isNamed(name, 'content-length');
    case 16:
      return isNamed(name, 'proxy-connection');
    case 17:
      return isNamed(name, 'transfer-encoding');
    default:
      return false;
  }
}

function checkedLength(bytes: number): number {
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw new RangeError(`a body's length is a count of bytes, not ${bytes}`);
  return bytes;
}
