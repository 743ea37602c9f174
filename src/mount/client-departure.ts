/** Tells when a client is gone, at whatever stage of its request. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Deadlines } from '../deadlines.js';
import { isHttp2, streamOf } from './http2.js';

/** Told when its client has left, when another handler answers, and when its response was sent; perhaps more than once. */
export interface Attended {
  clientGone(why?: string): void;
  /** Whether another handler may start it again, as far as its owner knows. */
  readonly mayBeBegunAgain: boolean;
}

const attended = Symbol('pooled-backend.attended');

interface WithAttended {
  [attended]?: Attended | undefined;
}

// Of NGHTTP2_STREAM_STATE; node:http2 says the first of what it cannot find. To load it here would cost those who have no use for it.
const STATE_IDLE = 1;
const STATE_CLOSED = 7;

const pipelines = new WeakMap<Socket, Set<Attended>>();

/** Whether a handler is working on it. */
export function isAttended(res: ServerResponse & WithAttended): boolean {
  return res[attended] !== undefined;
}

/** Asks the current handler of the response to give it up. False: it keeps it. */
export function takeOver(res: ServerResponse & WithAttended): boolean {
  const one = res[attended];
  if (one?.mayBeBegunAgain !== true) return false;
  one.clientGone('the request was given to another mount');
  unattended(res);
  return true;
}

/** Its handler has failed or given it up: another one may answer. */
export function unattended(res: ServerResponse & WithAttended): void {
  res[attended] = undefined;
}

/** Tells `one` when the client of `req` is gone. */
export function watchDeparture(
  req: IncomingMessage,
  res: ServerResponse & WithAttended,
  one: Attended,
  deadlines: Deadlines,
): void {
  res[attended] = one;
  res.on('close', tellAttended);
  if (isHttp2(res)) {
    // node:http2 lets the body of a request whose stream was reset end as if it were whole; 'aborted' comes before that. Of a
    // HEAD it tells nothing but the end of the request: its response counts as ended from the beginning.
    const gone = () => one.clientGone();
    req.on('aborted', gone).on('close', gone);
    endWhenReset(streamOf(req), gone, deadlines);
  } else if (res.socket === null) {
    // Behind another response in a pipeline a response has no socket yet, and hears nothing of its end.
    const pipeline = pipelineOf(req.socket);
    pipeline.add(one);
    res.once('close', () => pipeline.delete(one));
  }
}

/**
 * A stream that is reset with NO_ERROR, as by `close()` of a client of node:http2, is kept by node:http2 until its request was
 * read and its response taken, which nobody will do any more: with all that waits in it, and with its session, for ever. Of a
 * HEAD, or of a response that has ended, 'aborted' says nothing, and half a request would look whole: its end comes later than
 * that of the stream.
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

/**
 * Whether the connection knows nothing of the stream any more. A `close()` of its app waits until the response was flushed: to
 * destroy it before cuts the response short, and as soon as its client has room node:http2 writes empty frames, and nothing
 * else is done in the process ever again.
 */
function hasNoEnds(stream: Duplex): boolean {
  const { state } = Object(Reflect.get(stream, 'state'));
  return state === STATE_IDLE || state === STATE_CLOSED;
}

/** One listener for all responses: not a closure for each. */
function tellAttended(this: WithAttended): void {
  this[attended]?.clientGone();
}

/** Whom to tell of the end of a connection: one listener for all, for Node warns of a leak from the eleventh on. */
function pipelineOf(socket: Socket): Set<Attended> {
  const known = pipelines.get(socket);
  if (known !== undefined) return known;
  const made = new Set<Attended>();
  pipelines.set(socket, made);
  socket.once('close', () => {
    for (const one of made) one.clientGone();
  });
  return made;
}
