/**
 * Serves requests that offer a protocol which we do not tunnel, and whose body is still to come: since Node 26 node:http reads such a body
 * with its own parser. A request is served as it is. Its response ends the connection, because what follows the body is no longer read as
 * requests.
 */

import type { EventEmitter } from 'node:events';
import { type IncomingMessage, ServerResponse } from 'node:http';
import { expectsContinue } from '../../client/interim.js';
import type { Deadlines } from '../../time/deadlines.js';
import { refuseUnseenFields, refuseWithoutHost } from '../request/doubtful-request.js';
import { endIdleTimeout, refuse, requireServer } from './released-socket.js';

export function serveWithBodyToCome(req: IncomingMessage, deadlines: Deadlines): void {
  const { socket } = req;
  let server: EventEmitter;
  try {
    server = requireServer(socket);
    refuseUnseenFields(req);
    refuseWithoutHost(req);
  } catch (thrown) {
    refuse(socket, thrown, deadlines);
    return;
  }
  endIdleTimeout(socket);
  const res = new (responseClass(server))(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket);
  res.once('finish', () => (typeof socket.destroySoon === 'function' ? socket.destroySoon() : socket.end()));
  socket.once('close', () => req.destroy());
  serve(server, req, res);
}

/** The class of `createServer({ ServerResponse })`, if there is one: the listeners of such a server rely on it. */
function responseClass(server: EventEmitter): typeof ServerResponse {
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'ServerResponse');
  const given: unknown = key && Reflect.get(server, key);
  return isResponseClass(given) ? given : ServerResponse;
}

function isResponseClass(given: unknown): given is typeof ServerResponse {
  return typeof given === 'function' && given.prototype instanceof ServerResponse;
}

/** Does what node:http would have done, if it had not taken the request for an upgrade. */
function serve(server: EventEmitter, req: IncomingMessage, res: ServerResponse): void {
  const expected = req.httpVersion === '1.1' ? req.headers.expect : undefined;
  if (expected === undefined) server.emit('request', req, res);
  else if (expectsContinue(expected)) {
    if (server.emit('checkContinue', req, res)) return;
    res.writeContinue();
    server.emit('request', req, res);
  } else if (!server.emit('checkExpectation', req, res)) res.writeHead(417).end();
}
