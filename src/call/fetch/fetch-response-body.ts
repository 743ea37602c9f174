/** The body of a fetched response as the web stream that a `Response` is made of. */

import type { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { forgetAbort, listenForAbort } from '../abort-listeners.js';
import { decodedBody } from './content-decoding.js';

/**
 * The decoded body. As soon as `signal` is aborted the stream fails with its reason, even if the whole body is here and nobody has read it.
 *
 * @param encoding the field Content-Encoding
 * @throws BackendError for too many codings
 */
export function fetchedBody(body: Readable, encoding: string | null, signal: AbortSignal): ReadableStream<Uint8Array> {
  return new ReadableStream(new FetchedBody(body, encoding, signal), { highWaterMark: 0 });
}

/** Ends bodies that nobody can read any more: they would keep their listeners, and their connections. Node's own `fetch` does so, too. */
const lost = new FinalizationRegistry<() => void>((end) => end());

class FetchedBody {
  readonly type = 'bytes';
  readonly #body: Readable;
  readonly #chunks: AsyncIterableIterator<Uint8Array>;
  readonly #signal: AbortSignal;
  #controller: ReadableByteStreamController | undefined;
  #forgetAbort: (() => void) | undefined;

  constructor(body: Readable, encoding: string | null, signal: AbortSignal) {
    this.#body = body;
    this.#chunks = decodedBody(body, encoding);
    this.#signal = signal;
  }

  start(controller: ReadableByteStreamController): void {
    this.#controller = controller;
    if (this.#signal.aborted) this.aborted();
    else this.#forgetAbort = listenFor(this, this.#body, this.#signal);
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
    this.#forgetAbort?.();
  }

  cancel(): void {
    this.#forgetAbort?.();
    this.#body.destroy();
    void this.#chunks.return?.();
  }

  aborted(): void {
    this.#controller?.error(this.#signal.reason);
    this.cancel();
  }
}

/** Listens until the returned function is called. The signal, which may outlive all requests, does not keep the body in memory. */
function listenFor(fetched: FetchedBody, body: Readable, signal: AbortSignal): () => void {
  const weak = new WeakRef(fetched);
  const tell = () => weak.deref()?.aborted();
  const forget = () => forgetAbort(signal, tell);
  listenForAbort(signal, tell);
  lost.register(fetched, () => {
    forget();
    body.destroy();
  });
  return forget;
}
