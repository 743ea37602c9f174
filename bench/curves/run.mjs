#!/usr/bin/env node
/**
 * `npm run bench:curves`: what a request costs with more clients, more origins, a longer queue or more fields. Measures
 * pieces of code one by one (bench/micro), and whole requests through the proxy. Writes bench/results/curves.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FIELD_COUNTS } from '../proxy/bodies.mjs';
import { chooseGenerator } from '../proxy/generator.mjs';
import { describeHost } from '../proxy/machine.mjs';
import { startOrigin } from '../proxy/origin.mjs';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';
import { chooseCores, cpuMsOf, rssOf } from '../rig/cpu.mjs';

const HELP = `npm run bench:curves [-- options]

  --seconds N    length of each of three measurements of a point (default 2)
  --warm-up N    requests before them (default 10000)
  --pieces       the pieces only, which can be measured on a busy machine
  --help`;

const ROUNDS = 3;
const MOST_WARM_UP_SECONDS = 20;

/** @typedef {{ size: number, value: number, [more: string]: number }} Point */
/** @typedef {{ name: string, of: string, unit: string, points: Point[] }} Curve */

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    'warm-up': { type: 'string', default: '10000' },
    pieces: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else await run();

async function run() {
  const curves = pieces();
  const names = values.pieces ? {} : await addWholes(curves);
  write(curves, { ...describeHost(), ...names });
  for (const curve of curves) console.log(line(curve));
}

/**
 * @param {Curve[]} curves
 * @returns {Promise<Record<string, string>>} the machine and the programs of the measurement
 */
async function addWholes(curves) {
  ensureBuilt();
  const cores = chooseCores();
  const generator = chooseGenerator(cores.load);
  onInterrupt(generator.stop);
  const origin = await startOrigin(cores.load);
  try {
    curves.push(...(await wholes({ port: origin.port, core: cores.peer, connect: generator.connect })));
    return { origin: origin.name, generator: generator.name };
  } finally {
    generator.stop();
    await origin.stop();
  }
}

/** @returns {Curve[]} */
function pieces() {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  execFileSync('npx', ['tsup', '--config', 'bench/micro/build.config.ts'], { cwd: root, stdio: 'ignore' });
  return JSON.parse(execFileSync(process.execPath, ['bench/micro/dist/curves.js'], { cwd: root, encoding: 'utf8' }));
}

/** @typedef {{ port: number, core: number | undefined, connect: import('../proxy/generator.mjs').Connect }} Rig */

/**
 * @param {Rig} rig
 * @returns {Promise<Curve[]>}
 */
async function wholes(rig) {
  const one = [`http://127.0.0.1:${rig.port}`];
  /** @type {Curve} */
  const clients = { name: 'GET of 100 bytes', of: 'clients', unit: 'CPU µs', points: [] };
  for (const size of [10, 100, 1000, 10_000]) clients.points.push(await point(rig, size, one, size, '/100-bytes'));
  /** @type {Curve} */
  const origins = { name: 'GET of 100 bytes', of: 'origins', unit: 'CPU µs', points: [] };
  for (const size of [1, 10, 100, 1000]) {
    // Every address in 127.0.0.0/8 belongs to this machine, and the origin listens on all of them.
    const urls = Array.from({ length: size }, (_, at) => `http://127.0.${at >> 7}.${(at % 128) + 1}:${rig.port}`);
    origins.points.push(await point(rig, size, urls, 64, '/100-bytes'));
  }
  /** @type {Curve} */
  const fields = { name: 'GET of 100 bytes', of: 'response fields', unit: 'CPU µs', points: [] };
  for (const size of FIELD_COUNTS) fields.points.push(await point(rig, size, one, 64, `/fields-${size}`));
  return [clients, origins, fields];
}

/**
 * @param {Rig} rig
 * @param {number} size
 * @param {string[]} origins
 * @param {number} clients
 * @param {string} path
 * @returns {Promise<Point>}
 */
async function point({ core, connect }, size, origins, clients, path) {
  const settings = { origins, maxConnections: origins.length > 1 ? 10 : 100, maxQueue: 100_000, queueTimeout: 30_000 };
  const child = await startChild(new URL('../rig/pooled-proxy.mjs', import.meta.url), settings, { core });
  /** @type {import('../proxy/generator.mjs').Traffic} */
  const traffic = { requests: [{ method: 'GET', path, bodyBytes: 0 }], clients };
  const connected = await connect(child.ready.port, traffic);
  const load = () => connected.load(Number(values.seconds));
  try {
    let warm = 0;
    const begun = Date.now();
    while (warm < Number(values['warm-up']) && Date.now() - begun < MOST_WARM_UP_SECONDS * 1000)
      warm += (await load()).requests;
    /** @type {Point[]} */
    const points = [];
    while (points.length < ROUNDS) {
      const before = cpuMsOf(child.pid) ?? Number.NaN;
      const { requests, latency, errors } = await load();
      const cpu = (((cpuMsOf(child.pid) ?? Number.NaN) - before) * 1000) / requests;
      points.push({ size, value: cpu, p99: latency.p99, errors, rss: (rssOf(child.pid) ?? Number.NaN) / 2 ** 20 });
    }
    points.sort((a, b) => a.value - b.value);
    return /** @type {Point} */ (points[1]);
  } finally {
    await connected.close();
    await child.stop('SIGKILL');
  }
}

/** @param {Curve} curve */
function line({ name, of, unit, points }) {
  const cells = points.map(({ size, value }) => `${size}: ${value < 1000 ? value.toPrecision(3) : value.toFixed(0)}`);
  return `${name} by ${of}, ${unit}: ${cells.join(', ')}`;
}

/**
 * @param {readonly Curve[]} curves
 * @param {Record<string, string>} machine
 */
function write(curves, machine) {
  const folder = new URL('../results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL('curves.json', folder), `${JSON.stringify({ machine, curves }, undefined, 1)}\n`);
  const facts = Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`);
  writeFileSync(new URL('curves.md', folder), markdown(curves, facts));
}

/**
 * @param {readonly Curve[]} curves
 * @param {readonly string[]} facts
 */
function markdown(curves, facts) {
  const tables = curves.map(({ name, of, unit, points }) => {
    const more = Object.keys(points[0] ?? {}).filter((key) => key !== 'size' && key !== 'value');
    const rows = points.map((one) => {
      const cells = [one.size, one.value, ...more.map((key) => one[key] ?? 0)];
      return `| ${cells.map((value) => Number(value.toPrecision(4))).join(' | ')} |`;
    });
    return `## ${name}, by ${of}\n\n| ${[of, unit, ...more].join(' | ')} |\n|${' ---: |'.repeat(more.length + 2)}\n${rows.join('\n')}`;
  });
  return `# What it costs as work grows

Written by \`npm run bench:curves\`. Pieces: the best tenth of the samples, and bytes of heap. Whole requests: CPU of the proxy's
process for each, the middle one of three measurements; p99 in ms and RSS in MiB. Clients share 100 connections, and each
of several origins may have 10.

${facts.join('\n')}

${tables.join('\n\n')}
`;
}
