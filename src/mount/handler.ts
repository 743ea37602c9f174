/** Mounts a backend in a node:http server, Express or Connect. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ResolvedHandlerOptions } from '../options.js';
import { answerConnect } from './error-answer.js';
import type { MountedBackend } from './mounted-backend.js';
import { type Next, Relay } from './relay.js';

/**
 * Relays a request to the backend. Without `next` a failure is answered here; with it (Express, Connect) it is given to
 * `next` as a `BackendError`, unless a part of the response was sent already: then the client's connection is destroyed.
 */
export type RequestHandler = (req: IncomingMessage, res: ServerResponse, next?: Next) => void;

export function createHandler(house: MountedBackend, options: ResolvedHandlerOptions): RequestHandler {
  const mount = { house, options };
  return (req, res, next) => {
    if (res.destroyed || res.writableEnded || req.aborted) return; // the client has left, or was answered
    if (req.method === 'CONNECT') answerConnect(res);
    else new Relay(mount, req, res, next).begin();
  };
}
