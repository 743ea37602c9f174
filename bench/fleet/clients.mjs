/**
 * Clients in a process of their own: GETs at a given rate over a number of keep-alive connections. The answer to `run` with
 * `{ seconds }` has one `Answer` for each request. If a request is due while every connection is busy, it waits, and its wait
 * counts: time goes on while a server hangs.
 */

import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { options, serve } from '../rig/parent.mjs';

/**
 * When the request was due (ms since the epoch), how long it took, the status or an error code, and which origin answered.
 * @typedef {[at: number, ms: number, status: string, origin: string]} Answer
 */

const TICK_MS = 5;
/** @type {{ port: number, connections: number, rate: number }} */
const { port, connections, rate } = options();
const agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections });

/**
 * @param {number} at
 * @returns {Promise<Answer>}
 */
function get(at) {
  return new Promise((resolve) => {
    const end = (/** @type {string} */ status, origin = '') => resolve([at, Date.now() - at, status, origin]);
    const sent = request({ agent, port, host: '127.0.0.1', path: '/' }, (response) => {
      response.resume();
      response.once('error', (error) => end(error.message));
      response.once('end', () => end(String(response.statusCode), String(response.headers['x-origin'] ?? '')));
    });
    sent.once('error', (error) => end(/** @type {NodeJS.ErrnoException} */ (error).code ?? error.message));
    sent.end();
  });
}

/** @param {{ seconds: number }} how */
async function run({ seconds }) {
  /** @type {Promise<Answer>[]} */
  const answers = [];
  const start = Date.now();
  while (answers.length < seconds * rate) {
    await sleep(TICK_MS);
    const due = Math.min(seconds * rate, ((Date.now() - start) * rate) / 1000);
    while (answers.length < due) answers.push(get(start + (answers.length * 1000) / rate));
  }
  return Promise.all(answers);
}

serve({}, { run });
