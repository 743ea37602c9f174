/** The requests that the clients of the soak send. */

import { bodyOf, idOf, pathOf } from './numbering.mjs';

const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'POST', 'POST'];

export const chance = (/** @type {number} */ share) => Math.random() < share;
/** @type {<T>(values: readonly T[]) => T} */
export const oneOf = (values) => /** @type {any} */ (values[Math.floor(Math.random() * values.length)]);
export const upTo = (/** @type {number} */ most) => Math.floor(Math.random() * most);

let numbers = 0;

/**
 * @typedef {object} SoakRequest
 * @property {string} id
 * @property {string} method
 * @property {string} mode how it gets to the backend
 * @property {string} path
 * @property {[name: string, value: string][]} fields beside those that frame the body
 * @property {Buffer} body
 * @property {boolean} hasBody
 * @property {boolean} chunked
 * @property {boolean} expects asks with `Expect: 100-continue` whether it may send its body
 * @property {number} responseBytes
 */

/**
 * @param {import('./setting.mjs').Crowd} crowd
 * @param {string} cookie of the client; may be empty
 * @returns {SoakRequest}
 */
export function nextRequest({ modes, byPath, keys, expects }, cookie) {
  numbers += 1;
  const method = oneOf(METHODS);
  const mode = oneOf(modes);
  const keyed = keys && method === 'POST' && chance(0.5);
  const id = idOf(byPath ? chance(0.5) : method !== 'POST' || keyed, numbers);
  const responseBytes = chance(0.1) ? upTo(300_000) : upTo(2000);
  const hasBody = method === 'PUT' || (method === 'POST' && chance(0.8));
  const bodyBytes = hasBody ? (chance(0.1) ? upTo(200_000) : upTo(3000)) : 0;
  return {
    id,
    method,
    mode,
    path: pathOf(id, responseBytes),
    fields: [
      ['X-Request-Id', id],
      ['X-Mode', mode],
      ...(keyed ? [/** @type {[string, string]} */ (['Idempotency-Key', id])] : []),
      ...(cookie === '' ? [] : [/** @type {[string, string]} */ (['Cookie', cookie])]),
    ],
    body: bodyOf(id, bodyBytes),
    hasBody,
    chunked: hasBody && chance(0.3),
    expects: expects && bodyBytes > 0 && chance(0.3),
    responseBytes,
  };
}

/**
 * As a client of HTTP/1.1 writes it.
 * @param {SoakRequest} request
 * @returns {{ bytes: Buffer, headBytes: number }}
 */
export function inHttp1({ method, path, fields, body, hasBody, chunked, expects }) {
  const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: soak.test',
    ...fields.map(([name, value]) => `${name}: ${value}`),
    ...(expects ? ['Expect: 100-continue'] : []),
    ...(hasBody ? [framing] : []),
  ];
  const head = `${lines.join('\r\n')}\r\n\r\n`;
  const framed = !chunked ? [body] : [`${body.length.toString(16)}\r\n`, body, '\r\n0\r\n\r\n'];
  // An empty chunk would be the last one.
  const end = chunked && body.length === 0 ? ['0\r\n\r\n'] : framed;
  const bytes = Buffer.concat([head, ...end].map((piece) => Buffer.from(piece)));
  return { bytes, headBytes: head.length };
}

/**
 * @param {number} bytes of the request
 * @returns {import('../rig/raw-client.mjs').Leaving | undefined}
 */
export function howItLeaves(bytes) {
  if (!chance(0.08)) return undefined;
  /** @type {import('../rig/raw-client.mjs').Leaving[]} */
  const ways = [
    { sent: 0 },
    { sent: upTo(bytes) },
    { sent: upTo(bytes) },
    { afterMs: upTo(40) },
    { received: 1 + upTo(2000) },
  ];
  return oneOf(ways);
}
