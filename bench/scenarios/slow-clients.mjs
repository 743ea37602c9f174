#!/usr/bin/env node
/**
 * 400 slow readers of 200 KiB and 200 slow uploads of 20 KB, together with 500 fast requests a second, on 20 connections to
 * the origin. The p99 of the fast requests must be at most twice the p99 without the slow clients.
 * `node bench/scenarios/slow-clients.mjs [--seconds N]`; exits with 1 if it is more, or if a request failed.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';

const CONNECTIONS = 20;
const RATE = 500;
const LIMIT = 2;
const ROUNDS = 3;
const WARM_UP_SECONDS = 3;
const READERS = { count: 400, bytes: 204_800, seconds: 10 };
const DRIBBLERS = { count: 200, bytes: 20_000, seconds: 10 };

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '8' } } });
const seconds = Number(values.seconds);
ensureBuilt();
onInterrupt(() => {});

const rig = (/** @type {string} */ file) => new URL(`../rig/${file}`, import.meta.url);
const origin = await startChild(new URL('origin.mjs', import.meta.url), {});
const proxy = await startChild(rig('pooled-proxy.mjs'), {
  origins: [`http://127.0.0.1:${origin.ready.port}`],
  maxConnections: CONNECTIONS,
});
const { port } = proxy.ready;
const fast = await startChild(rig('load.mjs'), {
  port,
  connections: 200,
  request: 'GET /1000 HTTP/1.1\r\nHost: a\r\n\r\n',
});
const odd = await startChild(new URL('odd-clients.mjs', import.meta.url), { port });

await fast.ask('run', { seconds: WARM_UP_SECONDS, rate: RATE });
/** @type {import('../rig/load.mjs').LoadResult[]} */
const alone = [];
/** @type {import('../rig/load.mjs').LoadResult[]} */
const beside = [];
const slow = { done: 0, wrong: 0 };
for (let round = 0; round < ROUNDS; round += 1) {
  alone.push(await fast.ask('run', { seconds, rate: RATE }));
  await odd.ask('start', { readers: READERS, dribblers: DRIBBLERS });
  await sleep(READERS.seconds * 1000); // after that all of them have begun
  beside.push(await fast.ask('run', { seconds, rate: RATE }));
  const { readers, dribblers } = await odd.ask('stop');
  slow.done += readers.done + dribblers.done;
  slow.wrong += readers.wrong + dribblers.wrong;
}
await sleep(1000);
const { spool, requestBuffer } = await proxy.ask('stats');
await Promise.all([odd, fast, proxy, origin].map((child) => child.stop()));

/** @param {import('../rig/load.mjs').LoadResult} run */
const shown = ({ latency, requests, errors }) =>
  `p50 ${latency.p50.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms, ${requests} answered, errors ${JSON.stringify(errors)}`;
for (const [round, run] of alone.entries()) {
  const other = beside[round];
  console.log(`without slow clients: ${shown(run)}`);
  if (other !== undefined) console.log(`beside slow clients:  ${shown(other)}`);
}
console.log(`slow exchanges: ${slow.done} ended, ${slow.wrong} wrong`);
console.log(`left in memory: spool ${spool.bytes}, request buffer ${requestBuffer.bytes} bytes`);

/** @param {import('../rig/load.mjs').LoadResult[]} runs */
const p99 = (runs) => runs.map(({ latency }) => latency.p99).sort((a, b) => a - b)[Math.floor(runs.length / 2)] ?? 0;
const ratio = p99(beside) / p99(alone);
const failures = [...alone, ...beside].flatMap(({ errors }) => Object.keys(errors)).length;
const right =
  ratio <= LIMIT && failures === 0 && slow.wrong === 0 && slow.done > 0 && spool.bytes + requestBuffer.bytes === 0;
console.log(
  `p99, median of ${ROUNDS} rounds: ${p99(beside).toFixed(1)} ms is ${ratio.toFixed(2)} of ${p99(alone).toFixed(1)} ms, ` +
    `at most ${LIMIT}: ${right ? 'right' : 'WRONG'}`,
);
process.exitCode = right ? 0 : 1;
