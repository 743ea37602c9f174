/** `backend.request()`: one request without a client behind it. */

import type { NonIdempotentTravel, OutgoingRequest, RequestTimeouts } from '../dispatch/request.js';
import { type Attempt, BackendError } from '../errors.js';
import { fieldValue } from '../http1/fields.js';
import type { Information } from '../options.js';
import { Call } from './call.js';
import { declaredIdempotence } from './declared-idempotence.js';
import { asRelayError } from './error-answer.js';
import { inHookAtOnce } from './hook.js';
import type { MountedBackend } from './mounted-backend.js';
import { type RequestBodyInit, readRequestBody } from './request-body.js';
import { type RequestFieldsInit, readRequestFields, readTrailers } from './request-fields.js';
import { checkRequestOptions, requestTimeouts } from './request-options.js';
import type { ResponseBody } from './response-body.js';

type CallTimeouts = { readonly [Name in keyof RequestTimeouts]?: number | undefined };

/** One request. The timeouts are milliseconds, by default those of the backend. */
export interface BackendRequestOptions extends CallTimeouts {
  /** Any token (RFC 9110 §9.1); its case counts. @default 'GET' */
  readonly method?: string | undefined;
  /** Begins with `/`, or is `*` for OPTIONS. Sent as it is. */
  readonly path: string;
  /** End-to-end fields. Host is the origin's authority, unless it is given here. @default none */
  readonly headers?: RequestFieldsInit | undefined;
  /** Text and bytes can be sent again; a stream can as far as `replayBytes` goes. @default no body */
  readonly body?: RequestBodyInit | undefined;
  /** Fields to send behind the body, which is chunked then; a function is called when the body has ended. @default none */
  readonly trailers?: RequestFieldsInit | (() => RequestFieldsInit) | undefined;
  /** Ends the request at any stage, the reading of its body included. @default none */
  readonly signal?: AbortSignal | undefined;
  /** Whether it may be sent twice (RFC 9110 §9.2.2). @default by the backend's option, then by method */
  readonly idempotent?: boolean | undefined;
  /** Where it may travel, if it is not idempotent. @default that of the backend */
  readonly nonIdempotent?: NonIdempotentTravel | undefined;
  /** Called for each interim response, 101 excepted. @default none */
  readonly onInformation?: ((information: Information) => void) | undefined;
}

/** Fields in lower case, repeated ones joined by commas; Set-Cookie is a list. */
export type ResponseFields = {
  /** Each cookie as a string of its own, since commas are part of them (RFC 9110 §5.3). */
  readonly 'set-cookie'?: readonly string[];
} & Readonly<Record<string, string | readonly string[] | undefined>>;

/** A response, once its head is here. */
export interface BackendResponse {
  /** Of the final head: 200 to 999. */
  readonly statusCode: number;
  /** Reason phrase, often empty. */
  readonly statusText: string;
  /** By name in lower case. */
  readonly headers: ResponseFields;
  /** As they came: name, value, name, value… latin1. */
  readonly rawHeaders: readonly string[];
  /** Must be read or destroyed: unread, it holds a connection once it is longer than 64 KiB. */
  readonly body: ResponseBody;
  /** Filled when the body has ended. */
  readonly trailers: ResponseFields;
  /** What was tried, oldest first; the last one was answered. */
  readonly attempts: readonly Attempt[];
}

/** Sends a request. Rejects with a `BackendError`; never throws. `keeps`: see {@link CallOptions}. */
export function sendRequest(
  house: MountedBackend,
  options: BackendRequestOptions,
  keeps?: unknown,
): Promise<BackendResponse> {
  return new Promise((resolve, reject) => {
    try {
      const { request, source } = prepare(house, options);
      const { signal, onInformation } = options;
      const call = new Call({ resolve, reject }, { source, signal, onInformation, keeps });
      call.begin(house.dispatching, request);
    } catch (thrown) {
      reject(asRelayError(thrown));
    }
  });
}

/** @throws BackendError for what cannot be sent */
function prepare(house: MountedBackend, options: BackendRequestOptions) {
  checkRequestOptions(options);
  const { method = 'GET', path, nonIdempotent = house.options.nonIdempotent } = options;
  const timeouts = requestTimeouts(options, house.options);
  const { fields, host, contentLength, acceptsTrailers } = readRequestFields(options.headers);
  const trailers = trailersOf(options.trailers);
  if (trailers !== undefined && contentLength !== undefined)
    throw new BackendError('http_request_error', 'a body with Content-Length has no trailers');
  const facts = { method, contentLength, replayBytes: house.options.replayBytes, trailers };
  const { body, contentType, source } = readRequestBody(options.body, facts);
  if (contentType !== undefined && fieldValue(fields, 'content-type') === undefined)
    fields.push('Content-Type', contentType);
  const { idempotent: judge } = house.options;
  const idempotent = options.idempotent ?? declaredIdempotence(judge, { method, path, fields });
  const request: OutgoingRequest = {
    method,
    path,
    fields,
    host,
    body,
    idempotent,
    nonIdempotent,
    timeouts,
    acceptsTrailers,
  };
  return { request, source };
}

function trailersOf(given: BackendRequestOptions['trailers']): (() => readonly string[]) | undefined {
  if (given === undefined) return undefined;
  if (typeof given === 'function') return () => readTrailers(inHookAtOnce('trailers', given));
  const trailers = readTrailers(given);
  return () => trailers;
}
