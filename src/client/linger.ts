/** What a client still sends after its response. */

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Deadlines } from '../time/deadlines.js';
import { isHttp2 } from './http2.js';

/** How long the rest of a request is read and dropped after its response: without a byte of it, and in all. */
const SILENT_MS = 2_000;
const REST_MS = 30_000;

/** How long the client has to close its half of a connection that was hung up. What it sends in that time is dropped. */
const HUNG_UP_MS = 2_000;

/** Whether the head of a request says that a body comes. */
export function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** Whether a body announced by the head of `req` has not arrived whole. */
export function isBodyUnread(req: IncomingMessage): boolean {
  return req.complete === false && announcesBody(req);
}

/**
 * "If a server performs an immediate close of a TCP connection, there is a significant risk that the client will not be able to read the
 * last HTTP response" (RFC 9112 §9.6): the kernel answers bytes that still come with a reset. So only our half is closed, and what comes is
 * dropped. The connection is closed when the request has ended, when nothing comes any more, or when its time is over. Does nothing if the
 * body is here.
 */
export function lingerOnClose(req: IncomingMessage, deadlines: Deadlines): void {
  const { socket } = req;
  if (!isBodyUnread(req) || isHttp2(req) || typeof socket.destroySoon !== 'function') return;
  const destroySoon = socket.destroySoon;
  // node:http calls it when a response that ends its connection is flushed.
  socket.destroySoon = () => {
    const silence = deadlines.create(() => socket.destroy());
    const end = deadlines.create(() => socket.destroy());
    const close = () => destroySoon.call(socket);
    if (req.complete) {
      close();
      return;
    }
    silence.set(SILENT_MS);
    end.set(REST_MS);
    socket.once('close', () => {
      silence.clear();
      end.clear();
    });
    socket.end();
    req.on('data', () => silence.set(SILENT_MS));
    req.once('end', close).once('close', close).resume();
  };
}

/** Ends a connection after its last response. If it closed at once, a client that still sends would get a reset (RFC 9112 §9.6). */
export function hangUp(socket: Duplex, deadlines: Deadlines): void {
  const deadline = deadlines.create(() => socket.destroy());
  deadline.set(HUNG_UP_MS);
  socket.once('close', () => deadline.clear());
  socket.end();
  socket.resume();
}

/**
 * Reads and drops the rest of a request, so that it does not block the next one on the client's connection. node:http itself drops only
 * what nobody has begun to read.
 */
export function runOut(req: IncomingMessage): void {
  if (!req.readableEnded) process.nextTick(() => req.resume());
}
