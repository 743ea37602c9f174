/** `backend.fetch()`: fetch as the standard has it, over a backend, with Node's own `Request` and `Response`. */

import { isUtf8 } from 'node:buffer';
import { type Attempt, asBackendError, asHeadError, BackendError } from '../../errors.js';
import { isPromise } from '../../hook.js';
import type { CalledBackend } from '../called-backend.js';
import type { BackendRequestOptions, BackendResponse } from '../request.js';
import { sendRequest } from '../send-request.js';
import { type BackendFetchInit, fetchInit, fetchRequest, fetchSignal, isStream } from './fetch-input.js';
import { type FetchBody, fetchBody, readBody } from './fetch-request-body.js';
import { fetchedBody } from './fetch-response-body.js';

/**
 * The signal of the fetch. If it is the signal of a Request, it follows the caller's signal only as long as that Request lives, so `keeps`
 * holds the Request.
 */
interface Following {
  readonly signal: AbortSignal;
  readonly keeps: unknown;
}

type Sending = Pick<BackendRequestOptions, 'method' | 'idempotent' | 'nonIdempotent'> & {
  readonly headers: Headers;
  readonly body: FetchBody;
};

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const BODILESS = new Set([204, 205, 304]);
const MOST_REDIRECTS = 20;
/** What a path is relative to while there is no origin. */
const NOWHERE = 'http://backend.invalid';
const BODY_FIELDS = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length'];

/**
 * A path is relative to the first of the origins.
 *
 * @throws TypeError as a rejection, with the `BackendError` as its cause; or the reason of an aborted signal
 */
export async function fetchOver(
  backend: CalledBackend | false,
  input: string | URL | Request,
  given?: BackendFetchInit | null,
): Promise<Response> {
  // Clients that accept a `fetch` call it without `this`, or as a method of an object of theirs.
  if (!backend) throw new TypeError('pass (input, init) => backend.fetch(input, init), not backend.fetch');
  const init = fetchInit(given);
  const { idempotent, nonIdempotent } = init;
  const request = fetchRequest(input, init, originsOf(backend)[0]);
  const headers = new Headers(request.headers);
  if (!headers.has('accept')) headers.set('accept', '*/*');
  // "If httpRequest's header list contains `Range`, then append (`Accept-Encoding`, `identity`)": a part of an encoded body cannot be
  // decoded.
  const codings = headers.has('range') ? 'identity' : 'gzip, deflate, br';
  if (!headers.has('accept-encoding')) headers.set('accept-encoding', codings);
  const body = fetchBody(request, init.body, backend);
  const sending: Sending = {
    method: request.method,
    headers,
    body: isPromise(body) ? await body : body,
    ...(idempotent !== undefined && { idempotent }),
    ...(nonIdempotent !== undefined && { nonIdempotent }),
  };
  const signal = fetchSignal(input, init, request);
  return followed(backend, new URL(request.url), { redirect: request.redirect, signal, keeps: input }, sending);
}

async function followed(
  backend: CalledBackend,
  start: URL,
  { redirect, ...following }: Following & { readonly redirect: Request['redirect'] },
  first: Sending,
): Promise<Response> {
  let [url, sending] = [start, first];
  for (let redirects = 0; ; redirects++) {
    refuseOther(backend, url);
    const response = await sent(backend, url, sending, following, redirects > 0);
    const location = response.headers.location;
    const isRedirect = REDIRECTS.has(response.statusCode) && typeof location === 'string';
    if (!isRedirect || redirect === 'manual') {
      return standardResponse(response, url, redirects > 0, sending, following.signal);
    }
    response.body.destroy();
    if (redirect === 'error') throw new TypeError(`${url} answered with a redirect to ${location}`);
    if (redirects === MOST_REDIRECTS) throw new TypeError(`more than ${MOST_REDIRECTS} redirects`);
    sending = redirected(sending, response.statusCode);
    url = next(url, location);
  }
}

/** As `URL.origin` writes them. */
function originsOf(backend: CalledBackend): readonly string[] {
  const origins = new Set(backend.origins().map(({ origin }) => new URL(origin).origin));
  return origins.size > 0 ? [...origins] : [NOWHERE];
}

function refuseOther(backend: CalledBackend, { origin }: URL): void {
  const known = originsOf(backend);
  if (origin !== NOWHERE && !known.includes(origin))
    throw new TypeError(`${origin} is not an origin of this backend, which has ${known.join(', ')}`);
}

function next(url: URL, given: string): URL {
  const location = inUtf8(given);
  if (!URL.canParse(location, url.href)) throw new TypeError(`redirected to an invalid URL: ${location}`);
  const target = new URL(location, url);
  if (target.username !== '' || target.password !== '') throw new TypeError('redirected to a URL with credentials');
  return target;
}

/** Servers send a path in plain UTF-8, though a URL is ASCII. Such bytes are read as UTF-8, as the standard says. */
function inUtf8(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : latin1;
}

async function sent(
  backend: CalledBackend,
  url: URL,
  sending: Sending,
  { signal, keeps }: Following,
  isRedirected: boolean,
): Promise<BackendResponse> {
  try {
    const { body, headers } = readBody(sending.body, sending.headers);
    return await sendRequest(backend, { ...sending, body, headers, path: url.pathname + url.search, signal }, keeps);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw new TypeError('fetch failed', { cause: isRedirected ? afterRedirect(asBackendError(thrown)) : thrown });
  }
}

/** A redirect has answered the caller's request, whatever happened to the request that followed it. */
function afterRedirect(failure: BackendError): BackendError {
  return failure.delivery === 'unsent' ? answered(failure, failure.attempts) : failure;
}

/** What is sent to the place that a redirect names (Fetch, HTTP-redirect fetch). */
function redirected(sending: Sending, status: number): Sending {
  const { method = 'GET', body, headers, ...rest } = sending;
  const becomesGet = status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST';
  if (!becomesGet) {
    if (isStream(body)) throw new TypeError(`cannot follow a ${status} redirect: the body was a stream`);
    return sending;
  }
  const kept = new Headers(headers);
  for (const name of BODY_FIELDS) kept.delete(name);
  // What was declared for the earlier method says nothing about this one.
  const { idempotent: _, ...others } = rest;
  return { ...others, method: 'GET', headers: kept, body: undefined };
}

// --- the response --------------------------------------------------------------------------------------------------------

function standardResponse(
  response: BackendResponse,
  url: URL,
  isRedirected: boolean,
  { method }: Sending,
  signal: AbortSignal,
): Response {
  const { statusCode: status, statusText, rawHeaders, body, attempts } = response;
  try {
    const headers = new Headers();
    for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '');
    const isBodiless = BODILESS.has(status) || method === 'HEAD';
    if (isBodiless) body.resume();
    const stream = isBodiless ? null : fetchedBody(body, headers.get('content-encoding'), signal);
    const made = new Response(stream, { status, statusText, headers });
    // These tell a Response that was fetched from one that was made by its constructor.
    Object.defineProperty(made, 'url', { value: url.href.replace(/#.*$/, '') });
    Object.defineProperty(made, 'redirected', { value: isRedirected });
    Object.defineProperty(made, 'type', { value: 'basic' });
    return made;
  } catch (thrown) {
    body.destroy();
    throw new TypeError('fetch failed', { cause: answered(asHeadError(thrown), attempts) });
  }
}

/** The same failure, of a fetch whose request has had an answer: it was sent, so the error must not say that it can be sent again. */
function answered(failure: BackendError, attempts: readonly Attempt[]): BackendError {
  const { code, message, origin = attempts.at(-1)?.origin, counts, retryAfter, cause } = failure;
  return new BackendError(code, message, { delivery: 'answered', origin, attempts, counts, retryAfter, cause });
}
