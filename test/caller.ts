/** Records everything that a backend in memory tells about one request. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Dispatch, ResponseSink } from '../src/dispatch/request.js';
import { BackendError } from '../src/errors.js';
import type { ResponseHead } from '../src/http1/response-head.js';

/** The name of the caller, which callbacks must find in their async context. */
export const requester = new AsyncLocalStorage<string>();

/** One request of a test, and all the calls that it received. */
export class Caller implements ResponseSink {
  readonly name: string;
  readonly informations: number[] = [];
  head: ResponseHead | undefined;
  body = '';
  error: BackendError | undefined;
  /** Number of calls of `onEnd` and `onFail`. There must be at most one. */
  endings = 0;
  aborted = false;
  /** Number of calls that came after the end. There must be none. */
  late = 0;
  dispatch: Dispatch | undefined;
  /** What `onBody` returns. */
  takes = true;
  holds = false;
  /** The names that were found in the async contexts of all calls. */
  readonly contexts = new Set<string | undefined>();

  constructor(name: string) {
    this.name = name;
  }

  get over(): boolean {
    return this.endings > 0 || this.aborted;
  }

  /** The outcome in a form for assertions: the status, the code of the error, `cut` if the response broke off, or `waiting`. */
  get outcome(): string | number {
    if (this.error !== undefined) return this.head === undefined ? this.error.code : `cut: ${this.error.code}`;
    return this.endings > 0 && this.head !== undefined ? this.head.statusCode : 'waiting';
  }

  /** The error. Throws if there is none. */
  get failure(): BackendError {
    if (this.error === undefined) throw new Error(`${this.name} did not fail: ${this.outcome}`);
    return this.error;
  }

  abort(): void {
    this.aborted = true;
    this.dispatch?.abort(new BackendError('client_aborted', 'the client has gone'));
  }

  onInformation({ statusCode }: ResponseHead): void {
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
