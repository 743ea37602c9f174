/**
 * The turn of what came behind other requests on its client's connection, before those were answered. node:http hands
 * out all that it has read at once, but "a server MAY process a sequence of pipelined requests in parallel if they all have
 * safe methods" (RFC 9112 §9.3.2): what changes something waits for what was asked before, and what comes behind it waits.
 */

import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isSafeMethod } from '../http1/method.js';
import { responseOn } from './released-socket.js';

/** Of one connection: as many as RFC 9113 §6.5.2 would have streams. One client is not to fill the queue of all. */
const MOST_AT_ONCE = 100;

/** On each connection: what waits takes memory. */
export const MOST_WAITING = 1000;

interface Waiting {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly go: () => void;
}

/** What stands behind others on a connection, and is not answered yet. */
interface Pipeline {
  underWay: number;
  readonly waiting: Set<Waiting>; // in their order
}

const pipelines = new WeakMap<Socket, Pipeline>();

/** `now`; `later`, when there is room, or all that came before is answered; `never`, because too many wait already. */
export type Turn = 'now' | 'later' | 'never';

export function turnOf(req: IncomingMessage, res: ServerResponse): Turn {
  // Behind another response a response has no socket yet. Streams of HTTP/2 do not stand behind each other.
  if (res.socket !== null || req.httpVersionMajor > 1) return 'now';
  if (responseOn(req.socket) === undefined) return 'now';
  const pipeline = pipelineOf(req.socket);
  const { size } = pipeline.waiting;
  if (size > 0 || !hasRoom(pipeline, req)) return size < MOST_WAITING ? 'later' : 'never';
  begin(pipeline, res);
  return 'now';
}

/** Calls `go` in the turn of `res`. Not at all if the connection ends before: the response could not be sent. */
export function whenItsTurnComes(req: IncomingMessage, res: ServerResponse, go: () => void): void {
  const pipeline = pipelineOf(req.socket);
  // Another response tells of it in the midst of its end, and so in its context.
  const one = { req, res, go: AsyncResource.bind(go) };
  pipeline.waiting.add(one);
  res.once('socket', () => {
    if (!pipeline.waiting.delete(one)) return; // there was room before
    one.go();
    letOn(pipeline);
  });
}

/** Whether `req` may go beside all that is under way. */
function hasRoom({ underWay }: Pipeline, req: IncomingMessage): boolean {
  const first = responseOn(req.socket);
  return underWay < MOST_AT_ONCE && req.socket.writable && isSafe(req) && first !== undefined && isSafe(first.req);
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
 * Calls `go` when everything that the client had asked for before is answered: of an upgrade node:http tells as soon as it has
 * read it. Never, when the connection ends before.
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

/** One with a body may be refused once that was read, and what comes behind it with it: where that begins is doubtful then. */
export function isSafe({ method = '', headers }: IncomingMessage): boolean {
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return isSafeMethod(method) && !hasBody;
}

function pipelineOf(socket: Socket): Pipeline {
  const known = pipelines.get(socket);
  if (known !== undefined) return known;
  const pipeline = { underWay: 0, waiting: new Set<Waiting>() };
  pipelines.set(socket, pipeline);
  return pipeline;
}
