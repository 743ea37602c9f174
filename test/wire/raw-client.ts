/** A client that writes bytes and reads responses one by one, and knows how its connection ended. */

import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { resetError } from '../../src/connection/liveness.js';

export interface RawResponse {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  /** Name, value, name, value… as received. */
  readonly rawHeaders: readonly string[];
  /** By lower-case name, repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly rawTrailers: readonly string[];
  /** False if the connection ended before the response was complete by its framing. */
  readonly complete: boolean;
}

export interface RawAddress {
  readonly port?: number;
  readonly socketPath?: string;
  /** PEM of the authority to trust; makes the connection TLS. */
  readonly ca?: string;
}

/** How the server ended the connection. */
export type RawEnding = 'fin' | 'rst';

interface Parsed {
  readonly response: RawResponse;
  readonly used: number;
}

const LONGEST_WAIT_MS = 30_000; // a loaded machine is slow, not wrong

export class RawClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0); // all bytes so far
  #used = 0; // how many of them belong to responses that were read
  #ending: RawEnding | undefined;
  #closed = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    socket.on('end', () => this.#end(resetError(socket) === undefined ? 'fin' : 'rst'));
    socket.on('error', () => this.#end('rst'));
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  /** Resolves when connected (and secured). Rejects with the error of the connect. */
  static connect(address: RawAddress): Promise<RawClient> {
    const where =
      address.socketPath === undefined
        ? { host: '127.0.0.1', port: address.port ?? 0 }
        : { path: address.socketPath, host: 'localhost' };
    return new Promise((resolve, reject) => {
      const secure = address.ca !== undefined;
      const socket = secure ? connectTls({ ...where, ca: address.ca, servername: 'localhost' }) : connect(where);
      socket.once('error', reject);
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  /** All bytes that have arrived. */
  get received(): Buffer {
    return this.#received;
  }

  /** Bytes that belong to no response that was read. */
  get unread(): Buffer {
    return this.#received.subarray(this.#used);
  }

  /** Strings are latin1. */
  write(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Writes a request without a body and reads its final response. */
  async get(path: string, fields: Readonly<Record<string, string>> = {}): Promise<RawResponse> {
    const lines = Object.entries({ Host: 'localhost', ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    return this.readResponse();
  }

  /** The next response, which may be a 1xx. `toHead`: it answers a HEAD, so it has no body. */
  async readResponse(options: { toHead?: boolean; withinMs?: number } = {}): Promise<RawResponse> {
    const parsed = await this.#until('a response', options.withinMs, () => {
      const found = parseResponse(this.unread, options.toHead === true, this.#ending !== undefined || this.#closed);
      if (found === undefined && this.#closed) throw new Error(`the connection ended. ${this.#seen()}`);
      return found;
    });
    this.#used += parsed.used;
    return parsed.response;
  }

  /** Resolves when there are at least `count` unread bytes. */
  async bytes(count: number, withinMs?: number): Promise<Buffer> {
    return this.#until(`${count} bytes`, withinMs, () => (this.unread.length >= count ? this.unread : undefined));
  }

  /** Resolves to how the server ended the connection, once it has. */
  async ended(withinMs?: number): Promise<RawEnding> {
    return this.#until('the end of the connection', withinMs, () => this.#ending);
  }

  /** Sends the FIN. */
  end(): void {
    this.socket.end();
  }

  /** Ends the connection with a RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #end(ending: RawEnding): void {
    this.#ending ??= ending;
    this.#wake();
  }

  #seen(): string {
    const end = this.#ending === undefined ? 'open' : `ended by ${this.#ending}`;
    return `The connection is ${end}; ${this.#received.length} bytes came, unread: ${JSON.stringify(this.unread.toString('latin1', 0, 400))}`;
  }

  #until<T>(what: string, withinMs: number | undefined, ask: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (call: () => void): void => {
        clearTimeout(timer);
        this.#wake = () => undefined;
        call();
      };
      const limit = withinMs ?? LONGEST_WAIT_MS;
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`no ${what} within ${limit} ms. ${this.#seen()}`)));
      }, limit);
      this.#wake = () => {
        try {
          const found = ask();
          if (found !== undefined) settle(() => resolve(found));
        } catch (error) {
          settle(() => reject(error));
        }
      };
      this.#wake();
    });
  }
}

/** The first response in `bytes`; `undefined` if more bytes are needed. `ended`: no more will come. */
export function parseResponse(bytes: Buffer, toHead: boolean, ended: boolean): Parsed | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const [, version = '', status = '', reason = ''] = /^HTTP\/(\d\.\d) (\d{3})(?: (.*))?$/.exec(statusLine) ?? [];
  if (version === '') throw new Error(`a status line of ${JSON.stringify(statusLine)}`);
  const rawHeaders = lines.flatMap(field);
  const headers = byName(rawHeaders);
  const code = Number(status);
  const start = headEnd + 4;
  const bodiless = toHead || code < 200 || code === 204 || code === 304;
  const found = bodiless
    ? { body: Buffer.alloc(0), used: start, complete: true }
    : parseBody(bytes, start, headers, ended);
  if (found === undefined) return undefined;
  const { body, used, complete, rawTrailers = [] } = found;
  return { response: { version, status: code, reason, rawHeaders, headers, body, rawTrailers, complete }, used };
}

interface ParsedBody {
  readonly body: Buffer;
  readonly used: number;
  readonly complete: boolean;
  readonly rawTrailers?: readonly string[];
}

function parseBody(
  bytes: Buffer,
  start: number,
  headers: Readonly<Record<string, string>>,
  ended: boolean,
): ParsedBody | undefined {
  if (headers['transfer-encoding'] !== undefined) return parseChunks(bytes, start, ended);
  const length = headers['content-length'];
  if (length === undefined)
    return ended ? { body: bytes.subarray(start), used: bytes.length, complete: true } : undefined;
  const end = start + Number(length);
  if (bytes.length >= end) return { body: bytes.subarray(start, end), used: end, complete: true };
  return ended ? { body: bytes.subarray(start), used: bytes.length, complete: false } : undefined;
}

function parseChunks(bytes: Buffer, start: number, ended: boolean): ParsedBody | undefined {
  const pieces: Buffer[] = [];
  const cut = (): ParsedBody | undefined =>
    ended ? { body: Buffer.concat(pieces), used: bytes.length, complete: false } : undefined;
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return cut();
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9a-f]+(;.*)?$/i.test(line)) throw new Error(`a chunk size of ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    if (size === 0) return parseTrailers(bytes, lineEnd, pieces) ?? cut();
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
    if (bytes.length < at) return cut();
  }
}

/** `lineEnd` is where the line of the last chunk ends. */
function parseTrailers(bytes: Buffer, lineEnd: number, pieces: readonly Buffer[]): ParsedBody | undefined {
  const end = bytes.indexOf('\r\n\r\n', lineEnd);
  if (end === -1) return undefined;
  const lines = end === lineEnd ? [] : bytes.toString('latin1', lineEnd + 2, end).split('\r\n');
  return { body: Buffer.concat(pieces), used: end + 4, complete: true, rawTrailers: lines.flatMap(field) };
}

function field(line: string): [string, string] {
  const colon = line.indexOf(':');
  return colon === -1 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).trim()];
}

function byName(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const value = rawHeaders[at + 1] ?? '';
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}
