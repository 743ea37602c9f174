#!/usr/bin/env node
/**
 * One process, and one and two workers of a cluster, in front of an origin: requests a second and CPU, at full load and at a
 * given rate. Then two workers are replaced one after another under load, and the clients' failures are counted. Load, origin
 * and gateway share the machine, so the figures of two cores say what one core more or less changes, not what many cores give.
 * `node bench/scenarios/workers.mjs [--seconds N]`; exits with 1 if a request fails during the replacement.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';
import { cpuMsOf } from '../rig/cpu.mjs';
import { freePort } from '../rig/listen.mjs';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '6' } } });
const SECONDS = Number(values.seconds);
const TOTAL = 100;
const RATE = 1500;
const GET = 'GET /100 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';
const POST = 'POST /100 HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 4\r\n\r\nbook';
const rig = (/** @type {string} */ file) => new URL(`../rig/${file}`, import.meta.url);
const here = (/** @type {string} */ file) => new URL(file, import.meta.url);

ensureBuilt();
onInterrupt(() => {});
let failed = false;
for (const workers of [0, 1, 2]) await measure(workers);
await replace();
process.exitCode = failed ? 1 : 0;

/** @param {number} workers 0 for one process without a cluster */
async function start(workers) {
  const origin = await startChild(here('origin.mjs'), {});
  const origins = [`http://127.0.0.1:${origin.ready.port}`];
  const gateway =
    workers === 0
      ? await startChild(rig('pooled-proxy.mjs'), { origins, maxConnections: TOTAL })
      : await startChild(here('workers-gateway.mjs'), { origins, workers, total: TOTAL, port: await freePort() });
  return { origin, gateway, port: gateway.ready.port };
}

/** @param {number} workers */
async function measure(workers) {
  const { origin, gateway, port } = await start(workers);
  const load = await startChild(rig('load.mjs'), { port, connections: 64, request: GET });
  await load.ask('run', { seconds: 2 });
  for (const rate of [undefined, RATE]) {
    const before = await usedBy(workers, gateway);
    const cpuBefore = { origin: cpuMsOf(origin.pid) ?? 0, load: cpuMsOf(load.pid) ?? 0 };
    const { requests, errors, seconds, latency } = await load.ask('run', { seconds: SECONDS, rate });
    const after = await usedBy(workers, gateway);
    const share = (/** @type {number} */ ms) => `${Math.round(ms / seconds / 10)} %`;
    const perRequest = ((after.all - before.all) * 1000) / requests;
    console.log(
      `${workers === 0 ? 'one process' : `${workers} worker${workers > 1 ? 's' : ''}`}, ${rate === undefined ? 'as fast as they can' : `${rate} a second`}: ` +
        `${Math.round(requests / seconds)} GETs a second, p50 ${latency.p50.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms, ` +
        `${perRequest.toFixed(0)} µs of CPU a request; of a core: gateway ${share(after.all - before.all)} ` +
        `(its primary ${share(after.primary - before.primary)}), origin ${share((cpuMsOf(origin.pid) ?? 0) - cpuBefore.origin)}, ` +
        `load ${share((cpuMsOf(load.pid) ?? 0) - cpuBefore.load)}; failed: ${failures(errors)}`,
    );
  }
  await Promise.all([load, gateway, origin].map((child) => child.stop()));
}

/**
 * @param {number} workers
 * @param {import('../rig/child.mjs').Child} gateway
 */
async function usedBy(workers, gateway) {
  if (workers === 0) return { all: await gateway.ask('cpuMs'), primary: 0 };
  const used = await gateway.ask('cpuMs');
  return {
    all: used.workers.reduce((/** @type {number} */ sum, /** @type {number} */ ms) => sum + ms, used.primary),
    primary: used.primary,
  };
}

async function replace() {
  const { origin, gateway, port } = await start(2);
  const load = await startChild(rig('load.mjs'), { port, connections: 64, request: [GET, GET, GET, POST] });
  const finished = load.ask('run', { seconds: SECONDS + 4, rate: RATE });
  await sleep(2000);
  const tookMs = await gateway.ask('roll');
  const { requests, errors, latency } = await finished;
  console.log(
    `two workers replaced one by one in ${Math.round(tookMs)} ms, ${RATE} a second, a fourth of them POSTs: ${requests} answered, ` +
      `p99 ${latency.p99.toFixed(0)} ms, slowest ${latency.max.toFixed(0)} ms; failed: ${failures(errors)}`,
  );
  failed ||= Object.keys(errors).length > 0;
  await Promise.all([load, gateway, origin].map((child) => child.stop()));
}

/** @param {Record<string, number>} errors */
function failures(errors) {
  const kinds = Object.entries(errors);
  return kinds.length === 0 ? 'none' : kinds.map(([kind, count]) => `${count} × ${kind}`).join(', ');
}
