/** A request that was taken and cannot be sent yet, since its body is still read or a hook is busy: a drain waits for it. */

import type { Dispatch, OutgoingRequest, Place, ResponseSink } from './request.js';

/** Whoever waits for it. */
export interface Expecting {
  /** Sends it, though nothing new is taken any more. */
  dispatchExpected(request: OutgoingRequest, sink: ResponseSink): Dispatch;
  /** It was dispatched, or given up. Called once. */
  expectedLeft(): void;
}

export class ExpectedRequest implements Place {
  readonly #expecting: Expecting;
  #hasLeft = false;

  constructor(expecting: Expecting) {
    this.#expecting = expecting;
  }

  dispatch(request: OutgoingRequest, sink: ResponseSink): Dispatch {
    try {
      return this.#expecting.dispatchExpected(request, sink);
    } finally {
      this.leave();
    }
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#expecting.expectedLeft();
  }
}
