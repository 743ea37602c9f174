/** A web stream as a Readable that gives its chunks as they are. Node's own Readable takes `null` for the end of the body. */

import { Readable } from 'node:stream';
import type { ReadableStream, ReadableStreamDefaultReader } from 'node:stream/web';

export class WebBody extends Readable {
  readonly #reader: ReadableStreamDefaultReader<unknown>;

  /** Locks `stream`, and cancels it when it is destroyed. */
  constructor(stream: ReadableStream<unknown>) {
    super({ objectMode: true, highWaterMark: 1 });
    this.#reader = stream.getReader();
  }

  override _read(): void {
    this.#reader.read().then(
      ({ done, value }) => {
        if (done) this.push(null);
        else if (value === null) this.destroy(nullChunk());
        else this.push(value);
      },
      (error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Not waited for: a source may take its time to stop.
    this.#reader.cancel(error).catch(() => undefined);
    callback(error);
  }
}

/** The error that Node has for iterables. */
function nullChunk(): TypeError {
  return Object.assign(new TypeError('May not write null values to stream'), { code: 'ERR_STREAM_NULL_VALUES' });
}
