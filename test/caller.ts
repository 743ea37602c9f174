/** Whoever asks a backend in memory for something, and all that it is told. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Dispatch, ResponseSink } from '../src/dispatch/request.js';
import { BackendError } from '../src/errors.js';
import type { ResponseHead } from '../src/http1/response-head.js';

/** Who is asking: what a callback must find in its asynchronous context. */
export const requester = new AsyncLocalStorage<string>();

/** One request of a test, and all that it heard. */
export class Caller implements ResponseSink {
  readonly name: string;
  readonly informations: number[] = [];
  head: ResponseHead | undefined;
  body = '';
  error: BackendError | undefined;
  /** Calls of `onEnd` and `onFail`: at most one. */
  endings = 0;
  aborted = false;
  /** Calls that came after its end: none. */
  late = 0;
  dispatch: Dispatch | undefined;
  /** Answer of `onBody`. */
  takes = true;
  /** The requesters found in the context of each call. */
  readonly contexts = new Set<string | undefined>();

  constructor(name: string) {
    this.name = name;
  }

  get over(): boolean {
    return this.endings > 0 || this.aborted;
  }

  /** In what a test compares: the status, the code of the error, `cut` when it broke off, or `waiting`. */
  get outcome(): string | number {
    if (this.error !== undefined) return this.head === undefined ? this.error.code : `cut: ${this.error.code}`;
    return this.endings > 0 && this.head !== undefined ? this.head.statusCode : 'waiting';
  }

  /** The error, which must be there. */
  get failure(): BackendError {
    if (this.error === undefined) throw new Error(`${this.name} did not fail: ${this.outcome}`);
    return this.error;
  }

  abort(): void {
    this.aborted = true;
    this.dispatch?.abort(new BackendError('client_aborted', 'the client has gone'));
  }

  onInformation(statusCode: number): void {
    this.#called();
    this.informations.push(statusCode);
  }

  onHead(head: ResponseHead): void {
    this.#called();
    this.head = head;
  }

  onBody(bytes: Buffer): boolean {
    this.#called();
    this.body += bytes.toString('latin1');
    return this.takes;
  }

  onEnd(): void {
    this.#called();
    this.endings += 1;
  }

  onFail(error: BackendError): void {
    this.#called();
    this.endings += 1;
    this.error = error;
  }

  #called(): void {
    this.contexts.add(requester.getStore());
    if (this.over) this.late += 1;
  }
}
