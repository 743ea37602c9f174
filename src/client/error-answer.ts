/** Responses that no origin has sent: to a request that failed before anything was sent to its client, and to one that ends here. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { BackendError, ErrorCode } from '../errors.js';
import { PSEUDONYM } from '../http1/via.js';
import type { Deadlines } from '../time/deadlines.js';
import { isHttp2 } from './http2.js';
import { isBodyUnread, lingerOnClose } from './linger.js';
import { destroyInTurn } from './truncate.js';

/** Codes that RFC 9209 §2.3 does not know, and the error types that it has for them. */
const REGISTERED: Partial<Record<ErrorCode, string>> = {
  client_aborted: 'connection_terminated',
  backend_closed: 'destination_unavailable',
  body_already_read: 'proxy_configuration_error',
};

// "The intermediary generated the response itself without attempting to connect to the next hop" (RFC 9209 §2.3.29).
const ANSWERED_HERE = { 'Proxy-Status': `${PSEUDONYM}; error=proxy_internal_response` };

// Fields that were set for the response that will not come. Above all those that say how long it may be kept, because a cache keeps a
// failure as well.
const OF_ANOTHER_RESPONSE = [
  'content-length',
  'transfer-encoding',
  'content-encoding',
  'trailer',
  'etag',
  'last-modified',
  'cache-control',
  'expires',
  'content-disposition',
  'content-language',
  'content-range',
] as const;

/**
 * Answers with the status and the code of `error`, but nothing of its message, because that names addresses. A response that has begun is
 * destroyed instead.
 */
export function answerFailure(
  req: IncomingMessage,
  res: ServerResponse,
  error: BackendError,
  deadlines: Deadlines,
): void {
  lingerOnClose(req, deadlines);
  answer(res, error.statusCode, `${error.code}\n`, isBodyUnread(req), {
    'Proxy-Status': proxyStatusOf(error),
    ...(error.retryAfter === undefined ? {} : { 'Retry-After': String(error.retryAfter) }),
  });
}

/** The value of Proxy-Status for a response that tells of `error`. */
export function proxyStatusOf({ code }: BackendError): string {
  return `${PSEUDONYM}; error=${REGISTERED[code] ?? code}`;
}

/**
 * CONNECT asks for a tunnel, which a reverse proxy does not provide (RFC 9110 §9.3.6). The answer to a TRACE would show the request itself.
 */
export function answerUnsupported(res: ServerResponse, method: 'CONNECT' | 'TRACE'): void {
  answer(res, 501, `${method} is not supported\n`, true, ANSWERED_HERE);
}

/** Answers 200 without content. */
export function answerHere(req: IncomingMessage, res: ServerResponse): void {
  answer(res, 200, '', isBodyUnread(req), ANSWERED_HERE);
}

function answer(
  res: ServerResponse,
  status: number,
  text: string,
  closes: boolean,
  fields: Record<string, string>,
): void {
  if (res.writableEnded) return; // something else has answered, and its answer may stand behind others
  if (res.headersSent || res.destroyed) {
    destroyInTurn(res);
    return;
  }
  try {
    for (const name of OF_ANOTHER_RESPONSE) res.removeHeader(name);
    res.setHeader('Content-Type', 'text/plain; charset=utf-8');
    res.setHeader('Content-Length', Buffer.byteLength(text));
    for (const [name, value] of Object.entries(fields)) res.setHeader(name, value);
    if (isHttp2(res.req)) res.writeHead(status);
    else {
      if (closes || res.shouldKeepAlive === false) res.setHeader('Connection', 'close');
      res.writeHead(status, STATUS_CODES[status] ?? '');
    }
    res.end(res.req.method === 'HEAD' ? undefined : text);
  } catch {
    destroyInTurn(res); // a middleware that wraps the response threw: nothing more can be sent
  }
}
