/**
 * The clients of the soak, in their own process: with keep-alive and without, fast and slow, and some that leave at any
 * moment. Each client checks every byte of its answers.
 */

import { options, serve } from '../rig/parent.mjs';
import { RawClient } from '../rig/raw-client.mjs';
import { Http2Client } from './http2-client.mjs';
import { bodyOf } from './numbering.mjs';
import { chance, howItLeaves, inHttp1, nextRequest, upTo } from './requests.mjs';
import { tunnel } from './tunnel-client.mjs';

/** @typedef {import('../rig/raw-client.mjs').Outcome} Outcome */
/** @typedef {import('./requests.mjs').SoakRequest} SoakRequest */

/** @type {{ port: number, http2: number, crowd: import('./setting.mjs').Crowd }} */
const { port, http2, crowd } = options();
const HUNG_MS = 30_000;

/** Results since the last `take()`: counts, and what went wrong. */
let news = emptyNews();
let running = false;
let busy = 0;
/** @type {(() => void) | undefined} */
let onRest;
/** @type {{ close: () => void }[]} */
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

/** What a client keeps from one answer to the next: the cookie of its session. */
function cookieOf(/** @type {Outcome} */ outcome) {
  return outcome.kind === 'answer' ? outcome.fields['set-cookie']?.split(';')[0] : undefined;
}

/**
 * @param {RawClient} client
 * @param {string} cookie
 */
async function sendOne(client, cookie) {
  const request = nextRequest(crowd, cookie);
  const { bytes, headBytes } = inHttp1(request);
  const leaving = howItLeaves(bytes.length);
  news.requests += 1;
  const outcome = await client.send({
    bytes,
    leaving,
    toHead: request.method === 'HEAD',
    byReset: chance(0.5),
    withinMs: HUNG_MS,
    ...(chance(0.03) && { pauseMs: 1 + upTo(20) }),
    ...(chance(0.05) && { pieceBytes: Math.ceil(bytes.length / 5) }),
    ...(request.expects && { expectsAfter: headBytes }),
  });
  judge(request, outcome, 'HTTP/1.1');
  return cookieOf(outcome);
}

/**
 * @param {Http2Client} client
 * @param {string} cookie
 */
async function sendHttp2(client, cookie) {
  const request = { ...nextRequest(crowd, cookie), expects: false };
  news.requests += 1;
  const outcome = await client.send(request, {
    withinMs: HUNG_MS,
    leavesAfterMs: chance(0.08) ? upTo(40) : undefined,
    pauseMs: chance(0.03) ? 1 + upTo(20) : 0,
  });
  judge(request, outcome, 'HTTP/2');
  return cookieOf(outcome);
}

async function sendTunnel() {
  const { id } = nextRequest({ ...crowd, byPath: false, keys: false }, '');
  const once = id.replace('t-', 'o-');
  const bytes = chance(0.2) ? upTo(500_000) : upTo(5000);
  news.requests += 1;
  const outcome = await tunnel(port, once, { bytes, leaves: chance(0.1), withinMs: HUNG_MS });
  const fail = (/** @type {string} */ how) =>
    news.failed.push({ id: once, method: 'GET', mode: 'tunnel', how, bodyBytes: 0 });
  if (outcome.kind === 'left') news.left.push(once);
  else if (outcome.kind === 'hung') news.hung.push(`${once} (tunnel)`);
  else {
    const { head, echoed } = outcome;
    const [, status = 'lost'] = /^HTTP\/1\.1 (\d+)/.exec(head) ?? [];
    const [, answeredId] = /\r\nx-request-id: (\S+)/i.exec(head) ?? [];
    news.statuses[status] = (news.statuses[status] ?? 0) + 1;
    if (answeredId === undefined) fail(`status ${status}`);
    else if (answeredId !== once) news.mixed.push({ id: once, method: 'GET', got: answeredId });
    else if (status !== '101') news.answered += 1;
    else if (!bodyOf(once, bytes).subarray(0, echoed.length).equals(echoed))
      news.mixed.push({ id: once, method: 'GET', got: `an echo of ${echoed.length} bytes` });
    else if (echoed.length < bytes) fail('truncated tunnel');
    else news.answered += 1;
  }
  return undefined;
}

/**
 * @param {SoakRequest} request
 * @param {Outcome} outcome
 * @param {'HTTP/1.1' | 'HTTP/2'} by
 */
function judge({ id, method, mode, expects, responseBytes, body: sent }, outcome, by) {
  const what = `${method}, ${mode}, ${by}${expects ? ', expects' : ''}`;
  const bodyBytes = sent.length;
  const fail = (/** @type {string} */ how) =>
    void news.failed.push({ id, method, mode: expects ? 'expects' : mode, how, bodyBytes });
  if (outcome.kind === 'left') news.left.push(id);
  else if (outcome.kind === 'hung') news.hung.push(`${id} (${what}, ${bodyBytes} bytes)`);
  else if (outcome.kind === 'lost') fail(outcome.headSeen ? 'truncated' : `lost: ${outcome.why}`);
  else {
    const { status, fields, body } = outcome;
    news.statuses[status] = (news.statuses[status] ?? 0) + 1;
    const answeredId = fields['x-request-id'];
    if (answeredId === undefined) fail(`status ${status} ${fields['proxy-status'] ?? ''}`);
    else if (answeredId !== id) news.mixed.push({ id, method: what, got: answeredId });
    else {
      news.answered += 1;
      const expected = method === 'HEAD' || status === 204 ? 0 : responseBytes;
      if (!body.equals(bodyOf(id, expected)))
        news.mixed.push({ id, method: what, got: `a body of ${body.length} bytes` });
      if (fields['x-got'] !== `${bodyBytes} intact`)
        news.mixed.push({ id, method: what, got: `sent: ${fields['x-got']}` });
    }
  }
}

/**
 * One request after the other, until the load ends.
 * @param {(cookie: string) => Promise<string | undefined>} send resolves with a cookie that it got
 * @param {() => void} end
 */
async function live(send, end) {
  busy += 1;
  let cookie = '';
  while (running) {
    cookie = (await send(cookie)) ?? cookie;
    if (chance(0.5)) await new Promise((resolve) => setTimeout(resolve, upTo(crowd.pauseMs)));
  }
  end();
  busy -= 1;
  if (busy === 0) onRest?.();
}

/** @param {boolean} keeps the connection */
function liveHttp1(keeps) {
  const client = new RawClient(port);
  if (keeps) kept.push(client);
  const send = async (/** @type {string} */ cookie) => {
    const got = await sendOne(client, cookie);
    if (!keeps) client.close();
    return got;
  };
  void live(send, () => {
    news.uninvited += client.uninvited;
  });
}

function liveHttp2() {
  const client = new Http2Client(http2);
  kept.push(client);
  void live(
    (cookie) => sendHttp2(client, cookie),
    () => {},
  );
}

serve(null, {
  start() {
    running = true;
    for (let lane = 0; lane < crowd.keepAlive + crowd.oneShot; lane += 1) liveHttp1(lane < crowd.keepAlive);
    for (let lane = 0; lane < crowd.http2; lane += 1) liveHttp2();
    for (let lane = 0; lane < crowd.tunnels; lane += 1) void live(sendTunnel, () => {});
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
