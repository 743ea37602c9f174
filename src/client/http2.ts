/** The stream and the session below a request or a response of node:http2, whose compatibility API has the members of node:http. */

import type { IncomingMessage, ServerResponse } from 'node:http';

export function isHttp2(req: IncomingMessage): boolean {
  return req.httpVersionMajor > 1;
}

/** The stream of HTTP/2; `undefined` for a message of HTTP/1. */
export function streamOf(message: IncomingMessage | ServerResponse): object | undefined {
  const stream: unknown = Reflect.get(message, 'stream');
  return typeof stream === 'object' && stream !== null ? stream : undefined;
}

/** The session of a stream; `undefined` once the stream is over. */
export function sessionOf(stream: object | undefined): object | undefined {
  const session: unknown = Reflect.get(Object(stream), 'session');
  return typeof session === 'object' && session !== null ? session : undefined;
}

/** Sends GOAWAY: requests in progress are answered, later ones are refused unseen, so that the client sends them again elsewhere. */
export function closeSession(session: object | undefined): void {
  const close: unknown = Reflect.get(Object(session), 'close');
  if (typeof close === 'function') close.call(session);
}
