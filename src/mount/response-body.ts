/** The body of a response as a stream that pushes back on its origin. */

import { Readable } from 'node:stream';

/** Who fills the stream. */
export interface BodyOrigin {
  /** The reader wants more. */
  wanted(): void;
  /** The reader wants nothing more, complete or not. */
  dropped(error: Error | null): void;
}

// Up to this a response is taken from the origin before it is read, so that its connection is free.
const AHEAD_BYTES = 65_536;

/** A Readable. `text()`, `json()` and `arrayBuffer()` read it to its end; each body can be read once. */
export class ResponseBody extends Readable {
  readonly #origin: BodyOrigin;

  constructor(origin: BodyOrigin) {
    super({ highWaterMark: AHEAD_BYTES });
    this.#origin = origin;
  }

  override _read(): void {
    this.#origin.wanted();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#origin.dropped(error);
    callback(error);
  }

  /** The whole body as text, UTF-8 whatever Content-Type says. */
  async text(): Promise<string> {
    return new TextDecoder().decode(await this.#all());
  }

  /** The whole body parsed as JSON. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.#all();
    const copy = new ArrayBuffer(bytes.byteLength);
    new Uint8Array(copy).set(bytes);
    return copy;
  }

  async #all(): Promise<Buffer> {
    if (this.errored !== null) throw this.errored; // it may have broken off before anybody came to read it
    if (this.readableDidRead || this.destroyed) throw new TypeError('the body was read, or destroyed, before');
    const pieces: Buffer[] = [];
    for await (const piece of this) pieces.push(piece);
    return Buffer.concat(pieces);
  }
}
