#!/usr/bin/env node
/**
 * What idle connections cost: resident memory of each, and CPU over 10 s, for 1,000 connections that were used once.
 * `node bench/scenarios/idle.mjs`; exits with 1 if they take more than 16 KiB each, or a hundredth of a CPU.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startOrigin } from '../proxy/origin.mjs';
import { ensureBuilt } from '../rig/built.mjs';

const CONNECTIONS = 1000;
const WARM_CONNECTIONS = 100;
const WARM_ROUNDS = 300; // of a request on each connection: in a busy process V8 enlarges the room for young objects, and keeps it
const MOST_KIB = 16; // measured: 11.0 to 13.4 in a warm process, 25 to 29 if the room for young objects grew meanwhile
const MOST_CPU_SHARE = 0.01; // measured: 0.0007 to 0.0011
const WATCHED_MS = 10_000;

ensureBuilt();
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const { PooledBackend } = await import('pooled-backend');
const origin = await startOrigin(undefined);
const backends = [];
try {
  const warm = await open(WARM_CONNECTIONS); // what a process has once: WebAssembly, compiled code, room for young objects
  backends.push(warm);
  for (let round = 0; round < WARM_ROUNDS; round += 1) await use(warm, WARM_CONNECTIONS);
  const before = await residentBytes();
  backends.push(await open(CONNECTIONS));
  const kib = ((await residentBytes()) - before) / 1024 / CONNECTIONS;
  const cpuBefore = process.cpuUsage();
  await sleep(WATCHED_MS);
  const { user, system } = process.cpuUsage(cpuBefore);
  const share = (user + system) / 1000 / WATCHED_MS;
  console.log(`${CONNECTIONS} idle connections: ${kib.toFixed(1)} KiB each, ${(share * 100).toFixed(2)} % of a CPU`);
  if (kib > MOST_KIB || share > MOST_CPU_SHARE) process.exitCode = 1;
} finally {
  for (const backend of backends) await backend.destroy();
  await origin.stop();
}

/** @param {number} connections to open and use once */
async function open(connections) {
  const origins = [`http://127.0.0.1:${origin.port}`];
  const backend = new PooledBackend({ origins, maxConnections: connections, minConnections: connections });
  await backend.ready();
  await use(backend, connections);
  return backend;
}

/** Sends that many requests at once. @param {import('pooled-backend').PooledBackend} backend @param {number} requests */
async function use(backend, requests) {
  const one = async () => (await backend.request({ path: '/100-bytes' })).body.text();
  await Promise.all(Array.from({ length: requests }, one));
}

async function residentBytes() {
  collect();
  await sleep(500);
  collect();
  return process.memoryUsage.rss();
}
