/** Refuses what node:http lets through, but an origin might read differently from us. */

import type { IncomingMessage } from 'node:http';
import { fieldsOf } from '../../client/injected-request.js';
import { isBehindLast } from '../../client/last-request.js';
import { serverOf } from '../../client/leaving-server.js';
import { BackendError } from '../../errors.js';
import { fieldValue } from '../../http1/fields.js';
import { isForwardingField } from './forwarded-fields.js';

// node:http drops fields beyond this number without a word: it is the default of maxHeadersCount, half of what the documentation says.
const MOST_FIELDS = 1_000;

/**
 * Refuses what is not plainly a request of HTTP/1.0, HTTP/1.1 or HTTP/2, a request with fields that the server has dropped or without a
 * Host field, and a request behind one that was refused or was the last of its connection.
 * @throws BackendError `http_request_error`
 */
export function refuseDoubtful(req: IncomingMessage): void {
  const { httpVersion } = req;
  if ('stream' in req && req.stream !== undefined) return; // HTTP/2
  if (isBehindLast(req))
    throw new BackendError(
      'http_request_error',
      'an earlier request on this connection was refused, or was the last one allowed',
    );
  // The parser accepts HTTP/2.0 on a request line like any other version.
  if (httpVersion !== '1.1' && httpVersion !== '1.0')
    throw new BackendError('http_request_error', `HTTP/${httpVersion} is not supported`);
  refuseUnseenFields(req);
  refuseWithoutHost(req);
}

/**
 * "A server MUST respond with a 400" to a request of HTTP/1.1 without Host (RFC 9112 §3.2). node:http does so, but not if it takes the
 * request for an upgrade.
 * @throws BackendError `http_request_error`
 */
export function refuseWithoutHost(req: IncomingMessage): void {
  if (req.httpVersion !== '1.1' || req.headers.host !== undefined || fieldValue(fieldsOf(req), 'host') !== undefined)
    return;
  const server = serverOf(req);
  if (server !== undefined && Reflect.get(server, 'requireHostHeader') === true)
    throw new BackendError('http_request_error', 'the request has no Host');
}

/**
 * Refuses a request with fields that the server has dropped: one of them may have announced a body.
 * @throws BackendError `http_request_error`
 */
export function refuseUnseenFields(req: IncomingMessage): void {
  if (fieldsOf(req).length >= 2 * mostFields(req))
    throw new BackendError('http_request_error', 'the request has more fields than the server keeps (maxHeadersCount)');
}

function mostFields(req: IncomingMessage): number {
  const server = serverOf(req);
  const most: unknown = server && Reflect.get(server, 'maxHeadersCount');
  if (typeof most !== 'number') return MOST_FIELDS;
  return most > 0 ? most : Number.POSITIVE_INFINITY;
}

/**
 * Whether an origin that passes fields on as variables (CGI, WSGI, Rack, PHP) would take this one for framing, or for the word of a proxy:
 * they write `_` for `-`.
 */
export function isDisguised(lowerName: string): boolean {
  if (!lowerName.includes('_')) return false;
  const plain = lowerName.replaceAll('_', '-');
  return plain === 'content-length' || plain === 'transfer-encoding' || isForwardingField(plain);
}
