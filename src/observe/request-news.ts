/** What the events about a request say about it. */

import type { BackendError } from '../errors.js';

/** Identifies the request that an event is about. */
export interface RequestNews {
  /** Number of the request, unique within this thread. */
  readonly request: number;
  /** Method as it is sent, for example `GET`. */
  readonly method: string;
  /** Path and query as they are sent. */
  readonly path: string;
}

/** Time and bytes that a request took. Times are in milliseconds. */
export interface RequestCosts {
  /** Milliseconds from start to end, including waits and retries. */
  readonly durationMs: number;
  /** Milliseconds spent waiting for connections, over all attempts. */
  readonly waitedMs: number;
  /** The part of `waitedMs` during which the connection it then used was being dialled. */
  readonly connectMs: number;
  /** Milliseconds from the start of the last attempt to its final response head; `undefined` if none arrived. */
  readonly responseMs: number | undefined;
  /** Bytes of the request body passed to an origin; bytes that were sent again count once. */
  readonly sentBytes: number;
  /** Bytes of the response body received in the last attempt. */
  readonly receivedBytes: number;
}

/** An attempt that is about to start. */
export interface AttemptNews extends RequestNews {
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** Origin it is sent to, as `scheme://host:port`. */
  readonly origin: string;
  /** Whether the connection has carried a request before. */
  readonly reused: boolean;
  /** Milliseconds spent waiting for connections so far, over all attempts. */
  readonly waitedMs: number;
  /**
   * Adds an end-to-end field to the request head of this attempt, for example `traceparent`. Replaces fields of the
   * same name. Only works while the event is being emitted.
   *
   * @throws BackendError `http_request_error` for a field that must not be sent; Error when called later
   */
  addField(name: string, value: string): void;
}

/** An attempt that has ended. */
export interface AttemptEndNews extends RequestNews {
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** Origin it was sent to, as `scheme://host:port`. */
  readonly origin: string;
  /** Whether the connection had carried a request before. */
  readonly reused: boolean;
  /** Milliseconds since the attempt started. */
  readonly durationMs: number;
  /** Status of the final response; `undefined` if no head arrived. */
  readonly statusCode: number | undefined;
  /** Bytes of the response body as received, without chunk framing. */
  readonly receivedBytes: number;
  /**
   * Why the response did not arrive completely; `undefined` if it did. Its `delivery` and `attempts` are those of the
   * request so far.
   */
  readonly error: BackendError | undefined;
}
