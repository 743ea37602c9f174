/** `backend.handler()` on a node:http server, in its own process. The options are those of `PooledBackend`. */

import { createServer } from 'node:http';
import { PooledBackend } from 'pooled-backend';
import { listen } from './listen.mjs';
import { cpuMs, options, serve } from './parent.mjs';
import { wasmBytes } from './wasm-memory.mjs';

const backend = new PooledBackend(options());
const server = createServer(backend.handler());
server.keepAliveTimeout = 120_000; // the clients of a rig are not to meet the front's own timeout

serve({ port: await listen(server) }, { cpuMs, memory, stats: () => backend.stats() });

/** In bytes, after a collection when node was started with --expose-gc. */
function memory() {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external, wasm: wasmBytes() };
}
