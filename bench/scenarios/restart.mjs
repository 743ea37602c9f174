#!/usr/bin/env node
/**
 * An origin is killed (SIGKILL) and back within 2 s, again and again, under 1,000 GETs a second. No GET may fail, with a
 * second origin or without one: requests that cannot go elsewhere wait in the queue.
 * `node bench/scenarios/restart.mjs`; exits with 1 if a GET failed.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';

const RATE = 1000;
const SECONDS = 14;
const KILLS = 4;
const UP_MS = 1500;
const DOWN_MS = 1500; // plus the time that the new process takes to start
const CLIENTS = 4000; // more than RATE × the time down, so that the load goes on while requests wait

ensureBuilt();
onInterrupt(() => {});
let failed = false;
for (const origins of [2, 1]) {
  for (const bytes of [100, 16_384]) {
    const { requests, errors, down, latency } = await run(origins, bytes);
    const kinds = Object.entries(errors);
    failed ||= kinds.length > 0 || requests < RATE * SECONDS * 0.9;
    console.log(
      `${origins} origin${origins > 1 ? 's' : ''}, ${bytes} bytes: ${requests} GETs answered, ${KILLS} kills, down ${down.toFixed(1)} s at most, ` +
        `p50 ${latency.p50.toFixed(1)} ms, slowest ${latency.max.toFixed(0)} ms, ` +
        `failed: ${kinds.length === 0 ? 'none' : kinds.map(([kind, count]) => `${count} × ${kind}`).join(', ')}`,
    );
  }
}
process.exitCode = failed ? 1 : 0;

/**
 * @param {number} count of origins
 * @param {number} bytes of a response
 */
async function run(count, bytes) {
  const file = new URL('origin.mjs', import.meta.url);
  const origins = await Promise.all(Array.from({ length: count }, () => startChild(file, {})));
  const ports = origins.map((origin) => origin.ready.port);
  const proxy = await startChild(new URL('../rig/pooled-proxy.mjs', import.meta.url), {
    origins: ports.map((port) => `http://127.0.0.1:${port}`),
  });
  const port = proxy.ready.port;
  const request = `GET /${bytes} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`;
  const load = await startChild(new URL('../rig/load.mjs', import.meta.url), { port, connections: CLIENTS, request });

  const finished = load.ask('run', { seconds: SECONDS, rate: RATE });
  let down = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    await sleep(UP_MS);
    const killed = performance.now();
    await origins[0]?.stop('SIGKILL');
    await sleep(DOWN_MS);
    origins[0] = await startChild(file, { port: ports[0] });
    down = Math.max(down, (performance.now() - killed) / 1000);
  }
  const result = await finished;
  await Promise.all([load, proxy, ...origins].map((child) => child.stop('SIGKILL')));
  return { ...result, down };
}
