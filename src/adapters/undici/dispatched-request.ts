/** One request of undici in progress: it calls `backend.request()`, and then the methods of its handler. */

import type { BackendRequestOptions, BackendResponse, PooledBackend } from 'pooled-backend';
import { type Dispatcher, errors } from 'undici';
import { undiciError } from './errors.js';
import { type Handler, type Listener, listenerOf } from './handler.js';

export class DispatchedRequest implements Dispatcher.DispatchController {
  rawHeaders: Buffer[] | null = null;
  rawTrailers: Buffer[] | null = null;
  readonly #listener: Listener;
  readonly #over: (request: DispatchedRequest) => void;
  readonly #abort = new AbortController();
  #response: BackendResponse | undefined; // once the head is here
  #reason: Error | null = null;
  #paused = false;
  #isOver = false; // the handler is not called again

  /**
   * @param over called once, when the handler gets no more calls
   * @throws InvalidArgumentError for a value that is not a handler
   */
  constructor(handler: Handler, over: (request: DispatchedRequest) => void) {
    this.#listener = listenerOf(handler, this);
    this.#over = over;
  }

  /** A handler that throws, here or later, aborts its request. */
  send(backend: PooledBackend, request: BackendRequestOptions): void {
    this.#tell(() => this.#listener.started());
    backend
      .request({
        ...request,
        signal: this.#abort.signal,
        onInformation: ({ statusCode, statusText, fields }) =>
          this.#tell(() => this.#listener.information(statusCode, statusText, fields)),
      })
      .then(
        (response) => this.#read(response),
        (thrown) => this.#fail(undiciError(thrown)),
      );
  }

  // --- for the handler -------------------------------------------------------------------------------------------------

  get aborted(): boolean {
    return this.#abort.signal.aborted;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get reason(): Error | null {
    return this.#reason;
  }

  /** Not called from here: the handler may have put a method of its own in its place, as undici's dump interceptor does. */
  abort(reason?: unknown): void {
    this.stop(reason);
  }

  pause(): void {
    this.#paused = true;
    this.#response?.body.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#response?.body.resume();
  }

  // --- the end ---------------------------------------------------------------------------------------------------------

  /** Ends the request, and tells the handler why. */
  stop(reason?: unknown): void {
    if (this.#isOver || this.aborted) return;
    // A reason that is not an Error is given back to the caller as it is, too.
    this.#reason = (reason as Error | null | undefined) ?? new errors.RequestAbortedError();
    this.#abort.abort(this.#reason);
    // After the last byte has arrived, the backend ignores the signal. The handler may not have got that byte yet.
    this.#response?.body.destroy(new errors.RequestAbortedError());
  }

  // --- the response ----------------------------------------------------------------------------------------------------

  #read(response: BackendResponse): void {
    const { body, statusCode, statusText, rawHeaders } = response;
    body.on('error', (error) => this.#fail(undiciError(error)));
    this.#response = response;
    this.#tell(() => this.#listener.head(statusCode, statusText, rawHeaders));
    if (this.#isOver) return;
    // This must come before the listener for data, which alone would make the body flow.
    if (this.#paused) body.pause();
    body.on('data', (bytes: Buffer) => this.#tell(() => this.#listener.data(bytes)));
    body.on('end', () => this.#end(response));
  }

  #end({ trailers }: BackendResponse): void {
    if (this.#isOver) return;
    const fields = Object.entries(trailers).flatMap(([name, value]) =>
      (typeof value === 'string' ? [value] : (value ?? [])).flatMap((one) => [name, one]),
    );
    try {
      if (!this.aborted) this.#listener.ended(fields);
    } catch (thrown) {
      // Fails the request without an abort, as undici does: its retry interceptor throws here because of a status, and repeats only
      // requests that are not aborted.
      this.#fail(thrown as Error);
      return;
    }
    if (this.aborted) this.#fail(this.#reason as Error);
    else this.#finish();
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.#finish();
    this.#listener.failed(this.#reason ?? error);
  }

  #finish(): void {
    this.#isOver = true;
    this.#over(this);
  }

  #tell(call: () => void): void {
    if (this.#isOver || this.aborted) return;
    try {
      call();
    } catch (thrown) {
      this.stop(thrown);
    }
  }
}
