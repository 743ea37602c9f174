/**
 * Requests and responses that no server has made, but something that calls the listener of a server: `inject()`, or an adapter for
 * functions in a cloud.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { BackendError } from '../errors.js';
import type { RawFields } from '../http1/fields.js';
import { isObject } from '../options/checks.js';
import { isHttp2 } from './http2.js';

/** Why a request made by hand, or by a kit for tests, cannot be relayed; `undefined` if it can. */
export function whyUnusable(req: IncomingMessage, res: ServerResponse): BackendError | undefined {
  if (isObject(req.socket) && isObject(res.req)) return undefined;
  return new BackendError(
    'proxy_internal_error',
    `handler() needs the request and response of a node:http server: ${whatIsAmiss(req, res)}`,
  );
}

function whatIsAmiss(req: IncomingMessage, res: unknown): string {
  if (!isObject(req.socket)) return 'the request has no socket';
  if (res instanceof Duplex) return "it got a socket; for 'upgrade' and 'connect' there is upgradeHandler()";
  return 'the response does not know its request (res.req)';
}

/** The part of a request that has its fields. */
export interface WithFields extends Pick<IncomingMessage, 'headers'> {
  readonly rawHeaders?: RawFields | undefined;
}

/** The fields as they came. serverless-http and @hapi/shot give them only by name. */
export function fieldsOf({ rawHeaders = [], headers }: WithFields): RawFields {
  if (rawHeaders.length > 0) return rawHeaders;
  const fields: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    for (const one of [value ?? []].flat()) fields.push(name, String(one));
  }
  return fields;
}

/**
 * Whether the body is a stream without framing: fastify.inject() has no field for the length of a stream. Its requests are not those of
 * node:http, and do not know whether they have ended.
 */
export function isUnframedStream(req: IncomingMessage): boolean {
  if (req.method === 'GET' || req.method === 'HEAD') return false;
  const { 'content-length': length, 'transfer-encoding': coding } = req.headers;
  return length === undefined && coding === undefined && !Reflect.has(req, 'complete');
}

/**
 * Whether there is a connection below the response, though it may still wait for its turn there. What adapters for functions in a cloud
 * use instead takes an interim response for the beginning of the body, and all text for UTF-8.
 */
export function hasConnection(res: ServerResponse): boolean {
  return isHttp2(res.req) || res.socket === null || res.socket instanceof Duplex;
}
