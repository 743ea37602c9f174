/** The body of a fetched response as the web stream that a `Response` is made of. */

import type { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { forgetAbort, listenForAbort } from './abort-listeners.js';
import { decodedBody } from './content-decoding.js';

/**
 * Decoded. As soon as `signal` is aborted its error is the reason of that, also when all of the body is here and nobody has read it.
 *
 * @param encoding the field Content-Encoding
 * @throws BackendError for more codings than anybody needs
 */
export function fetchedBody(body: Readable, encoding: string | null, signal: AbortSignal): ReadableStream<Uint8Array> {
  return new ReadableStream(new FetchedBody(body, encoding, signal), { highWaterMark: 0 });
}

class FetchedBody {
  readonly type = 'bytes';
  readonly #body: Readable;
  readonly #chunks: AsyncIterableIterator<Uint8Array>;
  readonly #signal: AbortSignal;
  #controller: ReadableByteStreamController | undefined;

  constructor(body: Readable, encoding: string | null, signal: AbortSignal) {
    this.#body = body;
    this.#chunks = decodedBody(body, encoding);
    this.#signal = signal;
  }

  start(controller: ReadableByteStreamController): void {
    this.#controller = controller;
    if (this.#signal.aborted) this.#aborted();
    else listenForAbort(this.#signal, this.#aborted);
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    try {
      const { done, value } = await this.#chunks.next();
      if (!done) {
        controller.enqueue(new Uint8Array(value));
        return;
      }
      controller.close();
      controller.byobRequest?.respond(0);
    } catch (thrown) {
      controller.error(this.#signal.aborted ? this.#signal.reason : new TypeError('terminated', { cause: thrown }));
    }
    forgetAbort(this.#signal, this.#aborted);
  }

  cancel(): void {
    forgetAbort(this.#signal, this.#aborted);
    this.#body.destroy();
    void this.#chunks.return?.();
  }

  readonly #aborted = (): void => {
    this.#controller?.error(this.#signal.reason);
    this.cancel();
  };
}
