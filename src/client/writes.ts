/** Writes to a client where the ordinary way of node:http is not good enough. */

import { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Taken } from '../dispatch/request.js';
import { isEventStream } from '../http1/event-stream.js';
import { isHttp2, streamOf } from './http2.js';
import { hasConnection } from './injected-request.js';

/** Called when a piece that fits into one frame was taken, or never will be. */
export type WhenTaken = (error?: Error | null) => void;

const MOST_BYTES = 8_192;

// A client of HTTP/2 for which this much waits is slow; other clients get large pieces. A frame has room for at least FRAME_BYTES (RFC 9113
// §6.5.2).
const SLOW_BYTES = 65_536;
const FRAME_BYTES = 16_384;

/**
 * Writes the head now. flushHeaders() of node:http would write it as UTF-8: each byte above ASCII, in a file name or a cookie, would become
 * two. Whatever is written with an encoding takes the head along in that encoding.
 */
export function flushHead(res: ServerResponse): void {
  const send: unknown = Reflect.get(res, '_send');
  const isPlain = !isHttp2(res.req) && res.flushHeaders === ServerResponse.prototype.flushHeaders;
  if (isPlain && typeof send === 'function') send.call(res, '', 'latin1');
  else res.flushHeaders();
}

/**
 * Whether the response waits for its turn in a pipeline. If its head is written together with bytes, node:http puts it before the interim
 * responses that wait there. The client would read them as the beginning of the body, and the end of the body as the next response.
 */
export function standsBehindOthers(res: ServerResponse): boolean {
  return res.socket === null;
}

/**
 * Writes a piece of a body now. node:http would wait until the next tick to see what else comes. That is too late to learn that the kernel
 * has taken everything, so that the bytes are not needed any more.
 */
export function writeNow(res: ServerResponse, bytes: Uint8Array, whenTaken?: WhenTaken): Taken {
  if (isWrapped(res)) return writeThrough(res, bytes);
  if (isHttp2(res.req)) return writeFrames(res, bytes, whenTaken);
  res.cork();
  const more = res.write(bytes, whenTaken);
  res.uncork();
  // A server may be given any Duplex as a connection. If that is not a socket, it may keep the bytes that it says it took.
  return res.writableLength === 0 && res.socket instanceof Socket ? 'written' : more;
}

/** Whether a middleware stands between us and the client, for example to compress. What it holds cannot be seen. */
export function isWrapped(res: ServerResponse): boolean {
  return isHttp2(res.req) ? Object.hasOwn(res, 'write') : res.write !== ServerResponse.prototype.write;
}

/** Many middlewares that only look at the bytes return nothing. */
function writeThrough(res: ServerResponse, bytes: Uint8Array): boolean {
  const more: unknown = res.write(bytes);
  flushEvents(res);
  if (typeof more === 'boolean') return more;
  return Reflect.get(streamOf(res) ?? res, 'writableNeedDrain') !== true;
}

/**
 * A middleware that compresses would hold an event back until there is more, perhaps for ever. The package `compression` has `flush` for
 * this.
 */
function flushEvents(res: ServerResponse): void {
  const flush: unknown = Reflect.get(res, 'flush');
  if (typeof flush === 'function' && isEventStream(['content-type', String(res.getHeader('content-type'))]))
    flush.call(res);
}

/**
 * Writes frame by frame behind what waits for a slow client of HTTP/2, so that we can see how much of it the client takes. Otherwise
 * node:http2 passes on all that waits as one vector, and tells only when the last byte of that was taken.
 */
function writeFrames(res: ServerResponse, bytes: Uint8Array, whenTaken?: WhenTaken): boolean {
  if (res.writableLength < SLOW_BYTES) return res.write(bytes, whenTaken);
  const stream = streamOf(res);
  if (stream !== undefined) Reflect.set(stream, '_writev', null);
  let more = false;
  for (let from = 0; from < bytes.length; from += FRAME_BYTES)
    more = res.write(bytes.subarray(from, from + FRAME_BYTES), whenTaken);
  return more;
}

/** Whether these bytes may be given to {@link endWith} as latin1 text. */
export function canEndWith(res: ServerResponse, bytes: Uint8Array): boolean {
  // A middleware that wraps res.write() may not treat latin1 text as bytes.
  const { write, end } = ServerResponse.prototype;
  return bytes.length <= MOST_BYTES && res.write === write && res.end === end && hasConnection(res);
}

/**
 * Ends the response with the last of its body, as latin1 text. node:http joins text with the head before it, and under our cork it writes
 * nothing else with it: this is one write of one string. `write(bytes)` and `end()` make a vector of head, bytes and an empty end, which
 * takes 1.6 µs more of the 12 that a server needs to answer from memory; `end(text)` makes a vector of two, which takes 0.8 more.
 */
export function endWith(res: ServerResponse, text: string): void {
  if (res.chunkedEncoding) {
    res.end(text, 'latin1'); // the last chunk comes behind it
    return;
  }
  res.cork();
  res.write(text, 'latin1');
  res.uncork();
  res.end();
}
