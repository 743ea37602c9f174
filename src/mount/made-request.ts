/** Requests and responses that no server has made, but something that calls a server's listener: `inject()`, an adapter of a cloud. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { BackendError } from '../errors.js';
import type { RawFields } from '../http1/fields.js';
import { isObject } from '../options/checks.js';
import { isHttp2 } from './http2.js';

/** Why a request cannot be relayed that is made by hand, or by a kit for tests; `undefined` = nothing. */
export function whyUnusable(req: IncomingMessage, res: ServerResponse): BackendError | undefined {
  if (isObject(req.socket) && isObject(res.req)) return undefined;
  const found = isObject(req.socket) ? 'the response does not know its request (res.req)' : 'the request has no socket';
  return new BackendError(
    'proxy_internal_error',
    `handler() needs the request and response of a node:http server: ${found}`,
  );
}

/** What of a request has its fields. */
export interface WithFields extends Pick<IncomingMessage, 'headers'> {
  readonly rawHeaders?: RawFields | undefined;
}

/** The fields as they came. serverless-http and @hapi/shot give them by name alone. */
export function fieldsOf({ rawHeaders = [], headers }: WithFields): RawFields {
  if (rawHeaders.length > 0) return rawHeaders;
  const fields: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    for (const one of [value ?? []].flat()) fields.push(name, String(one));
  }
  return fields;
}

/** fastify.inject() has no field for the length of a stream. Its requests are none of node:http, and know nothing of their end. */
export function isUnframedStream(req: IncomingMessage): boolean {
  if (req.method === 'GET' || req.method === 'HEAD') return false;
  const { 'content-length': length, 'transfer-encoding': coding } = req.headers;
  return length === undefined && coding === undefined && !Reflect.has(req, 'complete');
}

/**
 * Whether there is a connection below it, though it may wait for its turn there. What stands in for one in the adapter of a cloud takes an
 * interim response for a beginning of the body, and all text for UTF-8.
 */
export function hasConnection(res: ServerResponse): boolean {
  return isHttp2(res) || res.socket === null || res.socket instanceof Duplex;
}
