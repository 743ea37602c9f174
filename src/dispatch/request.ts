/** What a mount or a call hands to the dispatcher, and what it gets back. */

import type { ReplayBody } from '../body/replay-body.js';
import type { Taken } from '../connection/body-reads.js';
import type { Tunnel } from '../connection/tunnel.js';
import type { Attempt, BackendError } from '../errors.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { NonIdempotentTravel, RequestTimeouts } from '../options.js';

export type { Taken } from '../connection/body-reads.js';
export type { Tunnel, TunnelListener } from '../connection/tunnel.js';

/** One request, ready to be sent to any origin, more than once if it must be. */
export interface OutgoingRequest {
  readonly method: string;
  /** Origin-form target, `*` for OPTIONS. */
  readonly path: string;
  /** End-to-end fields as name, value, name, value…; no hop-by-hop field, no framing, no Host. */
  readonly fields: readonly string[];
  /** Value of the Host field; `undefined` = the authority of the origin that the attempt goes to. */
  readonly host: string | undefined;
  /** `undefined` = no body. */
  readonly body: ReplayBody | undefined;
  /** What the owner declared for this request; `undefined` = by method. */
  readonly idempotent: boolean | undefined;
  readonly nonIdempotent: NonIdempotentTravel;
  readonly timeouts: RequestTimeouts;
  /**
   * The fields say `Expect: 100-continue`: the body is given out when the origin answers 100, or after so many
   * milliseconds. `undefined` = at once.
   */
  readonly expectTimeout?: number | undefined;
  /**
   * Name of the origin that the request is bound to, because a session of its client lives there: no other origin should get
   * the request as long as this one takes requests. `undefined` = any.
   */
  readonly boundTo?: string | undefined;
  /** The client asked for `TE: trailers`. */
  readonly acceptsTrailers: boolean;
  /** Protocols that the origin may switch to: value of the Upgrade field. `undefined` = none. */
  readonly upgrade?: string | undefined;
}

/** Receives one response. Nothing is called after `onEnd`, `onSwitch` or `onFail`. */
export interface ResponseSink {
  /** An interim response, 100 and 102 to 199 without 101. */
  onInformation(head: ResponseHead): void;
  /**
   * The final head, or that of a 101, once. Nothing is re-sent from here on. `more`: body bytes or the end came with the head, and
   * the call for them comes before anything else happens. Default false.
   */
  onHead(head: ResponseHead, more?: boolean): void;
  /** The response is not passed on yet, and may still fail: `onEnd` or `onSwitch` waits for `Dispatch.resume()`. */
  readonly holds?: boolean;
  /**
   * Body bytes, which the receiver may keep. Returns false to stop reading until `Dispatch.resume()`, or `'written'` when the
   * kernel has the bytes and nobody needs them any more: their memory is then reused. `last`: the end came with them, and
   * `onEnd` is called next. Default false.
   */
  onBody(bytes: Buffer, last?: boolean): Taken;
  /** The response is complete; its connection does not belong to this request any more. */
  onEnd(trailers: readonly string[]): void;
  /**
   * Called instead of `onEnd` for a request with `upgrade`, after the head with 101: the origin has switched to one of the protocols. The
   * receiver has to begin the tunnel, and to end it.
   */
  onSwitch?(tunnel: Tunnel): void;
  /** The last call. After `onHead` it means that the response is truncated. */
  onFail(error: BackendError): void;
}

/** A request under way. */
export interface Dispatch {
  /** What was tried so far, oldest first; the last one may still be running. */
  readonly attempts: readonly Attempt[];
  /** Reads on after `onBody` returned false, or the sink {@link ResponseSink.holds held} the response. */
  resume(): void;
  /**
   * The requester is gone: leaves the queue, or gives up the exchange. The sink is not called again.
   * @returns the reason with what is known of the request: delivery and attempts
   */
  abort(reason: BackendError): BackendError;
}

/** What a mount or a call needs of the dispatcher. */
export interface Dispatching {
  dispatch(request: OutgoingRequest, sink: ResponseSink): Dispatch;
  /** Fails a request that cannot be dispatched, with the same events as any other. */
  fail(request: OutgoingRequest, sink: ResponseSink, error: BackendError): void;
  /** Takes a request that will be dispatched later; its `requestTimeout` begins to run. `undefined` = no more requests are taken. */
  announce(timeouts: Pick<RequestTimeouts, 'requestTimeout'>, announcer: Announcer): Place | undefined;
}

/** Holds a request that cannot be dispatched yet, because its body or a hook is waited for. */
export interface Announcer {
  /** Its `requestTimeout` is over, or the backend was closed. The place has still to be left. */
  requestFailed(error: BackendError): void;
}

/** Kept for one such request: `close()` of the backend waits until the request was dispatched, has failed or has left the place. */
export interface Place extends Pick<Dispatching, 'dispatch' | 'fail'> {
  /** The request will not be dispatched. Does nothing if it was dispatched, has failed, or has left before. */
  leave(): void;
}
