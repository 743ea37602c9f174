/** Reads the body of a call, whatever shape the caller has given it. */

import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { emptyBody } from '../body/empty-body.js';
import { MemoryBody } from '../body/memory-body.js';
import type { ReplayBody } from '../body/replay-body.js';
import { StreamBody } from '../body/stream-body.js';
import { messageOf } from '../errors.js';
import { isObject, shown } from '../options/checks.js';
import { badRequest } from './bad-request.js';
import { WebBody } from './web-body.js';

/**
 * Body of a request. Strings are sent as UTF-8. Text and bytes can always be sent again on a retry, a stream or
 * iterable up to `replayBytes`.
 */
export type RequestBodyInit =
  | string
  | ArrayBufferView
  | ArrayBuffer
  | URLSearchParams
  | Readable
  // What the types of web streams have in common: those of Node, and those of the DOM, whose `value` was optional before TypeScript 5.9.
  | (Pick<ReadableStream<Uint8Array>, 'cancel' | 'locked'> & {
      /** Locks the stream. */
      getReader(): {
        /** Resolves to the next bytes. */
        read(): Promise<Partial<Record<'value', Uint8Array | undefined>>>;
      };
    })
  | AsyncIterable<string | Uint8Array>
  | Iterable<string | Uint8Array>;

export interface RequestBody {
  readonly body: ReplayBody | undefined;
  /** Content-Type that this shape implies. */
  readonly contentType: string | undefined;
  /** The stream behind the body, if there is one. */
  readonly source: Readable | undefined;
}

export interface BodyFacts {
  readonly method: string;
  /** Value of Content-Length, if the caller gave one. */
  readonly contentLength: number | undefined;
  readonly replayBytes: number;
  /** Called once the body has ended, which is then chunked. */
  readonly trailers: (() => readonly string[]) | undefined;
}

/** @throws BackendError `http_request_error` when the value is not a body, or not of the declared length */
export function readRequestBody(given: RequestBodyInit | null | undefined, facts: BodyFacts): RequestBody {
  if (given === undefined || given === null) return without(absent(facts));
  if (typeof given === 'string') return without(whole(given, facts));
  if (given instanceof Uint8Array && given.length > 0) return without(whole(given, facts));
  if (ArrayBuffer.isView(given)) {
    return without(whole(bytesOf(given.buffer, given.byteOffset, given.byteLength), facts));
  }
  if (given instanceof ArrayBuffer) return without(whole(bytesOf(given), facts));
  if (given instanceof URLSearchParams) {
    const contentType = 'application/x-www-form-urlencoded;charset=UTF-8';
    return { body: whole(given.toString(), facts), contentType, source: undefined };
  }
  const source = sourceOf(given);
  const length = facts.contentLength;
  return {
    body: new StreamBody(source, { length, replayBytes: facts.replayBytes, trailers: facts.trailers }),
    contentType: undefined,
    source,
  };
}

/** Ends the stream behind a body of which no more is wanted. */
export function endSource(source: Readable): void {
  // Destroying a client's request would destroy the connection on which the client waits for an answer; with HTTP/2, its stream would stay
  // for ever. But its rest would block the next request, and node:http itself drops only what nobody has begun to read.
  if (!isOfClient(source)) source.destroy();
  else if (isBegun(source) && !source.readableEnded) process.nextTick(() => source.resume()); // it is paused first
}

function isBegun(source: Readable): boolean {
  return source.readableDidRead || source.listenerCount('data') > 0;
}

/** Whether it is what a server has received, of HTTP/1.1 or HTTP/2. A response of node:http is of the same class. */
function isOfClient(source: Readable): boolean {
  return 'httpVersionMajor' in source && !('statusCode' in source && source.statusCode !== null);
}

/** Memory that was transferred to a worker looks empty. It must not be sent as an empty body. */
function bytesOf(buffer: ArrayBufferLike, from?: number, length?: number): Uint8Array | string {
  try {
    const bytes = new Uint8Array(buffer, from, length);
    return bytes.length === 0 ? '' : bytes;
  } catch (error) {
    throw badRequest(`body is a buffer that was transferred: ${messageOf(error)}`, error);
  }
}

function sourceOf(given: Exclude<RequestBodyInit, string>): Readable {
  if (given instanceof Readable) return unread(given);
  if (given instanceof ReadableStream) {
    if (given.locked || isDisturbed(given))
      throw badRequest('body is a web stream that was already read, or is locked');
    return new WebBody(given);
  }
  if (isObject(given) && !isOfPairs(given) && (Symbol.asyncIterator in given || Symbol.iterator in given)) {
    return iterated(given);
  }
  // Its content is not shown, because the message may end in a log.
  const kind = isObject(given) ? `an object of class ${given.constructor?.name ?? 'none'}` : shown(given);
  const advice = given instanceof FormData || given instanceof Blob ? '; backend.fetch() accepts it' : '';
  throw badRequest(
    `body must be a string, bytes, URLSearchParams, a stream or an iterable of bytes, got ${kind}${advice}`,
  );
}

// An iterator, such as a generator, yields its items once: a second request would be sent with what is left, mostly nothing.
const givenBefore = new WeakSet<object>();

/** A stream of the items as they are: the reader refuses those that are neither bytes nor text. */
function iterated(given: AsyncIterable<unknown> | Iterable<unknown>): Readable {
  if (givenBefore.has(given))
    throw badRequest('body is an iterator that another request has used: create one for each request');
  if ('next' in given) givenBefore.add(given);
  try {
    return Readable.from(given);
  } catch (error) {
    throw badRequest(`body is an iterable that cannot be read: ${messageOf(error)}`, error);
  }
}

/** Whether it is iterable, but gives pairs, of which no body is made. */
function isOfPairs(given: object): boolean {
  return given instanceof FormData || given instanceof Map;
}

/** Node also accepts web streams here, but its types do not say so. */
function isDisturbed(stream: object): boolean {
  return Readable.isDisturbed(stream as Readable);
}

/** Refuses a stream that has failed, has ended or was destroyed: it would be sent as an empty body, or as half of one. */
function unread(stream: Readable): Readable {
  const { errored } = stream;
  if (errored) throw badRequest(`body is a stream that has failed: ${messageOf(errored)}`, errored);
  if (stream.readableEnded || stream.destroyed)
    throw badRequest('body is a stream that was read to its end, or destroyed');
  return stream;
}

function absent({ method, contentLength, trailers }: BodyFacts): ReplayBody | undefined {
  if (trailers !== undefined) return new MemoryBody('', trailers());
  if (contentLength !== undefined) checkLength(0, contentLength);
  return emptyBody(method, contentLength !== undefined);
}

function whole(given: Uint8Array | string, { contentLength, trailers }: BodyFacts): ReplayBody {
  const body = typeof given === 'string' ? MemoryBody.ofText(given, trailers?.()) : new MemoryBody(given, trailers?.());
  if (contentLength !== undefined) checkLength(body.whole.length, contentLength);
  return body;
}

function checkLength(actual: number, declared: number): void {
  if (actual === declared) return;
  throw badRequest(`Content-Length is ${declared}, but the body has ${actual} bytes`);
}

function without(body: ReplayBody | undefined): RequestBody {
  return { body, contentType: undefined, source: undefined };
}
