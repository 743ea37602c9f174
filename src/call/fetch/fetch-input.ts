/** Checks what `backend.fetch()` is given, against the standard and against what only a backend understands. */

import { Readable } from 'node:stream';
import { isObject, shown } from '../../options/checks.js';
import type { NonIdempotentTravel } from '../../options.js';

/** Second argument of `backend.fetch()`: the standard `RequestInit`, and two options of the backend. */
export interface BackendFetchInit extends RequestInit {
  /** Whether the request may be sent twice (RFC 9110 §9.2.2). @default by the backend's option, then by method */
  readonly idempotent?: boolean | undefined;
  /** Which connections the request may use if it is not idempotent. @default that of the backend */
  readonly nonIdempotent?: NonIdempotentTravel | undefined;
}

// The standard ignores names that it does not know, and so do we. But these are options of request(): here they would do nothing, so they
// are a mistake.
const OF_REQUEST_ALONE = [
  'path',
  'trailers',
  'onInformation',
  'queueTimeout',
  'sendTimeout',
  'headersTimeout',
  'bodyTimeout',
  'requestTimeout',
] as const;

/**
 * @param base what a path is relative to
 * @throws TypeError for what is not a request, and for options of `backend.request()` that a fetch does not have
 */
export function fetchRequest(
  input: string | URL | Request,
  { idempotent: _, nonIdempotent: __, ...standard }: BackendFetchInit,
  base: string | undefined,
): Request {
  const wrong = OF_REQUEST_ALONE.find((name) => name in standard);
  if (wrong !== undefined) throw new TypeError(`fetch() has no option ${wrong}: use backend.request()`);
  const url = input instanceof Request ? input : new URL(urlText(input), base);
  // With a signal, Request would add a listener to the caller's signal, which stays there until garbage is collected: see `fetchSignal()`.
  const request = new Request(url, { ...standard, ...standIn(standard.body), signal: null });
  if (request.integrity !== '') throw new TypeError('integrity is not supported by backend.fetch()');
  return request;
}

/** The caller's own signal, or one that is never aborted. */
export function fetchSignal(input: unknown, { signal }: BackendFetchInit, request: Request): AbortSignal {
  if (signal === undefined && input instanceof Request) return input.signal;
  return signal ?? request.signal;
}

/**
 * A stand-in for a body that is a stream; the stream itself is read as it is. Node would make another stream of an iterable, a generator or
 * a Readable, and that one ends the process when a body that was given up comes to its end.
 */
function standIn(body: BackendFetchInit['body']): Pick<RequestInit, 'body'> | undefined {
  if (!isStream(body)) return undefined;
  if (body instanceof Readable && Readable.isDisturbed(body)) {
    throw new TypeError('body is a stream that was already read, or is being read');
  }
  return { body: new ReadableStream() };
}

/** Whether a body can be read only once. */
export function isStream<T>(body: T): body is T & AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/** `null` and `undefined` mean no options, as the standard says. */
export function fetchInit(given: BackendFetchInit | null | undefined): BackendFetchInit {
  const init = given ?? {};
  if (!isObject(init)) throw new TypeError(`the options of fetch() must be an object, got ${shown(init)}`);
  return init;
}

/** Accepts anything with a text of its own, as the standard says. Anything else would become a path such as `[object Object]`. */
function urlText(input: unknown): string {
  const text = typeof input === 'string' || isObject(input) ? String(input) : undefined;
  if (text === undefined || text.startsWith('[object ')) {
    throw new TypeError(`fetch() takes a path, a URL or a Request of Node, got ${shown(input)}`);
  }
  return text;
}
