/** A request that was taken and cannot be sent yet, since its body is still read or a hook is busy: a drain waits for it. */

import type { Deadline, Deadlines } from '../deadlines.js';
import type { BackendError } from '../errors.js';
import type { Linked } from '../linked-set.js';
import { tookTooLongError } from './refusal-error.js';
import type { Dispatch, Expectation, OutgoingRequest, Place, ResponseSink } from './request.js';

/** Its owner. */
export interface Expecting {
  readonly deadlines: Deadlines;
  /** Sends it, though nothing new is taken any more. `begunAt`: the moment from which its time runs. */
  dispatchExpected(request: OutgoingRequest, sink: ResponseSink, begunAt: number | undefined): Dispatch;
  /** It was dispatched, or given up. Harmless when called again. */
  expectedLeft(place: ExpectedRequest): void;
}

export class ExpectedRequest implements Place, Linked<ExpectedRequest> {
  previousLinked: ExpectedRequest | undefined;
  nextLinked: ExpectedRequest | undefined;
  isLinked = false;
  readonly #expecting: Expecting;
  readonly #expectation: Expectation;
  readonly #begunAt: number | undefined; // of those that have an end
  readonly #end: Deadline | undefined; // of the request's time

  constructor(expecting: Expecting, requestTimeout: number, expectation: Expectation) {
    this.#expecting = expecting;
    this.#expectation = expectation;
    if (!Number.isFinite(requestTimeout)) return;
    this.#begunAt = expecting.deadlines.clock.now();
    this.#end = expecting.deadlines.create(() => this.fail(tookTooLongError(requestTimeout)));
    this.#end.set(requestTimeout, this.#begunAt);
  }

  dispatch(request: OutgoingRequest, sink: ResponseSink): Dispatch {
    try {
      return this.#expecting.dispatchExpected(request, sink, this.#begunAt);
    } finally {
      this.leave();
    }
  }

  leave(): void {
    this.#end?.clear();
    this.#expecting.expectedLeft(this);
  }

  fail(error: BackendError): void {
    this.#expectation.requestFailed(error);
  }
}
