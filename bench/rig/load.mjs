/**
 * A load generator in its own process, for machines without wrk, and for loads with a given rate or number of requests. It
 * uses raw sockets, with one request at a time on each. All requests have the same bytes, except that `{n}` is replaced by
 * the number of the request since the process began.
 *
 * Options: `{ port, connections, request }`; several requests take turns. The answer to `run` with
 * `{ seconds?, requests?, rate? }` is a `LoadResult`. The run stops after that many seconds or requests, whichever comes
 * first. With `rate`, requests start evenly at that many a second. If no connection is free, a request starts as soon as
 * one is.
 */

import { connect } from 'node:net';
import { options, serve } from './parent.mjs';

/**
 * @typedef {object} LoadResult
 * @property {number} requests answered with 2xx
 * @property {Record<string, number>} errors by status, with its Proxy-Status, or by error code
 * @property {number} seconds
 * @property {{ p50: number, p99: number, max: number }} latency in ms
 */

const TICK_MS = 1;
/** @type {{ port: number, connections: number, request: string | string[] }} */
const { port, connections, request } = options();
const templates = [request].flat().map((text) => (text.includes('{n}') ? text : Buffer.from(text, 'latin1')));

/** @type {Record<string, number>} */
let errors = {};
/** @type {number[]} */
let latencies = [];
let begun = 0; // of this run
let numbers = 0;
let limit = Number.POSITIVE_INFINITY; // requests that may begin
let paced = false;
let over = true;
/** @type {Lane[]} */
const free = [];
/** @type {(() => void) | undefined} */
let onDone;

/** One client: a connection that is opened again whenever it is lost. */
class Lane {
  /** @type {import('node:net').Socket | undefined} */
  #socket;
  #sentAt = 0;
  #waiting = false;
  #text = ''; // of the response head, while it is incomplete
  #bodyLeft = -1; // -1: in the head
  /** @type {string | undefined} */
  #failure; // the kind of failure, for a status other than 2xx
  #closing = false; // the server said that it closes the connection

  send() {
    begun += 1;
    numbers += 1;
    this.#waiting = true;
    this.#text = '';
    this.#bodyLeft = -1;
    this.#sentAt = performance.now();
    this.#socket ??= this.#open();
    const template = templates[begun % templates.length] ?? '';
    this.#socket.write(typeof template === 'string' ? template.replace('{n}', String(numbers)) : template);
  }

  #open() {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const lost = (/** @type {string} */ reason) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (this.#waiting) this.#finish(reason);
    };
    socket.on('data', (piece) => this.#read(piece));
    socket.on('error', (error) => lost(/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message));
    socket.on('close', () => lost('closed without an answer'));
    return socket;
  }

  #read(/** @type {Buffer} */ piece) {
    if (!this.#waiting) {
      countError('bytes that nobody asked for');
      this.#socket?.destroy();
      return;
    }
    if (this.#bodyLeft >= 0) {
      this.#bodyLeft -= piece.length;
    } else {
      this.#text += piece.toString('latin1');
      const end = this.#text.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.#text)?.[1];
      this.#failure = failureIn(this.#text);
      this.#closing = /\r\nconnection: *close/i.test(this.#text);
      this.#bodyLeft = Number(length ?? 0) - (this.#text.length - end - 4);
    }
    if (this.#bodyLeft === 0) this.#finish(this.#failure);
    else if (this.#bodyLeft < 0) this.#finish('longer than declared');
  }

  #finish(/** @type {string | undefined} */ error) {
    this.#waiting = false;
    if (error === undefined) latencies.push(performance.now() - this.#sentAt);
    else countError(error);
    if (this.#closing) {
      this.#socket?.destroy();
      this.#socket = undefined;
      this.#closing = false;
    }
    if (paced || over || begun >= limit) {
      free.push(this);
      if (free.length === connections && (over || begun >= limit)) onDone?.();
    } else this.send();
  }
}

for (let count = 0; count < connections; count += 1) free.push(new Lane());
serve(null, { run });

/**
 * @param {{ seconds?: number, requests?: number, rate?: number }} bounds
 * @returns {Promise<LoadResult>}
 */
async function run({ seconds, requests, rate }) {
  errors = {};
  latencies = [];
  begun = 0;
  limit = requests ?? Number.POSITIVE_INFINITY;
  paced = rate !== undefined;
  over = false;
  const start = performance.now();
  /** @type {Promise<void>} */
  const done = new Promise((resolve) => {
    onDone = resolve;
  });
  const stop = () => {
    over = true;
    if (free.length === connections) onDone?.();
  };
  const timer = seconds === undefined ? undefined : setTimeout(stop, seconds * 1000);
  const pace = rate === undefined ? undefined : setInterval(() => startDue(start, rate), TICK_MS);
  while (!paced && free.length > 0 && begun < limit) free.pop()?.send();
  await done;
  clearTimeout(timer);
  clearInterval(pace);
  const elapsed = (performance.now() - start) / 1000;
  return { requests: latencies.length, errors, seconds: elapsed, latency: percentiles(latencies) };
}

/**
 * @param {number} start
 * @param {number} rate
 */
function startDue(start, rate) {
  const due = Math.min(limit, ((performance.now() - start) / 1000) * rate);
  while (!over && begun < due) {
    const lane = free.pop();
    if (lane === undefined) return;
    lane.send();
  }
}

/**
 * @param {string} head of a response
 * @returns {string | undefined}
 */
function failureIn(head) {
  if (head.startsWith('HTTP/1.1 2')) return undefined;
  const reason = /\r\nproxy-status: *([^\r]+)/i.exec(head)?.[1];
  return [head.slice(9, 12), reason].filter(Boolean).join(' ');
}

/** @param {string} kind */
function countError(kind) {
  errors[kind] = (errors[kind] ?? 0) + 1;
}

/** @param {number[]} values */
function percentiles(values) {
  const sorted = Float64Array.from(values).sort();
  const at = (/** @type {number} */ share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: sorted[sorted.length - 1] ?? 0 };
}
