/** Measures one case, with all its peers in each round. */

import { request as sendRequest } from 'node:http';
import { cpuMsOf, rssOf } from '../rig/cpu.mjs';
import { BODIES } from './bodies.mjs';
import { startPeer } from './systems.mjs';

/**
 * One measurement. A number that cannot be measured is NaN.
 * @typedef {object} Sample
 * @property {number} cpu microseconds per request
 * @property {number} requests answered a second
 * @property {number} p50 in ms
 * @property {number} p99 in ms
 * @property {number} rss MiB at the end
 * @property {number} opened connections to the origin
 * @property {number} errors
 */

/**
 * `heap`: bytes that each request allocates, if that was measured.
 * @typedef {{ peer: string, samples: Sample[], heap?: number }} PeerSamples
 */
/** @typedef {{ what: import('./cases.mjs').Case, peers: PeerSamples[] }} CaseResult */

/** `warmUp`: requests to each peer before it is measured. @typedef {{ rounds: number, seconds: number, warmUp: number }} Plan */

/**
 * @typedef {object} Rig
 * @property {import('./origin.mjs').RunningOrigin} origin
 * @property {import('./generator.mjs').Connect} connect
 * @property {number | undefined} core of the peers
 * @property {Plan} plan
 */

/** @typedef {import('./systems.mjs').Running & { peer: string, samples: Sample[] }} Runner */

// A limit for slow peers and for cases with long bodies: they are warm after this time.
const WARM_UP_SECONDS = 12;

/**
 * @param {import('./cases.mjs').Case} what
 * @param {Rig} rig
 * @returns {Promise<CaseResult>}
 */
export async function runCase(what, rig) {
  const { origin, core, plan } = rig;
  const url = what.tls === true ? `https://127.0.0.1:${origin.tlsPort}` : `http://127.0.0.1:${origin.port}`;
  /** @type {Runner[]} */
  const runners = [];
  try {
    for (const peer of what.peers) {
      process.stderr.write(`\r\x1b[K${what.title}: warming up ${peer.name}`);
      const runner = { ...(await startPeer(peer, url, core)), peer: peer.name, samples: [] };
      runners.push(runner);
      for (const sent of what.requests) await checkAnswer(runner, sent);
      await warmUp(runner, what, rig);
    }
    const rate = await rateOf(what, rig, runners[0]);
    for (let round = 0; round < plan.rounds; round += 1) {
      process.stderr.write(`\r\x1b[K${what.title}: round ${round + 1} of ${plan.rounds}`);
      // Each round begins with another peer, so that no peer is always the first.
      for (let turn = 0; turn < runners.length; turn += 1) {
        const next = runners[(round + turn) % runners.length];
        next?.samples.push(await measure(next, rig, what, rate));
      }
    }
    process.stderr.write('\r\x1b[K');
    const heaps = what.heap === true ? await heapsOf(runners, what, rig) : [];
    return { what, peers: runners.map(({ peer, samples }, at) => withHeap({ peer, samples }, heaps[at])) };
  } finally {
    await Promise.all(runners.map(({ stop }) => stop()));
  }
}

/**
 * By number of requests, not by time: V8 compiles code after it has run often enough.
 * @param {Runner} runner
 * @param {import('./cases.mjs').Case} what
 * @param {Rig} rig
 */
async function warmUp({ port }, what, { connect, plan }) {
  const clients = await connect(port, what);
  let requests = 0;
  for (let second = 0; second < WARM_UP_SECONDS && requests < plan.warmUp; second += 2)
    requests += (await clients.load(2)).requests;
  await clients.close();
}

/**
 * @param {import('./cases.mjs').Case} what
 * @param {Rig} rig
 * @param {Runner | undefined} first
 * @returns {Promise<number | undefined>} requests a second; `undefined` for a case with full load
 */
async function rateOf(what, { connect }, first) {
  if (what.load === undefined || first === undefined) return undefined;
  const clients = await connect(first.port, what);
  const { requests, seconds } = await clients.load(2);
  await clients.close();
  return (requests / seconds) * what.load;
}

/**
 * @param {Runner} runner
 * @param {Rig} rig
 * @param {import('./cases.mjs').Case} what
 * @param {number | undefined} rate
 * @returns {Promise<Sample>}
 */
async function measure({ port, pids, child }, { origin, connect, plan }, what, rate) {
  const cpu = async () => sumOf(pids, cpuMsOf) ?? (await child?.ask('cpuMs')) ?? Number.NaN;
  const clients = await connect(port, what);
  // Since the last round, V8 may have dropped hidden classes and the code that was compiled for them.
  await clients.load(plan.seconds, rate);
  const acceptedBefore = await origin.accepted();
  const before = await cpu();
  const { requests, seconds, errors, latency } = await clients.load(plan.seconds, rate);
  const spent = (await cpu()) - before;
  await clients.close();
  return {
    cpu: (spent * 1000) / requests,
    requests: requests / seconds,
    p50: latency.p50,
    p99: latency.p99,
    rss: (sumOf(pids, rssOf) ?? Number.NaN) / 2 ** 20,
    opened: (await origin.accepted()) - acceptedBefore,
    errors,
  };
}

/**
 * @param {readonly number[]} pids
 * @param {(pid: number) => number | undefined} of
 */
function sumOf(pids, of) {
  let sum = 0;
  for (const pid of pids) {
    const value = of(pid);
    if (value === undefined) return undefined;
    sum += value;
  }
  return sum;
}

/**
 * Bytes of heap for each request. This is a run of its own, because the measurement costs time.
 * @param {readonly Runner[]} runners
 * @param {import('./cases.mjs').Case} what
 * @param {Rig} rig
 * @returns {Promise<(number | undefined)[]>}
 */
async function heapsOf(runners, what, { connect, plan }) {
  const heaps = [];
  for (const { child, port } of runners) {
    if (child === undefined) {
      heaps.push(undefined);
      continue;
    }
    const clients = await connect(port, what);
    await child.ask('watchHeap');
    const { requests } = await clients.load(plan.seconds);
    heaps.push((await child.ask('heapAllocated')) / requests);
    await clients.close();
  }
  return heaps;
}

/**
 * @param {PeerSamples} samples
 * @param {number | undefined} heap
 * @returns {PeerSamples}
 */
function withHeap(samples, heap) {
  return heap === undefined ? samples : { ...samples, heap };
}

/**
 * Checks the answer of a peer: with a different answer it would be measured with different work.
 * @param {Runner} runner
 * @param {import('./cases.mjs').Sent} sent
 * @returns {Promise<void>}
 */
function checkAnswer({ peer, port }, { method, path, bodyBytes }) {
  return new Promise((resolve, reject) => {
    const request = sendRequest({ host: '127.0.0.1', port, method, path, agent: false }, async (response) => {
      let body = '';
      for await (const piece of response.setEncoding('latin1')) body += piece;
      if (response.statusCode === 200 && body === BODIES.get(path)) resolve();
      else reject(new Error(`${peer} answered ${method} ${path} with ${response.statusCode} and ${body.length} bytes`));
    });
    request.on('error', (error) => reject(new Error(`${peer} did not answer ${method} ${path}: ${error.message}`)));
    request.end('x'.repeat(bodyBytes));
  });
}
