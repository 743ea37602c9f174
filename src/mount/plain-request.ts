/** Requests that offer a protocol which is not for us are served by HTTP/1.1, as if they offered nothing. */

import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { BackendError } from '../errors.js';
import { fieldLines } from '../http1/fields.js';
import { withoutUpgrade } from '../http1/upgrade.js';
import { refuseUnseenFields } from './doubtful-request.js';
import { asRelayError } from './error-answer.js';

const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/**
 * "A server MAY ignore a received Upgrade header field if it wishes to continue using the current protocol on that
 * connection" (RFC 9110 §7.8). Once a server listens for 'upgrade', node:http hands it the connection of every request
 * that offers one, and reads no body. So the request is put back in front of what follows it, without its offer, and the
 * connection is given back to its server, which reads it like any other.
 */
export function serveAsPlainRequest(req: IncomingMessage, socket: Duplex, head: Buffer): void {
  const server: unknown = Reflect.get(socket, 'server');
  try {
    if (!(server instanceof EventEmitter)) throw new BackendError('proxy_internal_error', 'nobody serves the socket');
    socket.unshift(Buffer.concat([Buffer.from(plainHead(req), 'latin1'), head]));
  } catch (thrown) {
    const { statusCode } = asRelayError(thrown);
    const reason = statusCode === 400 ? 'Bad Request' : 'Internal Server Error';
    socket.end(`HTTP/1.1 ${statusCode} ${reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    return;
  }
  server.emit(Reflect.get(socket, 'encrypted') === true ? 'secureConnection' : 'connection', socket);
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
