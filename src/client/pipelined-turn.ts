/**
 * The turn of requests that came behind others on their client's connection, before those were answered. node:http hands out all that it
 * has read at once, but "a server MAY process a sequence of pipelined requests in parallel if they all have safe methods" (RFC 9112
 * §9.3.2). So a request that is not safe waits for those before it, and those behind it wait for it.
 */

import { AsyncResource } from 'node:async_hooks';
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isSafeMethod } from '../http1/method.js';
import { isHttp2 } from './http2.js';
import { endsConnection } from './last-request.js';

/**
 * Requests of one connection in progress at once: as many as RFC 9113 §6.5.2 would allow streams. One client must not fill the queue of
 * all.
 */
const MOST_AT_ONCE = 100;

/** Requests that may wait on each connection: they take memory. */
export const MOST_WAITING = 1000;

interface Waiting {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly go: () => void;
}

/** The requests that stand behind others on a connection, and are not answered yet. */
interface Pipeline {
  underWay: number;
  readonly waiting: Set<Waiting>; // in their order
}

const pipelines = new WeakMap<Socket, Pipeline>();

/** `now`; `later`: when there is room, or everything before it is answered; `never`: too many wait already. */
export type Turn = 'now' | 'later' | 'never';

export function turnOf(req: IncomingMessage, res: ServerResponse): Turn {
  // A response behind another one has no socket yet. Streams of HTTP/2 do not stand behind each other.
  if (res.socket !== null || isHttp2(req)) return 'now';
  if (responseOn(req.socket) === undefined) return 'now';
  const pipeline = pipelineOf(req.socket);
  const { size } = pipeline.waiting;
  if (size > 0 || !hasRoom(pipeline, req)) return size < MOST_WAITING ? 'later' : 'never';
  begin(pipeline, res);
  return 'now';
}

/** Calls `go` when it is the turn of `res`. Does not call it if the connection ends before: the response could not be sent. */
export function whenItsTurnComes(req: IncomingMessage, res: ServerResponse, go: () => void): void {
  const pipeline = pipelineOf(req.socket);
  // It is called while another response ends, and so in the async context of that one.
  const one = { req, res, go: AsyncResource.bind(go) };
  pipeline.waiting.add(one);
  res.once('socket', () => {
    if (!pipeline.waiting.delete(one)) return; // there was room before
    one.go();
    letOn(pipeline);
  });
}

/** The response that is being sent on the socket. Those behind it wait for their turn. */
export function responseOn(socket: Duplex): ServerResponse | undefined {
  const response: unknown = Reflect.get(socket, '_httpMessage');
  return response instanceof ServerResponse ? response : undefined;
}

/** Whether `req` may go beside all requests in progress. */
function hasRoom({ underWay }: Pipeline, req: IncomingMessage): boolean {
  const first = responseOn(req.socket);
  if (first === undefined || !isSafe(first.req) || !isSafe(req)) return false;
  return underWay < MOST_AT_ONCE && req.socket.writable && !endsConnection(first);
}

function begin(pipeline: Pipeline, res: ServerResponse): void {
  pipeline.underWay += 1;
  res.once('close', () => {
    pipeline.underWay -= 1;
    letOn(pipeline);
  });
}

/** Lets waiting requests of the connection continue, as long as there is room for the next. */
function letOn(pipeline: Pipeline): void {
  for (const one of pipeline.waiting) {
    if (!hasRoom(pipeline, one.req)) return;
    pipeline.waiting.delete(one);
    begin(pipeline, one.res);
    one.go();
  }
}

/**
 * Calls `go` when everything that the client had asked for before is answered: node:http reports an upgrade as soon as it has read it. Does
 * not call it if the connection ends before.
 */
export function whenItsTurnToUpgradeComes(socket: Duplex, go: () => void): void {
  if (socket.destroyed || socket.writableEnded) return;
  const before = responseOn(socket);
  if (before === undefined) go();
  else
    before.once(
      'close',
      AsyncResource.bind(() => whenItsTurnToUpgradeComes(socket, go)),
    );
}

/**
 * Whether the method is safe and there is no body. A request with a body may be refused once that was read, and then those behind it are
 * refused too: it is doubtful where they begin.
 */
export function isSafe({ method = '', headers }: IncomingMessage): boolean {
  const isFramed = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined; // even with a length of 0
  return isSafeMethod(method) && !isFramed;
}

function pipelineOf(socket: Socket): Pipeline {
  const known = pipelines.get(socket);
  if (known !== undefined) return known;
  const pipeline = { underWay: 0, waiting: new Set<Waiting>() };
  pipelines.set(socket, pipeline);
  return pipeline;
}
