#!/usr/bin/env node
/**
 * 200 clients ask for 1 MiB each and never read it, on 20 connections to the origin. `clientTimeout` frees what they hold, and
 * other clients are served meanwhile and afterwards. A second round asks for 16 MiB, more than the kernel buffers.
 * `node bench/scenarios/stuck-readers.mjs`; exits with 1 if a request of another client failed, or something is still held.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';

const CONNECTIONS = 20;
const CLIENTS = 200;
const CLIENT_TIMEOUT_MS = 2_000;
const RATE = 200;
const FAST_CLIENTS = 400;
const SETTLING_MS = 1_000; // after that all of them have sent their requests

ensureBuilt();
onInterrupt(() => {});
const rig = (/** @type {string} */ file) => new URL(`../rig/${file}`, import.meta.url);
let failed = false;
for (const mebibytes of [1, 16]) {
  const origin = await startChild(new URL('origin.mjs', import.meta.url), {});
  const proxy = await startChild(rig('pooled-proxy.mjs'), {
    origins: [`http://127.0.0.1:${origin.ready.port}`],
    maxConnections: CONNECTIONS,
    clientTimeout: CLIENT_TIMEOUT_MS,
    queueTimeout: 60_000,
  });
  const { port } = proxy.ready;
  const request = 'GET /1000 HTTP/1.1\r\nHost: a\r\n\r\n';
  const fast = await startChild(rig('load.mjs'), { port, connections: FAST_CLIENTS, request });
  const odd = await startChild(new URL('odd-clients.mjs', import.meta.url), { port });
  await fast.ask('run', { seconds: 1, rate: RATE });

  await odd.ask('start', { sleepers: { count: CLIENTS, bytes: mebibytes * 2 ** 20, seconds: 0.1 } });
  const begun = performance.now();
  const beside = fast.ask('run', { seconds: 8, rate: RATE });
  let mostSpooled = 0;
  let freedAfter = 0;
  while (performance.now() - begun < 60_000) {
    const { spool, inFlight } = await proxy.ask('stats');
    mostSpooled = Math.max(mostSpooled, spool.bytes);
    if (performance.now() - begun > SETTLING_MS && inFlight < CONNECTIONS) {
      freedAfter = (performance.now() - begun) / 1000;
      break;
    }
    await sleep(100);
  }
  const { requests, errors, latency } = await beside;
  const after = await fast.ask('run', { seconds: 3, rate: RATE });
  const { origins, spool, queue, inFlight } = await proxy.ask('stats');
  await odd.ask('stop');
  await Promise.all([odd, fast, proxy, origin].map((child) => child.stop()));

  const atRest = spool.bytes === 0 && queue.length === 0 && inFlight === 0 && origins[0].connections.busy === 0;
  const kinds = [...Object.keys(errors), ...Object.keys(after.errors)];
  const right = freedAfter > 0 && atRest && kinds.length === 0 && after.requests > RATE * 2;
  failed ||= !right;
  console.log(
    `${mebibytes} MiB: ${CLIENTS} stuck clients held nothing any more after ${freedAfter.toFixed(1)} s; at most ` +
      `${(mostSpooled / 2 ** 20).toFixed(1)} MiB read ahead of them. Others: ${requests} answered, slowest ` +
      `${latency.max.toFixed(0)} ms; then ${after.requests}, p99 ${after.latency.p99.toFixed(1)} ms; errors: ` +
      `${kinds.join(', ') || 'none'}; at rest: ${atRest}: ${right ? 'right' : 'WRONG'}`,
  );
}
process.exitCode = failed ? 1 : 0;
