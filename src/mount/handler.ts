/** Mounts a backend in a server of node:http or node:http2, in Express or Connect. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { isOwned, tryTakeOver } from '../client/departure.js';
import { whyUnusable } from '../client/injected-request.js';
import { isBehindEnd } from '../client/last-request.js';
import { isSafe, MOST_WAITING, turnOf, whenItsTurnComes } from '../client/pipelined-turn.js';
import { BackendError } from '../errors.js';
import type { Mount, Next } from './mounted-backend.js';
import { Relay } from './relay.js';
import { tryAnswerHere } from './request/max-forwards.js';

/**
 * A request listener. Without `next` it answers failures itself. With `next` (Express, Connect) it passes them on as a
 * `BackendError`, unless a part of the response was already sent: then it destroys the client's connection.
 */
export interface RequestHandler {
  (req: IncomingMessage, res: ServerResponse, next?: Next): void;
  (req: Http2ServerRequest, res: Http2ServerResponse, next?: Next): void;
}

/** `mount` returns the mount with its current options. A request keeps those that it began with. */
export function createHandler(mount: () => Mount): RequestHandler {
  function handle(req: IncomingMessage, res: ServerResponse, next?: Next): void {
    const unusable = whyUnusable(req, res);
    if (unusable !== undefined) {
      if (typeof next !== 'function') throw unusable; // the events 'upgrade' and 'connect' have a Buffer there
      next(unusable);
      return;
    }
    const turn = turnOf(req, res);
    if (turn === 'now') begin(req, res, next);
    else if (turn === 'later') whenItsTurnComes(req, res, () => begin(req, res, next));
    else new Relay(mount(), req, res, next).requestFailed(crowdedError());
  }
  function begin(req: IncomingMessage, res: ServerResponse, next: Next | undefined): void {
    if (res.destroyed || res.headersSent || req.aborted) return; // the client has left, or another handler has answered
    if (isBehindEnd(req)) return; // nobody would get the answer
    // A middleware may call next() twice. A safe request may move to the next mount, after a timeout of the app for example.
    if (isOwned(res) && !(isSafe(req) && tryTakeOver(res))) return;
    if (!tryAnswerHere(req, res)) new Relay(mount(), req, res, next).begin();
  }
  // The compatibility API of node:http2 has the same members. Where it behaves differently, the relay checks the version.
  return handle as RequestHandler;
}

/**
 * Guards against passing a method itself instead of what it returns.
 * @throws TypeError for `createServer(backend.handler)`, which has lost its backend by the time of the first request
 */
export function refuseDetached(hasBackend: boolean, method: string): void {
  if (!hasBackend) throw new TypeError(`${method} must be called: pass backend.${method}(), not backend.${method}`);
}

function crowdedError(): BackendError {
  const found = `more than ${MOST_WAITING} requests wait for the answers to others on their client's connection`;
  return new BackendError('connection_limit_reached', found);
}
