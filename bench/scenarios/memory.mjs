#!/usr/bin/env node
/**
 * A million requests, nine GETs for each POST on a fresh connection: neither the memory of the process nor that of
 * WebAssembly may grow. `node bench/scenarios/memory.mjs [--requests N]`; exits with 1 if it grew or a request failed.
 */

import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';

const SLICES = 10;
const GET_SHARE = 0.9;
// In the first slices caches fill, code is compiled and the heap settles. After them memory must not grow.
const WARM_SLICES = 3;
const RSS_GROWTH = 1.1;

const { values } = parseArgs({ options: { requests: { type: 'string', default: '1000000' } } });
const slice = Math.ceil(Number(values.requests) / SLICES);
ensureBuilt();
onInterrupt(() => {});

const rig = (/** @type {string} */ file) => new URL(`../rig/${file}`, import.meta.url);
const origin = await startChild(new URL('origin.mjs', import.meta.url), {});
const proxy = await startChild(
  rig('pooled-proxy.mjs'),
  { origins: [`http://127.0.0.1:${origin.ready.port}`] },
  { nodeArguments: ['--expose-gc'] },
);
const port = proxy.ready.port;
const get = 'GET /1000 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';
const post = `POST /pay HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000\r\n\r\n${'x'.repeat(1000)}`;
const gets = await startChild(rig('load.mjs'), { port, connections: 64, request: get });
const posts = await startChild(rig('load.mjs'), { port, connections: 16, request: post });

const samples = [];
let failures = 0;
for (let done = 1; done <= SLICES; done += 1) {
  const results = await Promise.all([
    gets.ask('run', { requests: Math.round(slice * GET_SHARE) }),
    posts.ask('run', { requests: Math.round(slice * (1 - GET_SHARE)) }),
  ]);
  for (const { errors } of results) {
    if (Object.keys(errors).length > 0) console.error('failed:', errors);
    failures += Object.keys(errors).length;
  }
  const sample = await proxy.ask('memory');
  samples.push(sample);
  const mib = Object.entries(sample).map(([name, bytes]) => `${name} ${(bytes / 2 ** 20).toFixed(1)}`);
  console.log(`${String(done * slice).padStart(9)} requests, MiB: ${mib.join(', ')}`);
}
await Promise.all([gets, posts, proxy, origin].map((child) => child.stop()));

const warm = samples.slice(0, WARM_SLICES);
const last = samples.slice(-WARM_SLICES);
const most = (/** @type {any[]} */ of, /** @type {string} */ name) => Math.max(...of.map((sample) => sample[name]));
const least = (/** @type {any[]} */ of, /** @type {string} */ name) => Math.min(...of.map((sample) => sample[name]));
const grew = [
  ...(most(last, 'wasm') > most(warm, 'wasm') ? ['WebAssembly memory'] : []),
  ...(most(last, 'wasm') === 0 ? ['WebAssembly memory could not be seen'] : []),
  ...(least(last, 'rss') > most(warm, 'rss') * RSS_GROWTH ? ['resident memory'] : []),
  ...(least(last, 'heapUsed') > most(warm, 'heapUsed') * RSS_GROWTH ? ['the heap'] : []),
];
console.log(grew.length === 0 ? 'Flat.' : `Grew: ${grew.join(', ')}.`);
process.exitCode = grew.length > 0 || failures > 0 ? 1 : 0;
