/** Who asked: hears the response, one read at a time, and the news of the request, in the context that it was made in. */

import { AsyncResource } from 'node:async_hooks';
import type { BackendError } from '../errors.js';
import type { ResponseHead } from '../http1/response-parser.js';
import type { BackendEvents, EventName, Observer } from '../observe.js';
import type { OutgoingRequest, ResponseSink, Taken } from './request.js';
import type { ResendReason } from './retry-policy.js';

/** The context is the requester's own: sockets outlive requests. */
export class Requester extends AsyncResource {
  readonly sink: ResponseSink;
  readonly #request: OutgoingRequest;
  readonly #observer: Observer;
  // What the read under way has brought. It is told at its end, when it is known whether the response ends with it: a small
  // response is one entry into the context, and one write.
  #head: ResponseHead | undefined;
  #body: Buffer | undefined;

  constructor(request: OutgoingRequest, sink: ResponseSink, observer: Observer) {
    super('PooledRequest');
    this.sink = sink;
    this.#request = request;
    this.#observer = observer;
  }

  // --- the response ----------------------------------------------------------------------------------------------------

  /** A read brought the head. */
  gotHead(head: ResponseHead): void {
    this.#head = head;
  }

  /** A read brought bytes of the body: once a read, see `ResponseEvents`. */
  gotBody(bytes: Buffer): void {
    this.#body = bytes;
  }

  /** Tells what the read brought; more will follow. Returns false to stop reading. */
  readEnded(): Taken {
    if (this.#head === undefined && this.#body === undefined) return true;
    return this.runInAsyncScope(this.tell, this, false);
  }

  /** The same, for a caller that has entered the context. `ends`: the response is complete. */
  tell(ends: boolean): Taken {
    const head = this.#head;
    this.#head = undefined;
    if (head !== undefined) this.sink.onHead(head, ends || this.#body !== undefined);
    const body = this.#body; // gone when the sink has left at the head
    this.#body = undefined;
    return body === undefined || this.sink.onBody(body, ends);
  }

  /** Nothing more of the response is told. */
  leave(): void {
    this.#head = undefined;
    this.#body = undefined;
  }

  // --- what anybody may watch ------------------------------------------------------------------------------------------

  resent(origin: string, reason: ResendReason): void {
    const { method, path } = this.#request;
    if (this.#observer.watches('resend')) this.#emit('resend', { origin, method, path, reason });
  }

  refused(error: BackendError): void {
    const { method, path } = this.#request;
    if (this.#observer.watches('refuse')) this.#emit('refuse', { method, path, error });
  }

  failed(error: BackendError): void {
    const { method, path } = this.#request;
    if (this.#observer.watches('fail')) this.#emit('fail', { method, path, error });
  }

  answered(origin: string, statusCode: number, attempts: number, durationMs: number): void {
    if (!this.#observer.watches('request')) return;
    const { method, path } = this.#request;
    this.#emit('request', { method, path, origin, statusCode, attempts, durationMs });
  }

  #emit<Name extends EventName>(name: Name, details: BackendEvents[Name][0]): void {
    this.runInAsyncScope(() => this.#observer.emit(name, details));
  }
}
