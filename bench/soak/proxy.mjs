/**
 * The proxy under test, in its own process: one backend behind three mounts, one for each value of `nonIdempotent`. Its event
 * loop is blocked now and then. Reports each failure and, at rest, everything that it still holds.
 */

import { createServer } from 'node:http';
import { listen } from '../rig/listen.mjs';
import { cpuMs, options, serve, tell } from '../rig/parent.mjs';
import { liveTimers, untold } from '../rig/timers.mjs';
import { liveParsers, wasmBytes } from '../rig/wasm-memory.mjs';
import { looksSeen, openedSockets, writesOf } from '../rig/wire-times.mjs';
import { partsOf } from './numbering.mjs';

const { PooledBackend } = await import('pooled-backend');

/** @type {{ backend: import('pooled-backend').PooledBackendOptions }} */
const { backend: backendOptions } = options();
const backend = new PooledBackend(backendOptions);
const handlers = {
  fresh: backend.handler({ nonIdempotent: 'fresh' }),
  verified: backend.handler({ nonIdempotent: 'verified' }),
  any: backend.handler({ nonIdempotent: 'any' }),
};
const counts = { resent: 0, poisoned: 0, stale: 0, blocked: 0, warnings: /** @type {string[]} */ ([]) };

for (const name of /** @type {const} */ (['resend', 'poisoned', 'stale'])) {
  const counter = name === 'resend' ? 'resent' : name;
  backend.on(name, () => {
    counts[counter] += 1;
  });
}
for (const name of /** @type {const} */ (['fail', 'refuse'])) {
  backend.on(name, ({ method, path, error }) => {
    const { code, delivery, message } = error;
    const attempts = error.attempts.map(({ cause, ...attempt }) => ({ ...attempt, cause: cause?.message }));
    tell({ id: partsOf(path).id, method, event: name, code, delivery, message, attempts });
  });
}
process.on('warning', (warning) => counts.warnings.push(warning.message));

const server = createServer((request, response) => {
  const mode = /** @type {keyof typeof handlers} */ (request.headers['x-mode'] ?? 'fresh');
  handlers[mode](request, response);
});
server.keepAliveTimeout = 120_000; // longer than clients are idle, so that the server closes no client's connection
/** @type {Set<import('node:net').Socket>} */
const clients = new Set();
server.on('connection', (socket) => {
  clients.add(socket);
  socket.once('close', () => clients.delete(socket));
});

let blocking = true;
function block() {
  if (!blocking) return;
  const end = performance.now() + 5 + Math.random() * 50;
  while (performance.now() < end);
  counts.blocked += 1;
  untold.setTimeout(block, 100 + Math.random() * 400).unref();
}
block();

/** The largest number of listeners of one event on these emitters. */
function mostListeners(/** @type {Iterable<import('node:events').EventEmitter>} */ emitters) {
  let most = 0;
  for (const emitter of emitters) {
    for (const name of emitter.eventNames()) most = Math.max(most, emitter.listenerCount(name));
  }
  return most;
}

async function holds() {
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return {
    heapUsed: process.memoryUsage().heapUsed,
    external: process.memoryUsage().external,
    wasm: wasmBytes(),
    parsers: liveParsers(),
    sockets: openedSockets.size,
    clients: clients.size,
    timers: liveTimers(),
    listeners: mostListeners([backend, ...openedSockets, ...clients]),
    cpuMs: cpuMs(),
    counts,
    looks: looksSeen(),
    stats: backend.stats(),
  };
}

serve(
  { port: await listen(server) },
  {
    holds,
    writesOf: (/** @type {string} */ id) =>
      writesOf(id).map(({ checkedAt, writtenAt }) => [checkedAt.toString(), writtenAt.toString()]),
    calm() {
      blocking = false;
    },
    async close() {
      server.close();
      server.closeIdleConnections();
      await backend.close({ timeout: 5000 });
      return holds();
    },
    /** Disconnects from the parent. Nothing else may keep this process alive now, so it must end by itself. */
    leave() {
      process.removeAllListeners('disconnect');
      setImmediate(() => process.disconnect());
    },
  },
);
