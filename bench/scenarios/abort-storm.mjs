#!/usr/bin/env node
/**
 * 5,000 clients leave in random phases of their requests, three times. After that nothing of them may be left: no connection,
 * no place in the queue, no timer, no listener, no byte. The next thousand requests must be answered.
 * `node bench/scenarios/abort-storm.mjs [--clients N]`; exits with 1 if something is left.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';

const CONNECTIONS = 20;
const AT_ONCE = 400;
const FAST_CLIENTS = 20;
const STORMS = 3;
// Connections of clients that have left may still be in the backlog of the kernel, and are accepted one by one.
const LONGEST_BACKLOG_MS = 60_000;
const QUIET_MS = 2_000;

const { values } = parseArgs({ options: { clients: { type: 'string', default: '5000' } } });
ensureBuilt();
onInterrupt(() => {});
const rig = (/** @type {string} */ file) => new URL(`../rig/${file}`, import.meta.url);
const origin = await startChild(new URL('origin.mjs', import.meta.url), {});
const proxy = await startChild(
  rig('pooled-proxy.mjs'),
  { origins: [`http://127.0.0.1:${origin.ready.port}`], maxConnections: CONNECTIONS, spareConnections: false },
  { nodeArguments: ['--expose-gc'] },
);
const { port } = proxy.ready;
const odd = await startChild(new URL('storm-clients.mjs', import.meta.url), { port });
const fast = await startChild(rig('load.mjs'), {
  port,
  connections: 20,
  request: 'GET /1000 HTTP/1.1\r\nHost: a\r\n\r\n',
});

await odd.ask('storm', { clients: 500, atOnce: AT_ONCE }); // warms up: code is compiled, buffers are made
/** @type {{ resources: Record<string, number>, memory: Record<string, number> }[]} */
const rests = [];
let failed = 0;
for (let round = 0; round <= STORMS; round += 1) {
  if (round > 0) {
    const counts = await odd.ask('storm', { clients: Number(values.clients), atOnce: AT_ONCE });
    if (round === 1)
      console.log(
        `left: ${Object.entries(counts)
          .map(([phase, count]) => `${count} ${phase}`)
          .join(', ')}`,
      );
  }
  await quiet();
  const { requests, errors } = await fast.ask('run', { requests: 1000 });
  await sleep(QUIET_MS);
  const [stats, resources, memory, clients] = await Promise.all(
    ['stats', 'resources', 'memory', 'clients'].map((question) => proxy.ask(question)),
  );
  rests.push({ resources, memory });
  const { connections, dialled, closed } = stats.origins[0];
  const gone = Object.values(closed).reduce((sum, /** @type {any} */ count) => sum + count, 0);
  const wrong = [
    ...(stats.inFlight === 0 ? [] : [`${stats.inFlight} requests in flight`]),
    ...(stats.queue.length === 0 ? [] : [`${stats.queue.length} in the queue`]),
    ...(connections.busy + connections.dialling === 0 ? [] : [`${connections.busy} connections busy`]),
    ...(connections.open <= CONNECTIONS && dialled - gone === connections.open ? [] : ['connections are lost']),
    ...(stats.spool.bytes === 0 && stats.requestBuffer.bytes === 0 ? [] : ['bytes are held']),
    ...(requests === 1000 ? [] : [`${1000 - requests} of the next thousand failed: ${JSON.stringify(errors)}`]),
    ...(clients <= FAST_CLIENTS ? [] : [`${clients} connections of clients`]),
    ...(resources.warnings === 0 ? [] : [`${resources.warnings} warnings`]),
  ];
  failed += wrong.length;
  console.log(
    `${round === 0 ? 'before' : `after storm ${round}`}: ${dialled} dialled, ${connections.open} open, heap ` +
      `${(memory.heapUsed / 2 ** 20).toFixed(1)} MiB, ${JSON.stringify(resources)}: ${wrong.join('; ') || 'at rest'}`,
  );
}
await Promise.all([odd, fast, proxy, origin].map((child) => child.stop()));

const [first, second] = rests;
const last = rests.at(-1);
const grew = [
  ...((last?.resources.Timeout ?? 0) > (first?.resources.Timeout ?? 0) ? ['timers'] : []),
  ...((last?.resources.listeners ?? 0) > (first?.resources.listeners ?? 0) ? ['listeners'] : []),
  ...((last?.resources.TCPSocketWrap ?? 0) > (first?.resources.TCPSocketWrap ?? 0) + CONNECTIONS ? ['sockets'] : []),
  ...((last?.memory.heapUsed ?? 0) > (second?.memory.heapUsed ?? 0) * 1.1 ? ['the heap'] : []),
];
console.log(grew.length === 0 ? 'Nothing grew.' : `Grew: ${grew.join(', ')}.`);
process.exitCode = failed > 0 || grew.length > 0 ? 1 : 0;

/** Resolves when the proxy has had no client and no request for a while. */
async function quiet() {
  let since = performance.now();
  for (const begun = since; performance.now() - since < QUIET_MS && performance.now() - begun < LONGEST_BACKLOG_MS; ) {
    await sleep(100);
    const [{ inFlight }, clients] = await Promise.all([proxy.ask('stats'), proxy.ask('clients')]);
    if (inFlight > 0 || clients > FAST_CLIENTS) since = performance.now();
  }
}
