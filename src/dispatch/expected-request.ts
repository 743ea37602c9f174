/** A request that was taken but cannot be sent yet, because its body is still read or a hook is busy. A drain waits for it. */

import { type Deadlines, Expiring } from '../deadlines.js';
import type { BackendError } from '../errors.js';
import { tookTooLongError } from './refusal-error.js';
import type { Dispatch, Expectation, OutgoingRequest, Place, ResponseSink } from './request.js';

/** The owner of expected requests. */
export interface Expecting {
  readonly deadlines: Deadlines;
  /** Sends the request, even if no new one is taken any more. */
  dispatchExpected(place: ExpectedRequest, request: OutgoingRequest, sink: ResponseSink): Dispatch;
  /** Fails the request, with the events of one that was dispatched. */
  failExpected(place: ExpectedRequest, request: OutgoingRequest, sink: ResponseSink, error: BackendError): void;
  /** The request was dispatched, has failed, or was given up. A second call changes nothing. */
  expectedLeft(place: ExpectedRequest): void;
}

/** Its deadline is the end of `requestTimeout`. */
export class ExpectedRequest extends Expiring implements Place {
  /** When the request was taken: from then on its `requestTimeout` runs, and its duration is counted. */
  readonly begunAt: number;
  readonly #expecting: Expecting;
  readonly #requestTimeout: number;
  readonly #expectation: Expectation;

  constructor(expecting: Expecting, requestTimeout: number, expectation: Expectation) {
    super(expecting.deadlines);
    this.#expecting = expecting;
    this.#requestTimeout = requestTimeout;
    this.#expectation = expectation;
    this.begunAt = this.deadlines.clock.now();
    if (requestTimeout !== Number.POSITIVE_INFINITY) this.set(requestTimeout, this.begunAt);
  }

  dispatch(request: OutgoingRequest, sink: ResponseSink): Dispatch {
    try {
      return this.#expecting.dispatchExpected(this, request, sink);
    } finally {
      this.leave();
    }
  }

  fail(request: OutgoingRequest, sink: ResponseSink, error: BackendError): void {
    try {
      this.#expecting.failExpected(this, request, sink, error);
    } finally {
      this.leave();
    }
  }

  leave(): void {
    this.clear();
    this.#expecting.expectedLeft(this);
  }

  expire(): void {
    this.end(tookTooLongError(this.#requestTimeout));
  }

  /** Tells the owner of the request that it has to fail. */
  end(error: BackendError): void {
    this.#expectation.requestFailed(error);
  }
}
