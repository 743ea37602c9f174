/**
 * The clients of the soak, in their own process: with keep-alive and without, fast and slow, and some that leave at any
 * moment. Each client checks every byte of its answers.
 */

import { options, serve } from '../rig/parent.mjs';
import { RawClient } from '../rig/raw-client.mjs';
import { bodyOf, idOf, pathOf } from './numbering.mjs';

/** @typedef {import('../rig/raw-client.mjs').Outcome} Outcome */
/** @typedef {import('../rig/raw-client.mjs').Leaving} Leaving */

/** @type {{ port: number, keepAlive: number, oneShot: number }} */
const { port, keepAlive, oneShot } = options();
const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'POST', 'POST'];
const MODES = ['fresh', 'verified', 'any'];
const HUNG_MS = 20_000;

const chance = (/** @type {number} */ share) => Math.random() < share;
/** @type {<T>(values: readonly T[]) => T} */
const oneOf = (values) => /** @type {any} */ (values[Math.floor(Math.random() * values.length)]);
const upTo = (/** @type {number} */ most) => Math.floor(Math.random() * most);

/** Results since the last `take()`: counts, and what went wrong. */
let news = emptyNews();
let numbers = 0;
let running = false;
let busy = 0;
/** @type {(() => void) | undefined} */
let onRest;
/** @type {RawClient[]} */
const kept = [];

function emptyNews() {
  return {
    requests: 0,
    answered: 0,
    left: /** @type {string[]} */ ([]),
    statuses: /** @type {Record<string, number>} */ ({}),
    /** Requests that got no answer of their own. */
    failed: /** @type {{ id: string, method: string, mode: string, how: string, bodyBytes: number }[]} */ ([]),
    /** Requests that got the response of another one, or a body with bytes of another one. */
    mixed: /** @type {{ id: string, method: string, got: string }[]} */ ([]),
    hung: /** @type {string[]} */ ([]),
    uninvited: 0,
  };
}

function nextRequest() {
  numbers += 1;
  const method = oneOf(METHODS);
  const mode = oneOf(MODES);
  const id = idOf(method, numbers);
  const responseBytes = chance(0.1) ? upTo(300_000) : upTo(2000);
  const hasBody = method === 'PUT' || (method === 'POST' && chance(0.8));
  const bodyBytes = hasBody ? (chance(0.1) ? upTo(200_000) : upTo(3000)) : 0;
  const chunked = hasBody && chance(0.3);
  const body = bodyOf(id, bodyBytes);
  const lines = [
    `${method} ${pathOf(id, responseBytes)} HTTP/1.1`,
    'Host: soak.test',
    `X-Request-Id: ${id}`,
    `X-Mode: ${mode}`,
    ...(hasBody ? [chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bodyBytes}`] : []),
  ];
  const framed = !chunked ? [body] : [`${bodyBytes.toString(16)}\r\n`, body, '\r\n0\r\n\r\n'];
  // An empty chunk would be the last one.
  const end = chunked && bodyBytes === 0 ? ['0\r\n\r\n'] : framed;
  const bytes = Buffer.concat([`${lines.join('\r\n')}\r\n\r\n`, ...end].map((piece) => Buffer.from(piece)));
  return { id, method, mode, responseBytes, bodyBytes, bytes };
}

/** @param {number} bytes of the request */
function howItLeaves(bytes) {
  if (!chance(0.08)) return undefined;
  /** @type {Leaving[]} */
  const ways = [
    { sent: 0 },
    { sent: upTo(bytes) },
    { sent: upTo(bytes) },
    { afterMs: upTo(40) },
    { received: 1 + upTo(2000) },
  ];
  return oneOf(ways);
}

/** @param {RawClient} client */
async function sendOne(client) {
  const request = nextRequest();
  const { method, bytes } = request;
  const leaving = howItLeaves(bytes.length);
  news.requests += 1;
  const outcome = await client.send({
    bytes,
    leaving,
    toHead: method === 'HEAD',
    byReset: chance(0.5),
    withinMs: HUNG_MS,
    ...(chance(0.03) && { pauseMs: 1 + upTo(20) }),
    ...(chance(0.05) && { pieceBytes: Math.ceil(bytes.length / 5) }),
  });
  judge(request, outcome);
}

/**
 * @param {ReturnType<typeof nextRequest>} request
 * @param {Outcome} outcome
 */
function judge({ id, method, mode, responseBytes, bodyBytes }, outcome) {
  const fail = (/** @type {string} */ how) => void news.failed.push({ id, method, mode, how, bodyBytes });
  if (outcome.kind === 'left') news.left.push(id);
  else if (outcome.kind === 'hung') news.hung.push(id);
  else if (outcome.kind === 'lost') fail(outcome.headSeen ? 'truncated' : `lost: ${outcome.why}`);
  else {
    const { status, fields, body } = outcome;
    news.statuses[status] = (news.statuses[status] ?? 0) + 1;
    const answeredId = fields['x-request-id'];
    if (answeredId === undefined) fail(`status ${status} ${fields['proxy-status'] ?? ''}`);
    else if (answeredId !== id) news.mixed.push({ id, method, got: answeredId });
    else {
      news.answered += 1;
      const expected = method === 'HEAD' || status === 204 ? 0 : responseBytes;
      if (!body.equals(bodyOf(id, expected))) news.mixed.push({ id, method, got: `a body of ${body.length} bytes` });
      if (fields['x-got'] !== `${bodyBytes} intact`) news.mixed.push({ id, method, got: `sent: ${fields['x-got']}` });
    }
  }
}

/** @param {boolean} keeps the connection */
async function live(keeps) {
  busy += 1;
  const client = new RawClient(port);
  if (keeps) kept.push(client);
  while (running) {
    await sendOne(client);
    if (!keeps) client.close();
    if (chance(0.5)) await new Promise((resolve) => setTimeout(resolve, upTo(40)));
  }
  news.uninvited += client.uninvited;
  busy -= 1;
  if (busy === 0) onRest?.();
}

serve(null, {
  start() {
    running = true;
    for (let lane = 0; lane < keepAlive + oneShot; lane += 1) void live(lane < keepAlive);
  },
  /** Resolves when no request is in progress. The connections stay open. */
  stop() {
    running = false;
    return new Promise((resolve) => {
      onRest = () => resolve(null);
      if (busy === 0) onRest();
    });
  },
  close() {
    for (const client of kept.splice(0)) client.close();
  },
  /** Returns what happened since the last call. */
  take() {
    const taken = news;
    news = emptyNews();
    return taken;
  },
});
