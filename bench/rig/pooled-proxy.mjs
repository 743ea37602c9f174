/** `backend.handler()` on a node:http server, in its own process. The options are those of `PooledBackend`. */

import { createServer } from 'node:http';
import { PooledBackend } from 'pooled-backend';
import { listen } from './listen.mjs';
import { measured } from './measured.mjs';
import { options, serve } from './parent.mjs';
import { wasmBytes } from './wasm-memory.mjs';

const backend = new PooledBackend(options());
let warnings = 0;
process.on('warning', () => {
  warnings += 1;
});

const server = createServer(backend.handler());
server.requestTimeout = 0; // by default, node:http allows five minutes for a whole request
server.keepAliveTimeout = 120_000; // longer than a run, so that the server closes no client's connection

serve({ port: await listen(server) }, { ...measured, memory, rss, resources, clients, stats: () => backend.stats() });

/** In bytes. If node was started with --expose-gc, garbage is collected first. */
function memory() {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external, wasm: wasmBytes() };
}

/** Resident memory without a collection, which would stop the process under load. */
function rss() {
  return { rss: process.memoryUsage.rss() };
}

/** Connections of clients that are open. */
function clients() {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
}

/** The resources of the event loop by kind, and how many listeners the server has. */
function resources() {
  /** @type {Record<string, number>} */
  const counts = {
    listeners: server.eventNames().reduce((sum, name) => sum + server.listenerCount(name), 0),
    warnings,
  };
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
