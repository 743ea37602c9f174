/** A request that was taken but cannot be sent yet, because its body is still read or a hook is busy. A drain waits for it. */

import { AsyncResource } from 'node:async_hooks';
import type { BackendError } from '../errors.js';
import { type Deadlines, Expiring } from '../time/deadlines.js';
import type { Announcer, Dispatch, OutgoingRequest, Place, ResponseSink } from './request.js';
import { tookTooLongError } from './time-budget.js';

/** What an announced request needs of its dispatcher. */
export interface AnnouncingDispatcher {
  readonly deadlines: Deadlines;
  /** Sends the request, even if no new one is taken any more. */
  dispatch(request: OutgoingRequest, sink: ResponseSink, place: AnnouncedRequest): Dispatch;
  /** Fails the request, with the events of one that was dispatched. */
  fail(request: OutgoingRequest, sink: ResponseSink, error: BackendError, place: AnnouncedRequest): void;
  /** The request was given up. A call after any of the others, or a second one, changes nothing. */
  announcedLeft(place: AnnouncedRequest): void;
}

/** Its deadline is the end of `requestTimeout`. */
export class AnnouncedRequest extends Expiring implements Place {
  /** When the request was taken: from then on its `requestTimeout` runs, and its duration is counted. */
  readonly begunAt: number;
  readonly #dispatcher: AnnouncingDispatcher;
  readonly #requestTimeout: number;
  readonly #announcer: Announcer;
  readonly #context = new AsyncResource('PooledPlace'); // of the requester: a timer, or a client that leaves, has another

  constructor(dispatcher: AnnouncingDispatcher, requestTimeout: number, announcer: Announcer) {
    super(dispatcher.deadlines);
    this.#dispatcher = dispatcher;
    this.#requestTimeout = requestTimeout;
    this.#announcer = announcer;
    this.begunAt = this.deadlines.clock.now();
    if (requestTimeout !== Number.POSITIVE_INFINITY) this.set(requestTimeout, this.begunAt);
  }

  dispatch(request: OutgoingRequest, sink: ResponseSink): Dispatch {
    this.clear();
    return this.#dispatcher.dispatch(request, sink, this);
  }

  fail(request: OutgoingRequest, sink: ResponseSink, error: BackendError): void {
    this.clear();
    this.#context.runInAsyncScope(() => this.#dispatcher.fail(request, sink, error, this));
  }

  leave(): void {
    this.clear();
    this.#dispatcher.announcedLeft(this);
  }

  expire(): void {
    this.end(tookTooLongError(this.#requestTimeout));
  }

  /** Tells the announcer that it has to fail. */
  end(error: BackendError): void {
    this.#announcer.requestFailed(error);
  }
}
