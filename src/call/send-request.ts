/** `backend.request()`: one request without a client behind it. */

import { declaredIdempotence } from '../dispatch/idempotence.js';
import type { OutgoingRequest } from '../dispatch/request.js';
import { asBackendError } from '../errors.js';
import { inHookAtOnce } from '../hook.js';
import { fieldValue } from '../http1/fields.js';
import { badRequest } from './bad-request.js';
import { Call } from './call.js';
import type { CalledBackend } from './called-backend.js';
import type { BackendRequestOptions, BackendResponse } from './request.js';
import { endSource, readRequestBody } from './request-body.js';
import { readRequestFields, readTrailers } from './request-fields.js';
import { checkRequestOptions, requestTimeouts } from './request-options.js';

/** Sends a request. Rejects with a `BackendError`; never throws. `keeps`: see {@link CallOptions}. */
export function sendRequest(
  backend: CalledBackend,
  options: BackendRequestOptions,
  keeps?: unknown,
): Promise<BackendResponse> {
  return new Promise((resolve, reject) => {
    try {
      const { request, source } = prepare(backend, options);
      const { signal, onInformation } = options;
      const call = new Call({ resolve, reject }, { source, signal, onInformation, keeps });
      call.begin(backend.dispatching, request);
    } catch (thrown) {
      reject(asBackendError(thrown));
    }
  });
}

/** @throws BackendError for what cannot be sent */
function prepare(backend: CalledBackend, options: BackendRequestOptions) {
  checkRequestOptions(options);
  const { method = 'GET', path, nonIdempotent = backend.options.nonIdempotent } = options;
  const timeouts = requestTimeouts(options, backend.options);
  const { fields, host, contentLength, acceptsTrailers } = readRequestFields(options.headers);
  const trailers = trailersOf(options.trailers);
  if (trailers !== undefined && contentLength !== undefined)
    throw badRequest('trailers cannot be combined with Content-Length');
  const facts = { method, contentLength, replayBytes: backend.options.replayBytes, trailers };
  const { body, contentType, source } = readRequestBody(options.body, facts);
  if (contentType !== undefined && fieldValue(fields, 'content-type') === undefined)
    fields.push('Content-Type', contentType);
  let { idempotent } = options;
  try {
    idempotent ??= declaredIdempotence(backend.options.idempotent, { method, path, fields });
  } catch (thrown) {
    if (source !== undefined) endSource(source); // the stream is ours by now, and a web stream is locked
    throw thrown;
  }
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
