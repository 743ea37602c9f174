/**
 * A gateway with several workers of node:cluster that share a total of connections. This file is both the primary and the
 * workers. The primary starts another worker for each one that has ended.
 *
 * Options: `{ origins, workers, total, port }`. `roll` replaces the workers one after another, as a deployment does; `cpuMs`
 * answers with the CPU time that the primary and the workers have used.
 */

import cluster from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { closeServer, PooledBackend } from 'pooled-backend';
import { shareConnections } from 'pooled-backend/cluster';
import { cpuMsOf } from '../rig/cpu.mjs';
import { cpuMs, options, serve } from '../rig/parent.mjs';

/** @type {{ origins: string[], workers: number, total: number, port: number }} */
const { origins, workers, total, port } = options();

if (cluster.isPrimary) await lead();
else await work();

async function lead() {
  shareConnections();
  for (let count = 0; count < workers; count += 1) cluster.fork();
  await Promise.all(all().map(ready));
  cluster.on('exit', () => cluster.fork());
  serve({ port }, { roll, cpuMs: used });
}

async function work() {
  const backend = new PooledBackend({ origins, maxConnections: { total } });
  const server = createServer(backend.handler());
  server.requestTimeout = 0;
  server.keepAliveTimeout = 120_000;
  process.on('message', async (message) => {
    if (message !== 'stop') return;
    await closeServer(server, backend, { timeout: 10_000 });
    process.exit();
  });
  await backend.ready();
  server.listen(port, '127.0.0.1', () => process.send?.('ready'));
}

/** The live workers: a killed one stays in `cluster.workers` for a while. */
function all() {
  return Object.values(cluster.workers ?? {}).flatMap((worker) => (worker?.isDead() === false ? [worker] : []));
}

/**
 * @param {import('node:cluster').Worker} worker
 * @returns {Promise<void>}
 */
function ready(worker) {
  return new Promise((resolve) => {
    worker.on('message', (message) => message === 'ready' && resolve());
  });
}

/** @returns {Promise<number>} milliseconds until all workers were replaced */
async function roll() {
  const begun = performance.now();
  for (const worker of all()) {
    const forked = once(cluster, 'fork');
    worker.send('stop');
    const [next] = await forked;
    await ready(next);
  }
  return performance.now() - begun;
}

function used() {
  return { primary: cpuMs(), workers: all().map(({ process: { pid = -1 } }) => cpuMsOf(pid) ?? 0) };
}
