/**
 * Reads HTTP/1.1 requests for the scripted origin: small and tolerant. The bytes may come one by one.
 *
 * The source text of the class is copied into a worker thread. So this file imports nothing, and its class uses nothing
 * outside itself.
 */

/** The head of a request. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly version: string;
  readonly rawHeaders: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

export interface RequestReading {
  onHead(head: RequestHead): void;
  onBody(bytes: Buffer): void;
  onEnd(rawTrailers: readonly string[]): void;
  /** These bytes are not HTTP. Everything after them is ignored. */
  onGarbage(reason: string): void;
}

type ReadingState =
  | { readonly name: 'head' }
  | { readonly name: 'body'; left: number }
  | { readonly name: 'chunk-size' }
  | { readonly name: 'chunk'; left: number } // including the line end after the chunk
  | { readonly name: 'trailers' }
  | { readonly name: 'off' };

/** Takes the bytes of one connection and reports the requests in them. */
export class RequestReader {
  readonly #mostHeadBytes = 1_048_576;
  readonly #to: RequestReading;
  #state: ReadingState = { name: 'head' };
  #kept = Buffer.alloc(0); // the beginning of something that is not complete yet

  constructor(to: RequestReading) {
    this.#to = to;
  }

  /** There are no more requests on this connection: further bytes belong to a tunnel. */
  stop(): void {
    this.#state = { name: 'off' };
  }

  read(bytes: Buffer): void {
    let rest = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    for (;;) {
      const taken = this.#take(rest);
      if (taken === 0) break;
      rest = rest.subarray(taken);
    }
    this.#kept = this.#state.name === 'off' ? Buffer.alloc(0) : Buffer.from(rest);
    if (this.#kept.length > this.#mostHeadBytes) this.#garbage('a head or line without an end');
  }

  /** Returns how many bytes were used; 0 if more are needed. */
  #take(bytes: Buffer): number {
    if (bytes.length === 0) return 0;
    switch (this.#state.name) {
      case 'head':
        return this.#takeHead(bytes);
      case 'body':
      case 'chunk':
        return this.#takeBody(bytes, this.#state);
      case 'chunk-size':
        return this.#takeChunkSize(bytes);
      case 'trailers':
        return this.#takeTrailers(bytes);
      case 'off':
        return bytes.length;
    }
  }

  #takeHead(bytes: Buffer): number {
    // RFC 9112 §2.2: a server ignores at least one empty line before the request line.
    if (bytes.toString('latin1', 0, 2) === '\r\n') return 2;
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) return 0;
    const [requestLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    const [, method = '', path = '', version = ''] = /^(\S+) (\S+) HTTP\/(\d\.\d)$/.exec(requestLine) ?? [];
    if (method === '') {
      this.#garbage(`a request line of ${JSON.stringify(requestLine)}`);
      return bytes.length;
    }
    const rawHeaders = lines.flatMap((line) => this.#field(line));
    const headers: Record<string, string> = {};
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = (rawHeaders[at] ?? '').toLowerCase();
      const value = rawHeaders[at + 1] ?? '';
      headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value;
    }
    this.#beginBody(headers);
    this.#to.onHead({ method, path, version, rawHeaders, headers });
    this.#endIfEmpty();
    return end + 4;
  }

  #field(line: string): [string, string] {
    const colon = line.indexOf(':');
    return colon === -1 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
  }

  #beginBody(headers: Readonly<Record<string, string>>): void {
    const coding = headers['transfer-encoding'];
    if (coding !== undefined) this.#state = { name: 'chunk-size' };
    else this.#state = { name: 'body', left: Number(headers['content-length'] ?? 0) };
  }

  #endIfEmpty(): void {
    if (this.#state.name !== 'body') return;
    if (Number.isNaN(this.#state.left)) this.#garbage('a Content-Length that is not a number');
    else if (this.#state.left === 0) this.#end([]);
  }

  #takeBody(bytes: Buffer, state: { readonly name: 'body' | 'chunk'; left: number }): number {
    const taken = Math.min(state.left, bytes.length);
    const lineEnd = state.name === 'chunk' ? 2 : 0;
    const data = Math.min(Math.max(0, state.left - lineEnd), taken);
    if (data > 0) this.#to.onBody(Buffer.from(bytes.subarray(0, data)));
    state.left -= taken;
    if (state.left > 0) return taken;
    if (state.name === 'chunk') this.#state = { name: 'chunk-size' };
    else this.#end([]);
    return taken;
  }

  #takeChunkSize(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n');
    if (end === -1) return 0;
    const line = bytes.toString('latin1', 0, end);
    const [, digits] = /^([0-9a-f]+)[ \t]*(?:;.*)?$/i.exec(line) ?? [];
    if (digits === undefined) {
      this.#garbage(`a chunk size of ${JSON.stringify(line)}`);
      return bytes.length;
    }
    const size = Number.parseInt(digits, 16);
    this.#state = size === 0 ? { name: 'trailers' } : { name: 'chunk', left: size + 2 };
    return end + 2;
  }

  #takeTrailers(bytes: Buffer): number {
    if (bytes.toString('latin1', 0, 2) === '\r\n') {
      this.#end([]);
      return 2;
    }
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) return 0;
    this.#end(
      bytes
        .toString('latin1', 0, end)
        .split('\r\n')
        .flatMap((line) => this.#field(line)),
    );
    return end + 4;
  }

  #end(rawTrailers: readonly string[]): void {
    this.#state = { name: 'head' };
    this.#to.onEnd(rawTrailers);
  }

  #garbage(reason: string): void {
    this.#state = { name: 'off' };
    this.#to.onGarbage(reason);
  }
}
