/** The stream below a request or a response of node:http2, whose compatibility API has the members of node:http. */

import type { IncomingMessage, ServerResponse } from 'node:http';

export function isHttp2(res: ServerResponse): boolean {
  return res.req.httpVersionMajor > 1;
}

/** The stream of HTTP/2; `undefined` for a message of HTTP/1. */
export function streamOf(message: IncomingMessage | ServerResponse): object | undefined {
  const stream: unknown = Reflect.get(message, 'stream');
  return typeof stream === 'object' && stream !== null ? stream : undefined;
}
