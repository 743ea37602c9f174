/** A request that was taken but cannot be sent yet, because its body is still read or a hook is busy. A drain waits for it. */

import { type Deadlines, Expiring } from '../deadlines.js';
import type { BackendError } from '../errors.js';
import { tookTooLongError } from './refusal-error.js';
import type { Announcer, Dispatch, OutgoingRequest, Place, ResponseSink } from './request.js';

/** Gives places to announced requests. */
export interface PlaceOwner {
  readonly deadlines: Deadlines;
  /** Sends the request, even if no new one is taken any more. */
  dispatchAnnounced(place: AnnouncedRequest, request: OutgoingRequest, sink: ResponseSink): Dispatch;
  /** Fails the request, with the events of one that was dispatched. */
  failAnnounced(place: AnnouncedRequest, request: OutgoingRequest, sink: ResponseSink, error: BackendError): void;
  /** The request was dispatched, has failed, or was given up. A second call changes nothing. */
  announcedLeft(place: AnnouncedRequest): void;
}

/** Its deadline is the end of `requestTimeout`. */
export class AnnouncedRequest extends Expiring implements Place {
  /** When the request was taken: from then on its `requestTimeout` runs, and its duration is counted. */
  readonly begunAt: number;
  readonly #owner: PlaceOwner;
  readonly #requestTimeout: number;
  readonly #announcer: Announcer;

  constructor(owner: PlaceOwner, requestTimeout: number, announcer: Announcer) {
    super(owner.deadlines);
    this.#owner = owner;
    this.#requestTimeout = requestTimeout;
    this.#announcer = announcer;
    this.begunAt = this.deadlines.clock.now();
    if (requestTimeout !== Number.POSITIVE_INFINITY) this.set(requestTimeout, this.begunAt);
  }

  dispatch(request: OutgoingRequest, sink: ResponseSink): Dispatch {
    try {
      return this.#owner.dispatchAnnounced(this, request, sink);
    } finally {
      this.leave();
    }
  }

  fail(request: OutgoingRequest, sink: ResponseSink, error: BackendError): void {
    try {
      this.#owner.failAnnounced(this, request, sink, error);
    } finally {
      this.leave();
    }
  }

  leave(): void {
    this.clear();
    this.#owner.announcedLeft(this);
  }

  expire(): void {
    this.end(tookTooLongError(this.#requestTimeout));
  }

  /** Tells the owner of the request that it has to fail. */
  end(error: BackendError): void {
    this.#announcer.requestFailed(error);
  }
}
