#!/usr/bin/env node
/**
 * 5 GB through the proxy in each direction, with a length and in chunks: every byte arrives, and memory does not grow.
 * `node bench/scenarios/large-body.mjs [--gigabytes N]`; exits with 1 if a byte is missing or memory grew.
 */

import { request as sendRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';

const { values } = parseArgs({ options: { gigabytes: { type: 'string', default: '5' } } });
const PIECE = Buffer.alloc(262_144, 'pooled');
const bytes = Math.round((Number(values.gigabytes) * 1e9) / PIECE.length) * PIECE.length;
// Room for buffers of sockets and streams, and for garbage that is not collected yet.
const ROOM_BYTES = 96 * 2 ** 20;
const SAMPLE_MS = 200;

ensureBuilt();
onInterrupt(() => {});
const origin = await startChild(new URL('stream-origin.mjs', import.meta.url), {});
const proxy = await startChild(new URL('../rig/pooled-proxy.mjs', import.meta.url), {
  origins: [`http://127.0.0.1:${origin.ready.port}`],
});
const { port } = proxy.ready;

let failed = false;
await exchange('GET', `/small?bytes=${PIECE.length * 100}`, false); // warms up: code is compiled, buffers are made
for (const chunked of [false, true]) {
  await measured(`down ${chunked ? 'in chunks' : 'with a length'}`, () =>
    exchange('GET', `/down?bytes=${bytes}${chunked ? '&chunked' : ''}`, false),
  );
  await measured(`up ${chunked ? 'in chunks' : 'with a length'}`, () => exchange('POST', '/up', chunked));
}
await Promise.all([proxy, origin].map((child) => child.stop()));
process.exitCode = failed ? 1 : 0;

/**
 * @param {string} name
 * @param {() => Promise<number>} run resolves to how many bytes arrived
 */
async function measured(name, run) {
  const before = (await proxy.ask('memory')).rss;
  let most = before;
  let over = false;
  const sampling = (async () => {
    while (!over) {
      most = Math.max(most, (await proxy.ask('rss')).rss);
      await sleep(SAMPLE_MS);
    }
  })();
  const begun = performance.now();
  const arrived = await run();
  over = true;
  await sampling;
  const seconds = (performance.now() - begun) / 1000;
  const grown = most - before;
  const right = arrived === bytes && grown < ROOM_BYTES;
  failed ||= !right;
  const mib = (/** @type {number} */ count) => (count / 2 ** 20).toFixed(0);
  console.log(
    `${name}: ${arrived} of ${bytes} bytes in ${seconds.toFixed(1)} s, resident ${mib(before)} MiB before, ` +
      `${mib(most)} MiB at most: ${right ? 'right' : 'WRONG'}`,
  );
}

/**
 * @param {'GET' | 'POST'} method
 * @param {string} path
 * @param {boolean} chunked
 * @returns {Promise<number>} bytes that arrived, here or at the origin
 */
function exchange(method, path, chunked) {
  return new Promise((resolve, reject) => {
    const headers = method === 'GET' || chunked ? {} : { 'Content-Length': bytes };
    const request = sendRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let count = 0;
      let text = '';
      response.on('data', (/** @type {Buffer} */ piece) => {
        count += piece.length;
        if (method === 'POST') text += piece.toString('latin1');
      });
      response.on('error', reject);
      response.on('end', () => resolve(method === 'POST' ? Number(text) : count));
    });
    request.on('error', reject);
    if (method === 'GET') request.end();
    else upload(request);
  });
}

/** @param {import('node:http').ClientRequest} request */
function upload(request) {
  let left = bytes;
  const more = () => {
    while (left > 0) {
      left -= PIECE.length;
      if (!request.write(PIECE)) {
        request.once('drain', more);
        return;
      }
    }
    request.end();
  };
  more();
}
