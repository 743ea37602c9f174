/** One phase of the demo: starts its processes, restarts a backend half-way, and adds up the results of all processes. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../rig/child.mjs';
import { timeWaitAdded, timeWaitOf } from '../rig/sockets.mjs';
import { readJournals } from './journal.mjs';

const DOWN_MS = 1000;

/**
 * @typedef {object} PhasePlan
 * @property {string} title
 * @property {string} proxy the module of the proxy
 * @property {'fresh' | 'verified'} [nonIdempotent]
 */

/** @typedef {{ p50: number, p99: number } | null} Percentiles */

/**
 * Everything that was measured in one phase; `undefined` if it cannot be known here.
 * @typedef {object} PhaseResult
 * @property {string} title
 * @property {number} requests
 * @property {{ GET: number, POST: number }} answered
 * @property {{ GET: Record<string, number>, POST: Record<string, number> }} errors how many, by kind
 * @property {{ GET: Percentiles, POST: Percentiles }} latencies
 * @property {number} opened connections that the proxy opened to the backends
 * @property {number | undefined} accepted connections that the backends accepted
 * @property {{ serverSide: number, clientSide: number } | undefined} timeWait sockets that the phase left in TIME_WAIT
 * @property {boolean} remote the backends are not on this machine, so their side of TIME_WAIT cannot be seen
 * @property {number} cpuMicroseconds of the proxy, per request
 * @property {number | undefined} executedTwice payments that were booked twice
 * @property {number} unknown payments answered with "delivery unknown"
 * @property {number | undefined} unknownExecuted how many of these a backend had booked
 */

/**
 * @param {PhasePlan} plan
 * @param {import('./options.mjs').DemoOptions} options
 * @param {string} folder for the journals
 * @param {(news: { requests: number, errors: number, opened: number, event?: string }) => void} onNews
 * @returns {Promise<PhaseResult>}
 */
export async function runPhase(plan, options, folder, onNews) {
  /** @type {Set<import('../rig/child.mjs').Child>} */
  const children = new Set();
  /** @type {(file: string, settings: object) => Promise<import('../rig/child.mjs').Child>} */
  const start = async (file, settings) => {
    const child = await startChild(new URL(file, import.meta.url), settings);
    children.add(child);
    return child;
  };
  try {
    return await measure(plan, options, folder, start, onNews);
  } finally {
    await Promise.all([...children].map((child) => child.stop('SIGKILL')));
  }
}

/**
 * @param {PhasePlan} plan
 * @param {import('./options.mjs').DemoOptions} options
 * @param {string} folder
 * @param {(file: string, settings: object) => Promise<import('../rig/child.mjs').Child>} start
 * @param {(news: { requests: number, errors: number, opened: number, event?: string }) => void} onNews
 * @returns {Promise<PhaseResult>}
 */
async function measure(plan, options, folder, start, onNews) {
  const ours = options.origins.length === 0;
  const name = plan.nonIdempotent ?? 'one-to-one';
  const journals = ours ? [1, 2].map((number) => join(folder, `${name}-${number}.journal`)) : [];
  const backends = await Promise.all(journals.map((journal) => start('backend.mjs', { journal })));
  const ports = ours ? backends.map((backend) => backend.ready.port) : options.origins.map(portOf);
  const origins = ours ? ports.map((port) => `http://127.0.0.1:${port}`) : options.origins;
  const proxy = await start(plan.proxy, { origins, nonIdempotent: plan.nonIdempotent });
  const clients = await start('clients.mjs', { ...options, port: proxy.ready.port });

  const timeWaitBefore = timeWaitOf(ports);
  let event = '';
  clients.onNews(async (news) => onNews({ ...news, opened: await proxy.ask('opened').catch(() => 0), event }));
  const cpuBefore = await proxy.ask('cpuMs');
  const [{ unknownPayments, ...seen }] = await Promise.all([clients.ask('run'), ours && restart()]);

  async function restart() {
    await sleep((options.seconds * 1000) / 2);
    event = 'origin 2 killed';
    await backends[1]?.stop('SIGKILL');
    await sleep(DOWN_MS);
    await start('backend.mjs', { journal: journals[1], port: ports[1] });
    event = 'origin 2 is back';
  }

  const journal = ours ? readJournals(journals) : undefined;
  return {
    title: plan.title,
    ...seen,
    opened: await proxy.ask('opened'),
    accepted: journal?.connections,
    timeWait: timeWaitAdded(timeWaitBefore, timeWaitOf(ports)),
    remote: !ours,
    cpuMicroseconds: (((await proxy.ask('cpuMs')) - cpuBefore) * 1000) / seen.requests,
    executedTwice: journal && [...journal.bookings.values()].filter((times) => times > 1).length,
    unknown: unknownPayments.length,
    unknownExecuted: journal && howManyBooked(unknownPayments, journal),
  };
}

/**
 * @param {readonly string[]} ids
 * @param {import('./journal.mjs').Journal} journal
 */
function howManyBooked(ids, { bookings }) {
  return ids.filter((id) => bookings.has(id)).length;
}

/** @returns {number} */
function portOf(/** @type {string} */ origin) {
  const { protocol, port } = new URL(origin);
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}
