#!/usr/bin/env node
/**
 * `npm run bench`: CPU per proxied request, ours beside the other ways to proxy from Node.
 *
 * Every peer runs in its own process on one CPU, generator and origin on another. In every round each peer of a case is
 * loaded once, one after the other, so that what disturbs the machine disturbs all of them; a round gives the ratio of
 * our CPU per request to each peer's, and the median of the rounds counts. CPU is user + system of the peer's process.
 */

import { request as sendRequest } from 'node:http';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';
import { chooseCores, cpuMsOf } from '../rig/cpu.mjs';
import { BODIES } from './bodies.mjs';
import { CASES, MAX_CONNECTIONS } from './cases.mjs';
import { chooseGenerator } from './generator.mjs';
import { describeMachine } from './machine.mjs';
import { startOrigin } from './origin.mjs';
import { barOf } from './ratios.mjs';
import { describeCase, writeResults } from './report.mjs';

const HELP = `npm run bench [-- options]

  --case NAME     only this one; may be repeated: ${CASES.map(({ key }) => key).join(', ')}
  --rounds N      how often each peer is measured (default 9)
  --seconds N     length of one measurement (default 2)
  --warm-up N     seconds of load before the first one (default 3)
  --no-write      leave bench/results/ as it is
  --check         exit with 1 when a bar is missed
  --help

It exits with 1 when a peer answered wrong or not at all.`;

/**
 * One measurement.
 * @typedef {object} Sample
 * @property {number} cpuMicroseconds per request
 * @property {number} requestsPerSecond
 * @property {number} errors
 * @property {{ p50: number, p99: number }} latency in ms
 */

/** @typedef {{ peer: string, samples: Sample[] }} PeerSamples */
/** @typedef {{ what: import('./cases.mjs').Case, peers: PeerSamples[] }} CaseResult */
/** @typedef {import('../rig/child.mjs').Child} Child */
/** @typedef {{ rounds: number, seconds: number, warmUp: number }} Plan */

const { values } = parseArgs({
  options: {
    case: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '2' },
    'warm-up': { type: 'string', default: '3' },
    'no-write': { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else await bench();

async function bench() {
  ensureBuilt();
  const cores = chooseCores();
  const generator = chooseGenerator(cores.load);
  onInterrupt(generator.stop);
  const origin = await startOrigin(cores.load);
  const plan = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUp: Number(values['warm-up']) };
  const machine = describeMachine({ generator: generator.name, origin: origin.name, cores, plan });
  /** @type {CaseResult[]} */
  const results = [];
  try {
    for (const what of CASES.filter(({ key }) => values.case?.includes(key) ?? true)) {
      const result = await runCase(what, plan, `http://127.0.0.1:${origin.port}`, generator.generate, cores.peer);
      console.log(`\n${describeCase(result)}`);
      results.push(result);
    }
  } finally {
    generator.stop();
    await origin.stop();
  }
  const { wrong, missed } = judge(results);
  for (const sentence of [...wrong, ...missed]) console.error(sentence);
  if (!values['no-write']) writeResults(results, machine);
  process.exitCode = wrong.length > 0 || (values.check && missed.length > 0) ? 1 : 0;
}

/**
 * @param {import('./cases.mjs').Case} what
 * @param {Plan} plan
 * @param {string} origin
 * @param {import('./generator.mjs').Generate} generate
 * @param {number | undefined} core
 * @returns {Promise<CaseResult>}
 */
async function runCase(what, plan, origin, generate, core) {
  /** @type {{ peer: string, child: Child, samples: Sample[] }[]} */
  const peers = [];
  try {
    for (const { name, file, nonIdempotent } of what.peers) {
      const settings = { origins: [origin], maxConnections: MAX_CONNECTIONS, nonIdempotent };
      const child = await startChild(new URL(file, import.meta.url), settings, { core });
      peers.push({ peer: name, child, samples: [] });
    }
    for (const { peer, child } of peers) {
      for (const sent of what.requests) await checkAnswer(peer, child.ready.port, sent);
      await generate(child.ready.port, what, plan.warmUp);
    }
    for (let round = 0; round < plan.rounds; round += 1) {
      process.stderr.write(`\r${what.title}: round ${round + 1} of ${plan.rounds} `);
      // Each round begins with another peer: none is always first after the others' silence.
      for (let turn = 0; turn < peers.length; turn += 1) {
        const next = peers[(round + turn) % peers.length];
        next?.samples.push(await measure(next.child, what, generate, plan.seconds));
      }
    }
    process.stderr.write('\n');
    return { what, peers: peers.map(({ peer, samples }) => ({ peer, samples })) };
  } finally {
    await Promise.all(peers.map(({ child }) => child.stop('SIGKILL')));
  }
}

/**
 * @param {Child} child
 * @param {import('./cases.mjs').Case} what
 * @param {import('./generator.mjs').Generate} generate
 * @param {number} seconds
 * @returns {Promise<Sample>}
 */
async function measure(child, what, generate, seconds) {
  const cpu = async () => cpuMsOf(child.pid) ?? (await child.ask('cpuMs'));
  const before = await cpu();
  const load = await generate(child.ready.port, what, seconds);
  const used = (await cpu()) - before;
  return {
    cpuMicroseconds: (used * 1000) / load.requests,
    requestsPerSecond: load.requests / load.seconds,
    errors: load.errors,
    latency: load.latency,
  };
}

/**
 * A peer that answers something else would be measured at other work.
 * @param {string} peer
 * @param {number} port
 * @param {import('./cases.mjs').Sent} sent
 * @returns {Promise<void>}
 */
function checkAnswer(peer, port, { method, path, bodyBytes }) {
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

/** @param {readonly CaseResult[]} results */
function judge(results) {
  const wrong = results.flatMap(({ what, peers }) =>
    peers.flatMap(({ peer, samples }) => {
      const errors = samples.reduce((sum, sample) => sum + sample.errors, 0);
      return errors === 0 ? [] : [`${what.title}: ${errors} requests failed through ${peer}`];
    }),
  );
  const missed = results.flatMap((result) => {
    const bar = barOf(result);
    return bar === undefined || bar.ratio <= bar.limit
      ? []
      : [`${result.what.title}: ${bar.ratio.toFixed(2)} of ${bar.peer}, the bar is ${bar.limit}`];
  });
  return { wrong, missed };
}
