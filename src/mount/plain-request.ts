/** Requests that offer a protocol which is not for us are served by HTTP/1.1, as if they offered nothing. */

import { EventEmitter } from 'node:events';
import { type IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { BackendError } from '../errors.js';
import { fieldLines } from '../http1/fields.js';
import { withoutUpgrade } from '../http1/upgrade.js';
import { expectsContinue } from './client-request.js';
import { refuseUnseenFields } from './doubtful-request.js';
import { asRelayError } from './error-answer.js';

const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/** Since Node 26 a body that came with its head has been read by then; before, it is the beginning of what follows. */
const READS_BODIES = Number.parseInt(process.versions.node, 10) >= 26;

/**
 * "A server MAY ignore a received Upgrade header field if it wishes to continue using the current protocol on that
 * connection" (RFC 9110 §7.8). Once a server listens for 'upgrade', node:http hands it the connection of every request
 * that offers one, and reads nothing behind it. So the request is put back in front of what follows it, without its offer, and the
 * connection is given back to its server, which reads it like any other.
 */
export function serveAsPlainRequest(req: IncomingMessage, socket: Duplex, head: Buffer): void {
  let server: EventEmitter;
  try {
    server = serverOf(socket);
    socket.unshift(Buffer.concat([Buffer.from(plainHead(req), 'latin1'), ...bodyRead(req), head]));
  } catch (thrown) {
    refuse(socket, thrown);
    return;
  }
  endIdleTimeout(socket);
  server.emit(Reflect.get(socket, 'encrypted') === true ? 'secureConnection' : 'connection', socket);
}

/**
 * The same for a request whose body is still to come, and is read by node:http: since Node 26. It is served as it is, by a response that
 * ends the connection, for what follows the body is no more read as requests.
 */
export function serveWithBodyToCome(req: IncomingMessage): void {
  const { socket } = req;
  let server: EventEmitter;
  try {
    server = serverOf(socket);
    refuseUnseenFields(req);
    refuseWithoutHost(req, server);
  } catch (thrown) {
    refuse(socket, thrown);
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

/** The server that a connection came to. */
function serverOf(socket: Duplex): EventEmitter {
  const server: unknown = Reflect.get(socket, 'server');
  if (server instanceof EventEmitter) return server;
  throw new BackendError('proxy_internal_error', 'nobody serves the socket');
}

/** Behind the answer before, node:http has begun to count how long the connection is idle: of this request it knows nothing. */
function endIdleTimeout(socket: Duplex): void {
  if (socket instanceof Socket) socket.setTimeout(0);
}

/** @throws BackendError for what node:http refuses, which has taken it for an upgrade */
function refuseWithoutHost({ httpVersion, headers }: IncomingMessage, server: EventEmitter): void {
  if (httpVersion === '1.1' && headers.host === undefined && Reflect.get(server, 'requireHostHeader') === true)
    throw new BackendError('http_request_error', 'the request has no Host');
}

/** That of `createServer({ ServerResponse })`, where there is one: the listeners of such a server count on it. */
function responseClass(server: EventEmitter): typeof ServerResponse {
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'ServerResponse');
  const given: unknown = key && Reflect.get(server, key);
  return isResponseClass(given) ? given : ServerResponse;
}

function isResponseClass(given: unknown): given is typeof ServerResponse {
  return typeof given === 'function' && given.prototype instanceof ServerResponse;
}

function refuse(socket: Duplex, thrown: unknown): void {
  const { statusCode } = asRelayError(thrown);
  const reason = statusCode === 400 ? 'Bad Request' : 'Internal Server Error';
  socket.end(`HTTP/1.1 ${statusCode} ${reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}

/**
 * The head as it came, but for the offer.
 * @throws BackendError `http_request_error` for what only a lenient parser lets through: it could be read otherwise now; and for a
 *   head with fields that are not here: without the length among them its body would be read as a request
 */
function plainHead(req: IncomingMessage): string {
  refuseUnseenFields(req);
  const { method = '', url = '', httpVersion, rawHeaders } = req;
  if (!TARGET.test(url)) throw new BackendError('http_request_error', 'the request target cannot be written');
  return `${method} ${url} HTTP/${httpVersion}\r\n${fieldLines(withoutUpgrade(rawHeaders))}\r\n`;
}

/** What node:http has read of the body, which is all of it or nothing, framed as the head says. */
function bodyRead(req: IncomingMessage): Buffer[] {
  if (!READS_BODIES) return [];
  const pieces: Buffer[] = [];
  while (req.readableLength > 0) pieces.push(req.read());
  if (req.headers['transfer-encoding'] === undefined) return pieces;
  const bytes = Buffer.concat(pieces);
  const chunk = bytes.length === 0 ? [] : [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')];
  return [...chunk, Buffer.from(`0\r\n${fieldLines(req.rawTrailers)}\r\n`, 'latin1')];
}

/** As node:http does, which has taken it for an upgrade. */
function serve(server: EventEmitter, req: IncomingMessage, res: ServerResponse): void {
  const expected = req.httpVersion === '1.1' ? req.headers.expect : undefined;
  if (expected === undefined) server.emit('request', req, res);
  else if (expectsContinue(expected)) {
    if (server.emit('checkContinue', req, res)) return;
    res.writeContinue();
    server.emit('request', req, res);
  } else if (!server.emit('checkExpectation', req, res)) res.writeHead(417).end();
}
