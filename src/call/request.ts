/** What is asked of `backend.request()`, and what it gives. */

import type { IncomingHttpHeaders } from 'node:http';
import type { Attempt } from '../errors.js';
import type { GivenTimeouts, Information, NonIdempotentTravel } from '../options.js';
import type { RequestBodyInit } from './request-body.js';
import type { RequestFieldsInit } from './request-fields.js';
import type { ResponseBody } from './response-body.js';

/** A request for `backend.request()`. The timeouts are in milliseconds. */
export interface BackendRequestOptions extends GivenTimeouts {
  /** Request method: any token except CONNECT (RFC 9110 §9.1); case-sensitive. @default 'GET' */
  readonly method?: string | undefined;
  /** Path and query: starts with `/`, or `*` for OPTIONS. Sent without any change, so it must already be encoded. */
  readonly path: string;
  /** End-to-end fields. Hop-by-hop fields are not sent. Host is that of the origin unless given here. @default none */
  readonly headers?: RequestFieldsInit | undefined;
  /**
   * Request body; `null` is none. Text and bytes can always be sent again on a retry, a stream up to `replayBytes`.
   *
   * @default no body
   */
  readonly body?: RequestBodyInit | null | undefined;
  /**
   * Trailer fields to send after the body, which is then chunked. A function is called when the body has ended.
   *
   * @default none
   */
  readonly trailers?: RequestFieldsInit | (() => RequestFieldsInit) | undefined;
  /** Aborts the request at any stage, including while the response body is read. @default none */
  readonly signal?: AbortSignal | undefined;
  /** Whether the request may be sent twice (RFC 9110 §9.2.2). @default by the backend's option, then by method */
  readonly idempotent?: boolean | undefined;
  /** Which connections the request may use if it is not idempotent. @default that of the backend */
  readonly nonIdempotent?: NonIdempotentTravel | undefined;
  /** Called for each interim (1xx) response except 101. @default none */
  readonly onInformation?: ((information: Information) => void) | undefined;
}

/**
 * Response fields by lower-case name, typed as those of `http.IncomingMessage`. Repeated fields are joined with commas,
 * except `set-cookie`, the only array: cookies may contain commas (RFC 9110 §5.3).
 */
export type ResponseFields = Readonly<IncomingHttpHeaders>;

/** A response whose head has arrived. */
export interface BackendResponse {
  /** Status of the final response: 200 to 999. */
  readonly statusCode: number;
  /** Reason phrase; often empty. */
  readonly statusText: string;
  /** Fields by lower-case name. Repeated fields are joined with commas, except `set-cookie`, which is an array. */
  readonly headers: ResponseFields;
  /** Fields as received: name, value, name, value… Strings are latin1. */
  readonly rawHeaders: readonly string[];
  /**
   * The body. Read it completely or call `body.destroy()`: an unread body longer than 64 KiB occupies its connection.
   */
  readonly body: ResponseBody;
  /** Trailer fields by lower-case name; empty until the body has ended. */
  readonly trailers: ResponseFields;
  /** All attempts, oldest first; the last one got this response. */
  readonly attempts: readonly Attempt[];
}
