/**
 * The clients of the demo, all in one process of their own. Half of them keep their connection to the proxy and send
 * every request on it; the other half open a connection for each request. Each client sends one request a second, four
 * GETs for each POST, and waits for the answer before the next. No client ever sends a request again.
 *
 * Ports: a closed one-shot connection blocks its port for 60 s (TIME_WAIT), and an address has about 28,000 of them.
 * So on Linux the one-shot clients use LOCAL_ADDRESSES addresses of 127.0.0.0/8. On every system, all of them together open
 * at most ONE_SHOT_RATE connections a second: with more clients, each one sends less often.
 */

import { Agent, request as sendRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { options, serve, tell } from '../rig/parent.mjs';
import { count } from './journal.mjs';
import { DELIVERY_FIELD } from './proxy-failure.mjs';

const PAUSE_MS = 1000;
const POST_SHARE = 0.2;
const ONE_SHOT_RATE = 1000;
const LOCAL_ADDRESSES = 50;
const ANSWER_TIMEOUT_MS = 15_000;

/** @type {{ port: number, clients: number, seconds: number, get: string, post?: string }} */
const settings = options();
const oneShotClients = Math.floor(settings.clients / 2);
const pauseMs = Math.max(PAUSE_MS, (oneShotClients / ONE_SHOT_RATE) * 1000);

/** @typedef {'GET' | 'POST'} Method */
const tally = {
  requests: 0,
  errors: 0,
  answered: { GET: 0, POST: 0 },
  /** @type {Record<Method, Map<string, number>>} errors by kind */
  errorKinds: { GET: new Map(), POST: new Map() },
  /** @type {Record<Method, number[]>} ms from the beginning of the request to the end of the answer */
  latencies: { GET: [], POST: [] },
  /** @type {string[]} payments answered with "may have been executed" */
  unknownPayments: [],
};

serve(null, { run });

/** @returns {Promise<unknown>} the tally, when every client is done */
async function run() {
  const end = performance.now() + settings.seconds * 1000;
  const report = setInterval(() => tell({ requests: tally.requests, errors: tally.errors }), 500);
  await Promise.all(Array.from({ length: settings.clients }, (_, number) => live(number, end)));
  clearInterval(report);
  return {
    requests: tally.requests,
    answered: tally.answered,
    errors: { GET: Object.fromEntries(tally.errorKinds.GET), POST: Object.fromEntries(tally.errorKinds.POST) },
    latencies: { GET: percentiles(tally.latencies.GET), POST: percentiles(tally.latencies.POST) },
    unknownPayments: tally.unknownPayments,
  };
}

/**
 * One client from its first request to its last.
 * @param {number} number
 * @param {number} end
 */
async function live(number, end) {
  const oneShot = number < oneShotClients;
  const agent = oneShot ? false : new Agent({ keepAlive: true, maxSockets: 1 });
  const localAddress =
    oneShot && process.platform === 'linux' ? `127.0.0.${2 + (number % LOCAL_ADDRESSES)}` : undefined;
  let next = performance.now() + Math.random() * pauseMs; // so that clients do not all send at the same time
  for (let sent = 0; next < end; sent += 1) {
    await sleep(Math.max(0, next - performance.now()));
    const post = settings.post !== undefined && Math.random() < POST_SHARE;
    await exchange(post ? 'POST' : 'GET', `${number}-${sent}`, { agent, ...(localAddress && { localAddress }) });
    next = Math.max(next + pauseMs, performance.now());
  }
  if (agent) agent.destroy();
}

/**
 * Sends one request and counts its result in the tally. Never rejects.
 * @param {Method} method
 * @param {string} id
 * @param {import('node:http').RequestOptions} connection
 * @returns {Promise<void>}
 */
function exchange(method, id, connection) {
  tally.requests += 1;
  const begun = performance.now();
  return new Promise((resolve) => {
    let over = false;
    /** @param {string} [error] */
    const finish = (error) => {
      if (over) return;
      over = true;
      if (error === undefined) {
        tally.answered[method] += 1;
        tally.latencies[method].push(performance.now() - begun);
      } else {
        tally.errors += 1;
        count(tally.errorKinds[method], error);
      }
      resolve();
    };
    const path = method === 'POST' ? settings.post : settings.get === '/item/' ? `/item/${id}` : settings.get;
    const request = sendRequest({ ...connection, port: settings.port, host: '127.0.0.1', method, path: path ?? '/' });
    request.setTimeout(ANSWER_TIMEOUT_MS, () => request.destroy(Object.assign(new Error(), { code: 'timeout' })));
    request.on('error', (error) => finish(/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message));
    request.on('response', (response) => read(response, method, id, finish));
    if (method === 'POST') request.setHeader('content-type', 'application/json').end(JSON.stringify({ id }));
    else request.end();
  });
}

/**
 * @param {import('node:http').IncomingMessage} response
 * @param {Method} method
 * @param {string} id
 * @param {(error?: string) => void} finish
 */
function read(response, method, id, finish) {
  let body = '';
  response.setEncoding('utf8');
  response.on('data', (piece) => {
    body += piece;
  });
  response.on('error', () => finish('truncated'));
  response.on('end', () => {
    const status = response.statusCode ?? 0;
    const unknown = response.headers[DELIVERY_FIELD] === 'unknown';
    if (unknown && method === 'POST') tally.unknownPayments.push(id);
    if (status >= 400) finish(`${status}${unknown ? ', delivery unknown' : ''}`);
    else finish(isAnswerTo(id, body) ? undefined : "another request's answer");
  });
}

/**
 * The backends of the demo repeat what they were asked for. Answers of a real origin cannot be checked.
 * @param {string} id
 * @param {string} body
 */
function isAnswerTo(id, body) {
  return settings.get !== '/item/' || body.includes(`"${id}"`);
}

/** @returns {{ p50: number, p99: number } | null} in ms; null when nothing was answered */
function percentiles(/** @type {number[]} */ values) {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const at = (/** @type {number} */ share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}
