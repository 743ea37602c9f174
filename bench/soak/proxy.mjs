/**
 * The proxy under test, in its own process: one backend behind a server of HTTP/1.1 and one of HTTP/2. Its event loop is
 * blocked now and then. Reports each failure and, at rest, everything that it still holds.
 */

import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { listen } from '../rig/listen.mjs';
import { cpuMs, options, serve, tell } from '../rig/parent.mjs';
import { liveTimers, untold } from '../rig/timers.mjs';
import { liveParsers, wasmBytes } from '../rig/wasm-memory.mjs';
import { looksSeen, openedSockets, writesOf } from '../rig/wire-times.mjs';
import { withBalancer } from './balancers.mjs';
import { Bounds } from './bounds.mjs';
import { Changes } from './changes.mjs';
import { Directory } from './directory.mjs';
import { mountsOf } from './mounts.mjs';
import { isIdempotent, partsOf } from './numbering.mjs';
import { lookUp, originsOf } from './origins.mjs';

const { PooledBackend } = await import('pooled-backend');
const { checkStats } = await import('pooled-backend/testing');

/** @type {{ places: import('./origins.mjs').Place[], server: string, setting: import('./setting.mjs').Setting }} */
const { places, server: nameServer, setting } = options();
const origins = originsOf(setting, places);
const directory = setting.discovery === false ? undefined : new Directory(origins, setting.discovery, nameServer);
const names = () => backend.origins.names;
const note = (/** @type {string} */ what, /** @type {string} */ seen) => bounds.note(what, seen);
/** @type {import('pooled-backend').PooledBackend} */
const backend = new PooledBackend({
  ...(directory === undefined ? { origins } : directory.options),
  ...withBalancer(setting.backend, names, note),
  ...(setting.names && { connect: { lookup: lookUp } }),
  ...(setting.crowd.keys && { idempotencyKey: 'honoured' }),
  ...(setting.crowd.byPath && { idempotent: ({ path }) => isIdempotent(partsOf(path).id) }),
});
const { keepAlive, oneShot, http2: http2Clients } = setting.crowd;
const mounts = mountsOf(backend, setting);
const bounds = new Bounds(backend, origins, keepAlive + oneShot + http2Clients, checkStats);
if (setting.watched) bounds.countAttempts();
const given = setting.changes.map((options) => withBalancer(options, names, note));
const changes = new Changes(backend, origins, given, bounds, directory !== undefined);
const counts = { resent: 0, poisoned: 0, stale: 0, blocked: 0, warnings: /** @type {string[]} */ ([]) };

for (const name of /** @type {const} */ (['resend', 'poisoned', 'stale'])) {
  const counter = name === 'resend' ? 'resent' : name;
  backend.on(name, () => {
    counts[counter] += 1;
  });
}
for (const name of /** @type {const} */ (['fail', 'refuse'])) {
  backend.on(name, (/** @type {any} */ { method, path, error, waitedMs = 0, durationMs = 0 }) => {
    const { code, delivery, message } = error;
    const attempts = error.attempts.map((/** @type {any} */ { cause, ...attempt }) => ({
      ...attempt,
      cause: cause?.message,
    }));
    const thrown = error.cause?.message;
    tell({
      id: partsOf(path).id,
      method,
      event: name,
      code,
      delivery,
      message,
      attempts,
      waitedMs,
      durationMs,
      thrown,
    });
  });
}
process.on('warning', (warning) => counts.warnings.push(warning.message));

const server = createServer(mounts.serve).on('checkContinue', mounts.serve).on('upgrade', mounts.upgrade);
const http2 = createHttp2Server(mounts.serve);
server.keepAliveTimeout = 120_000; // longer than clients are idle, so that the server closes no client's connection
/** @type {Set<import('node:net').Socket>} */
const clients = new Set();
for (const one of [server, http2]) {
  one.on('connection', (/** @type {import('node:net').Socket} */ socket) => {
    clients.add(socket);
    socket.once('close', () => clients.delete(socket));
  });
}

// A question that no DNS server answers takes six seconds.
const FOUND_MS = 15_000;
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
    // Another one is gone in this turn.
    sockets: [...openedSockets].filter(({ destroyed }) => !destroyed).length,
    clients: clients.size,
    timers: liveTimers(),
    listeners: mostListeners([backend, ...openedSockets, ...clients]),
    cpuMs: cpuMs(),
    counts,
    looks: looksSeen(),
    stats: backend.stats(),
    attempts: bounds.attempts,
    highest: bounds.highest,
    changes: changes.made,
    broken: [...bounds.broken].map(([what, seen]) => `${what}: ${seen}`),
  };
}

serve(
  { port: await listen(server), http2: await listen(http2) },
  {
    holds,
    writesOf: (/** @type {string} */ id) =>
      writesOf(id).map(({ checkedAt, writtenAt }) => [checkedAt.toString(), writtenAt.toString()]),
    async calm() {
      blocking = false;
      changes.stop();
      directory?.calm();
      if (directory === undefined || setting.backend.subset !== undefined) return;
      const end = performance.now() + FOUND_MS;
      const isWhole = () => names().length === origins.length;
      while (!isWhole() && performance.now() < end) await new Promise((resolve) => untold.setTimeout(resolve, 50));
      if (!isWhole()) note('not all origins were found in the end', `${names()}`);
    },
    async close() {
      http2.close();
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
