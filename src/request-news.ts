/** What the events about a request tell of it. */

import type { BackendError } from './errors.js';

/** Which request an event is about. */
export interface RequestNews {
  /** Number of the request, one of its own among those of this thread. */
  readonly request: number;
  /** As it is sent: `GET`. */
  readonly method: string;
  /** As it is sent, with its query. */
  readonly path: string;
}

/** What a request took: milliseconds by HAProxy's parts, and bytes. */
export interface RequestCosts {
  /** The whole, in milliseconds: waits and re-sends included. */
  readonly durationMs: number;
  /** Milliseconds spent waiting for connections, over all waits. */
  readonly waitedMs: number;
  /** The part of `waitedMs` in which a connection that it then travelled on was being dialled. */
  readonly connectMs: number;
  /** Milliseconds from the head of the last attempt being written to the final response head; `undefined` when none came. */
  readonly responseMs: number | undefined;
  /** Bytes of the request's body that were given to an origin, once counted however often they were sent. */
  readonly sentBytes: number;
  /** Bytes of the response's body that came with the last attempt. */
  readonly receivedBytes: number;
}

/** One attempt as it begins. */
export interface AttemptNews extends RequestNews {
  /** From 1. */
  readonly attempt: number;
  /** `scheme://host:port` of the server that it goes to. */
  readonly origin: string;
  /** The connection has carried a request before. */
  readonly reused: boolean;
  /** Milliseconds spent waiting for connections so far, over all waits. */
  readonly waitedMs: number;
  /**
   * Adds an end-to-end field to the head of this attempt, in the place of fields of that name: a `traceparent`, for one.
   * @throws BackendError `http_request_error` for a field that cannot be sent, Error once the event is over
   */
  addField(name: string, value: string): void;
}

/** One attempt as it ends. */
export interface AttemptEndNews extends RequestNews {
  /** From 1. */
  readonly attempt: number;
  /** `scheme://host:port` of the server that it went to. */
  readonly origin: string;
  /** The connection had carried a request before. */
  readonly reused: boolean;
  /** Milliseconds since the head began to be written. */
  readonly durationMs: number;
  /** Of the final head; `undefined` when none came. */
  readonly statusCode: number | undefined;
  /** Bytes of the response's body, as they came but for the chunks. */
  readonly receivedBytes: number;
  /** Why it was not answered to its end, with what is known of the request by then; `undefined` when it was. */
  readonly error: BackendError | undefined;
}
