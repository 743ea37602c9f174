/** Sockets of clients that node:http has let go of: it does so as soon as it has read an upgrade. */

import { EventEmitter } from 'node:events';
import { STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { proxyStatusOf } from '../../client/error-answer.js';
import { hangUp } from '../../client/linger.js';
import { responseOn } from '../../client/pipelined-turn.js';
import { asBackendError, BackendError } from '../../errors.js';
import type { Deadlines } from '../../time/deadlines.js';

/**
 * Whether node:http reads the body of an upgrade, as it does since Node 26: a body that came with the head has been read, one that comes
 * later is being read. Before Node 26 the body is the beginning of what follows the head.
 */
export const READS_BODIES = Number.parseInt(process.versions.node, 10) >= 26;

/**
 * Does what node:http does for a socket that it still looks after: the response being sent hears that its client has room again. And a
 * client that ends its half before it was answered has left, unless it has sent more bytes (`first`). Lasts until the returned function is
 * called.
 */
export function lookAfter(socket: Duplex, first: Buffer): () => void {
  const leaveResponse = tellOfRoom(socket);
  // A `readable` listener makes Node read the socket, so that its end is noticed. The data stays in the stream.
  const looked = () => undefined;
  const left = () => first.length === 0 && socket.destroy();
  socket.on('readable', looked).on('end', left);
  return () => {
    leaveResponse();
    socket.off('readable', looked).off('end', left);
  };
}

/** The same for a socket whose last response answers a request with a body that is still to come: a client that ends its half has left. */
export function lookAfterLast(socket: Duplex): void {
  tellOfRoom(socket);
  socket.once('end', () => socket.end());
}

/** Tells the response being sent that its client has room again, until the returned function is called. */
function tellOfRoom(socket: Duplex): () => void {
  const drained = () => responseOn(socket)?.emit('drain');
  socket.on('drain', drained);
  return () => void socket.off('drain', drained);
}

/**
 * The server that a connection came to.
 * @throws BackendError when there is none
 */
export function requireServer(socket: Duplex): EventEmitter {
  const server: unknown = Reflect.get(socket, 'server');
  if (server instanceof EventEmitter) return server;
  throw new BackendError('proxy_internal_error', 'nobody serves the socket');
}

/** After the previous answer node:http has begun to count how long the connection is idle: it does not know of this request. */
export function endIdleTimeout(socket: Duplex): void {
  if (socket instanceof Socket) socket.setTimeout(0);
}

/** Answers instead of node:http, and ends the connection. */
export function refuse(socket: Duplex, thrown: unknown, deadlines: Deadlines): void {
  const error = asBackendError(thrown);
  const reason = STATUS_CODES[error.statusCode] ?? '';
  const fields = `Proxy-Status: ${proxyStatusOf(error)}\r\nContent-Length: 0\r\nConnection: close\r\n`;
  socket.on('error', ignore); // a reset by the client would end the process: nobody else listens
  socket.write(`HTTP/1.1 ${error.statusCode} ${reason}\r\n${fields}\r\n`);
  hangUp(socket, deadlines);
}

/** A broken socket is noticed by its 'close'. */
export function ignore(): void {}
