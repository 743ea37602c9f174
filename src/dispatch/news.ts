/** What is told of one request to whoever watches, in the context of its requester. */

import type { AsyncResource } from 'node:async_hooks';
import type { BackendError } from '../errors.js';
import type { BackendEvents, EventName, Observer } from '../observe.js';
import type { OutgoingRequest } from './request.js';
import type { ResendReason } from './retry-policy.js';

export class News {
  readonly #request: OutgoingRequest;
  readonly #observer: Observer;
  readonly #scope: AsyncResource;

  constructor(request: OutgoingRequest, observer: Observer, scope: AsyncResource) {
    this.#request = request;
    this.#observer = observer;
    this.#scope = scope;
  }

  resent(origin: string, reason: ResendReason): void {
    const { method, path } = this.#request;
    if (this.#observer.watches('resend')) this.#tell('resend', { origin, method, path, reason });
  }

  refused(error: BackendError): void {
    const { method, path } = this.#request;
    if (this.#observer.watches('refuse')) this.#tell('refuse', { method, path, error });
  }

  failed(error: BackendError): void {
    const { method, path } = this.#request;
    if (this.#observer.watches('fail')) this.#tell('fail', { method, path, error });
  }

  answered(origin: string, statusCode: number, attempts: number, durationMs: number): void {
    const { method, path } = this.#request;
    if (!this.#observer.watches('request')) return;
    this.#tell('request', { method, path, origin, statusCode, attempts, durationMs });
  }

  #tell<Name extends EventName>(name: Name, details: BackendEvents[Name][0]): void {
    this.#scope.runInAsyncScope(() => this.#observer.emit(name, details));
  }
}
