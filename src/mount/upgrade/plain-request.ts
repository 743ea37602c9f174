/** Serves requests that offer a protocol which we do not tunnel: by HTTP/1.1, as if they offered nothing. */

import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { BackendError } from '../../errors.js';
import { fieldLines } from '../../http1/fields.js';
import { withoutUpgrade } from '../../http1/upgrade.js';
import type { Deadlines } from '../../time/deadlines.js';
import { refuseUnseenFields } from '../request/doubtful-request.js';
import { endIdleTimeout, READS_BODIES, refuse, requireServer } from './released-socket.js';

const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/**
 * "A server MAY ignore a received Upgrade header field if it wishes to continue using the current protocol on that connection" (RFC 9110
 * §7.8). Once a server listens for 'upgrade', node:http hands it the connection of every request that offers a protocol, and reads nothing
 * behind that request. So the request is put back, without its offer, in front of what follows it. The connection is given back to its
 * server, which reads it like any other.
 */
export function serveAsPlainRequest(req: IncomingMessage, socket: Duplex, head: Buffer, deadlines: Deadlines): void {
  let server: EventEmitter;
  try {
    server = requireServer(socket);
    socket.unshift(Buffer.concat([Buffer.from(plainHead(req), 'latin1'), ...bodyRead(req), head]));
  } catch (thrown) {
    refuse(socket, thrown, deadlines);
    return;
  }
  endIdleTimeout(socket);
  server.emit(Reflect.get(socket, 'encrypted') === true ? 'secureConnection' : 'connection', socket);
}

/**
 * The head as it came, but without the offer.
 * @throws BackendError `http_request_error` for what only a lenient parser lets through, because it could be read differently now; and for
 * a head whose fields are not all here: if the length were missing, the body would be read as a request
 */
function plainHead(req: IncomingMessage): string {
  refuseUnseenFields(req);
  const { method = '', url = '', httpVersion, rawHeaders } = req;
  if (!TARGET.test(url)) throw new BackendError('http_request_error', 'the request target cannot be written');
  return `${method} ${url} HTTP/${httpVersion}\r\n${fieldLines(withoutUpgrade(rawHeaders))}\r\n`;
}

/** What node:http has read of the body: all of it or nothing, framed as the head says. */
function bodyRead(req: IncomingMessage): Buffer[] {
  if (!READS_BODIES) return [];
  const pieces: Buffer[] = [];
  while (req.readableLength > 0) pieces.push(req.read());
  if (req.headers['transfer-encoding'] === undefined) return pieces;
  const bytes = Buffer.concat(pieces);
  const chunk = bytes.length === 0 ? [] : [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')];
  return [...chunk, Buffer.from(`0\r\n${fieldLines(req.rawTrailers)}\r\n`, 'latin1')];
}
