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

/** On each connection. Clients "SHOULD NOT pipeline requests after a non-idempotent method", and what waits takes memory. */
export const MOST_WAITING = 100;

/** By connection, how many requests wait for their turn; none on most. */
const waiting = new WeakMap<Socket, number>();

/** `now`; `later`, when all that came before is answered; `never`, because too many wait already. */
export type Turn = 'now' | 'later' | 'never';

export function turnOf(req: IncomingMessage, res: ServerResponse): Turn {
  // Behind another response a response has no socket yet. Streams of HTTP/2 do not stand behind each other.
  if (res.socket !== null || req.httpVersionMajor > 1) return 'now';
  const first = responseOn(req.socket);
  if (first === undefined) return 'now';
  const ahead = waiting.get(req.socket) ?? 0;
  if (ahead === 0 && isSafe(req) && isSafe(first.req)) return 'now';
  return ahead < MOST_WAITING ? 'later' : 'never';
}

/** Calls `go` in the turn of `res`. Not at all when the connection ends before: nobody would get the answer. */
export function whenItsTurnComes({ socket }: IncomingMessage, res: ServerResponse, go: () => void): void {
  waiting.set(socket, (waiting.get(socket) ?? 0) + 1);
  const comes = () => {
    waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
    go();
  };
  // node:http tells of it in the midst of the end of the response before, and so in the context of that one.
  res.once('socket', AsyncResource.bind(comes));
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
function isSafe({ method = '', headers }: IncomingMessage): boolean {
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return isSafeMethod(method) && !hasBody;
}
