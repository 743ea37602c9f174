/** The body of a fetch, which a redirect may need again. */

import type { MaybePromise } from '../../hook.js';
import type { CalledBackend } from '../called-backend.js';
import type { BackendRequestOptions } from '../request.js';
import { type BackendFetchInit, isStream } from './fetch-input.js';
import { readAhead } from './read-ahead.js';

/** A stream is spent once it was sent; everything else can be read again. */
export type FetchBody = BackendRequestOptions['body'] | Blob | FormData;

const BOUNDED = /^multipart\/form-data; *boundary=/;

/** Text and bytes as they were given, so that their length is known. The body of a `Request` is read as far as it is in memory already. */
export function fetchBody(
  request: Request,
  given: BackendFetchInit['body'],
  { options, deadlines }: CalledBackend,
): MaybePromise<FetchBody> {
  if (given instanceof URLSearchParams) return given.toString();
  if (isAgain(given) || isStream(given)) return given;
  const { body } = request;
  return body === null ? undefined : readAhead(body, options.replayBytes, deadlines);
}

function isAgain(given: BackendFetchInit['body']) {
  return (
    typeof given === 'string' ||
    ArrayBuffer.isView(given) ||
    given instanceof ArrayBuffer ||
    given instanceof Blob ||
    given instanceof FormData
  );
}

/** The body, to be read from its beginning, and fields that agree with it. */
export function readBody(
  body: FetchBody,
  given: Headers,
): { readonly body: BackendRequestOptions['body']; readonly headers: Headers } {
  if (!(body instanceof Blob || body instanceof FormData)) return { body, headers: given };
  const read = new Response(body);
  const headers = new Headers(given);
  if (body instanceof Blob) headers.set('content-length', String(body.size));
  // A form has another boundary each time it is read. But a Content-Type that the caller has set stays.
  else if (BOUNDED.test(headers.get('content-type') ?? '')) {
    headers.set('content-type', read.headers.get('content-type') ?? '');
  }
  return { body: read.body ?? undefined, headers };
}
