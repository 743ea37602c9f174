/** Tells when a client is gone, at whatever stage of its request. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Deadlines } from '../time/deadlines.js';
import { isHttp2, streamOf } from './http2.js';
import { countWhenReset } from './http2-session-memory.js';

/** The handler that answers a request. It may be told the same more than once. */
export interface ResponseOwner {
  /** Nobody waits for its response any more: its client has left, or another handler answers. */
  abandon(why?: string): void;
  /** All of the response is on its way to the client, whoever has ended it. Only with HTTP/2. */
  responseEnded(): void;
  /** Whether another handler may begin the request again, as far as this one knows. */
  readonly mayBeBegunAgain: boolean;
}

/** A middleware, such as a timeout, has answered in our place, or has ended what we had begun. */
export const ANSWERED_ELSEWHERE = 'the request was answered by something else';

const owner = Symbol('pooled-backend.owner');

interface Owned {
  [owner]?: ResponseOwner | undefined;
}

// Of NGHTTP2_STREAM_STATE. node:http2 reports the first one for a stream that it cannot find. Loading node:http2 here would cost users who
// do not need it.
const STATE_IDLE = 1;
const STATE_CLOSED = 7;

const standingBehind = new WeakMap<Socket, Set<ResponseOwner>>();

/** Whether a handler is working on the response. */
export function isOwned(res: ServerResponse & Owned): boolean {
  return res[owner] !== undefined;
}

/** Asks the current handler of the response to give it up. Returns false if the handler keeps it. */
export function tryTakeOver(res: ServerResponse & Owned): boolean {
  const one = res[owner];
  if (one?.mayBeBegunAgain !== true) return false;
  one.abandon('the request was given to another mount');
  disown(res);
  return true;
}

/** The handler of the response has failed or given it up: another one may answer. */
export function disown(res: ServerResponse & Owned): void {
  res[owner] = undefined;
}

/** Tells `one` when the client of `req` is gone. */
export function watchDeparture(
  req: IncomingMessage,
  res: ServerResponse & Owned,
  one: ResponseOwner,
  deadlines: Deadlines,
): void {
  res[owner] = one;
  res.prependListener('close', tellOwner); // if a listener of the app throws, those behind it hear nothing
  if (isHttp2(res.req)) {
    // When a stream is reset, node:http2 lets the body of its request end as if it were complete; 'aborted' comes before that. For a HEAD
    // only the end of the request comes, because the response to it counts as ended from the beginning.
    const gone = () => one.abandon();
    req.on('aborted', gone).on('close', gone);
    endWhenReset(streamOf(req), gone, deadlines);
    endWhenAnswered(streamOf(req), one);
    countWhenReset(streamOf(req));
  } else if (res.socket === null) {
    // A response that waits behind another one in a pipeline has no socket yet, and does not hear of the end of the connection.
    const told = toldOfEnd(req.socket);
    told.add(one);
    res.once('close', () => told.delete(one));
  }
}

/**
 * Destroys a stream that the client has reset with NO_ERROR, as `close()` of a client of node:http2 does. node:http2 would keep it until
 * its request was read and its response taken. Nobody will do that any more, so it would stay for ever, with all that waits in it, and with
 * its session. For a HEAD, or a response that has ended, 'aborted' does not come, and half a request would look complete; but there the
 * request ends after the stream.
 */
function endWhenReset(stream: object | undefined, gone: () => void, { clock }: Deadlines): void {
  if (!(stream instanceof Duplex)) return;
  const endOnceReset = () => clock.soon(() => void (hasNoEnds(stream) && stream.destroy()));
  stream.on('aborted', endOnceReset).on('end', () => {
    if (!stream.closed) return;
    gone();
    endOnceReset();
  });
}

/** Before node:http2 closes a response, it waits for the end of the request. What another handler has answered must not wait so long. */
function endWhenAnswered(stream: object | undefined, one: ResponseOwner): void {
  if (stream instanceof Duplex) stream.once('finish', () => one.responseEnded());
}

/**
 * Whether the connection knows nothing of the stream any more. If the app has called `close()`, that takes until the response was flushed.
 * Destroying the stream earlier would cut the response short; and as soon as the client had room, node:http2 would write empty frames, and
 * the process would never do anything else again.
 */
function hasNoEnds(stream: Duplex): boolean {
  const { state } = Object(Reflect.get(stream, 'state'));
  return state === STATE_IDLE || state === STATE_CLOSED;
}

/** One listener for all responses, so that none needs a closure. */
function tellOwner(this: Owned): void {
  this[owner]?.abandon();
}

/** The requests that are told of the end of a connection. One listener for all of them, because Node warns of a leak from the eleventh on. */
function toldOfEnd(socket: Socket): Set<ResponseOwner> {
  const known = standingBehind.get(socket);
  if (known !== undefined) return known;
  const made = new Set<ResponseOwner>();
  standingBehind.set(socket, made);
  socket.once('close', () => {
    for (const one of made) one.abandon();
  });
  return made;
}
