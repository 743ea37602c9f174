#!/usr/bin/env node
/**
 * `npm run bench:client`: `backend.request()` compared with other HTTP clients for Node. Each has a process of its own on one
 * CPU, and as many connections as callers. The origin runs on another CPU. In every round each client runs once.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describeHost } from '../proxy/machine.mjs';
import { startOrigin } from '../proxy/origin.mjs';
import { median } from '../proxy/ratios.mjs';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';
import { chooseCores, cpuMsOf } from '../rig/cpu.mjs';
import { ensurePeers, peerVersion } from '../rig/peers.mjs';

const HELP = `npm run bench:client [-- options]

  --rounds N      how often each client is measured (default 7)
  --seconds N     length of one measurement (default 2)
  --warm-up N     seconds before the first one (default 5)
  --no-write      leave bench/results/ as it is
  --help`;

const CALLERS = 64;
const TARGET = 1.2; // requests per second, as a multiple of those of undici's `request`
const COLUMNS = ['client', 'requests/s', 'ours as a multiple (least–most)', 'CPU µs'];

/** @type {readonly [key: string, name: string][]} */
const CLIENTS = [
  ['pooled', 'backend.request()'],
  ['undici-request', 'undici Pool.request'],
  ['undici-fetch', 'fetch of Node'],
  ['node-http', 'node:http, keep-alive agent'],
  ['got', 'got'],
  ['axios', 'axios'],
  ['ky', 'ky'],
];

const CASES = [
  { title: 'GET, 100 bytes', bodyBytes: 0 },
  { title: 'POST of 1 KiB, answered with 100 bytes', bodyBytes: 1024 },
];

/** @typedef {{ name: string, child: import('../rig/child.mjs').Child, requests: number[], cpu: number[] }} Runner */

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    'warm-up': { type: 'string', default: '5' },
    'no-write': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else await bench();

async function bench() {
  ensureBuilt();
  ensurePeers();
  const cores = chooseCores();
  onInterrupt(() => {});
  const origin = await startOrigin(cores.load);
  const results = [];
  try {
    for (const { title, bodyBytes } of CASES) {
      const runners = await runCase(`http://127.0.0.1:${origin.port}`, bodyBytes, cores.peer);
      results.push({ title, clients: runners.map(({ name, requests, cpu }) => ({ name, requests, cpu })) });
      console.log(`${title}\n${table(runners)}\n`);
    }
  } finally {
    await origin.stop();
  }
  if (!values['no-write']) write(results, origin.name);
}

/**
 * @param {string} origin
 * @param {number} bodyBytes
 * @param {number | undefined} core
 */
async function runCase(origin, bodyBytes, core) {
  /** @type {Runner[]} */
  const runners = [];
  try {
    for (const [key, name] of CLIENTS) {
      const settings = { name: key, origin, callers: CALLERS, path: '/100-bytes', bodyBytes };
      const child = await startChild(new URL('caller.mjs', import.meta.url), settings, { core });
      runners.push({ name, child, requests: [], cpu: [] });
      await child.ask('run', Number(values['warm-up']));
    }
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (let turn = 0; turn < runners.length; turn += 1) {
        const runner = runners[(round + turn) % runners.length];
        if (runner !== undefined) await measure(runner);
      }
    }
  } finally {
    await Promise.all(runners.map(({ child }) => child.stop('SIGKILL')));
  }
  return runners;
}

/** @param {Runner} runner */
async function measure({ name, child, requests, cpu }) {
  const used = async () => cpuMsOf(child.pid) ?? (await child.ask('cpuMs'));
  const before = await used();
  const done = await child.ask('run', Number(values.seconds));
  if (done.errors > 0) throw new Error(`${done.errors} requests of ${name} failed`);
  requests.push(done.requests / done.seconds);
  cpu.push((((await used()) - before) * 1000) / done.requests);
}

/** @param {readonly Runner[]} runners */
function table(runners) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |`;
  const ours = runners[0]?.requests ?? [];
  const rows = runners.map(({ name, requests, cpu }, at) => {
    const ratios = ours.map((value, round) => value / (requests[round] ?? Number.NaN));
    const ratio = `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
    return [name, median(requests).toFixed(0), at === 0 ? '1' : ratio, median(cpu).toFixed(1)];
  });
  return [line(COLUMNS), line(['---', '---:', '---:', '---:']), ...rows.map(line)].join('\n');
}

/**
 * @param {{ title: string, clients: { name: string, requests: number[], cpu: number[] }[] }[]} results
 * @param {string} originName
 */
function write(results, originName) {
  const folder = new URL('../results/', import.meta.url);
  const versions = ['undici', 'got', 'axios', 'ky'].map((name) => `${name} ${peerVersion(name)}`).join(', ');
  const rounds = `${values.rounds} of ${values.seconds} s, interleaved, after ${values['warm-up']} s of warm-up`;
  const machine = { ...describeHost(), origin: originName, callers: CALLERS, rounds, versions };
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL('client.json', folder), `${JSON.stringify({ machine, results }, undefined, 1)}\n`);
  const facts = Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`);
  const tables = results.map(
    ({ title, clients }) => `## ${title}\n\n${table(/** @type {Runner[]} */ (/** @type {unknown} */ (clients)))}`,
  );
  const text = `# Clients side by side

Written by \`npm run bench:client\`. Requests a second of ${CALLERS} callers that send one after the other and read each
response as text. Medians of the rounds; the multiple is formed within each round. Aimed at: ${TARGET} of undici's request.

${facts.join('\n')}

${tables.join('\n\n')}
`;
  writeFileSync(new URL('client.md', folder), text);
}
