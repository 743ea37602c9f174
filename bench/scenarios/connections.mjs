#!/usr/bin/env node
/**
 * 5,000 connections to one origin, all busy at once. All parsers live in one WebAssembly memory, which must not move while
 * sockets read into it. The origin holds all answers back until it has every request.
 * `node bench/scenarios/connections.mjs [--connections N]`; exits with 1 if an answer is wrong, or there were not exactly as
 * many connections as allowed.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';

const { values } = parseArgs({ options: { connections: { type: 'string', default: '5000' } } });
const count = Number(values.connections);
const WAIT_MS = 60_000;

ensureBuilt();
const { PooledBackend } = await import('pooled-backend');
onInterrupt(() => {});
const origin = await startChild(new URL('origin.mjs', import.meta.url), { hold: true });
const backend = new PooledBackend({
  origins: [`http://127.0.0.1:${origin.ready.port}`],
  maxConnections: count,
  connectTimeout: WAIT_MS,
  queueTimeout: WAIT_MS,
  nonIdempotent: 'any',
});

let wrong = 0;
for (const [name, method, bytes] of /** @type {const} */ ([
  ['on new connections', 'GET', 0],
  ['again, on the same ones', 'GET', 0],
  ['with 16 KiB each way', 'POST', 16_384],
])) {
  const begun = performance.now();
  const body = 'x'.repeat(bytes);
  const answers = Array.from({ length: count }, async (_, number) => {
    const response = await backend.request({ method, path: `/number/${number}`, ...(bytes > 0 && { body }) });
    return (await response.body.text()) === `${method} /number/${number} ${body}`;
  });
  const ended = Promise.allSettled(answers);
  while ((await origin.ask('held')) < count && performance.now() - begun < WAIT_MS) await sleep(50);
  await origin.ask('release');
  const results = await ended;
  const right = results.filter((result) => result.status === 'fulfilled' && result.value).length;
  wrong += count - right;
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const first = results.find((result) => result.status === 'rejected');
  console.log(
    `${count} at once ${name}: ${right} right, ${seconds} s${first ? `, first failure: ${first.reason}` : ''}`,
  );
}
const { mostOpen, accepted } = await origin.ask('seen');
console.log(`The origin accepted ${accepted} connections, at most ${mostOpen} open at once.`);
await backend.close({ timeout: 5000 });
await origin.stop();
process.exitCode = wrong === 0 && mostOpen === count && accepted === count ? 0 : 1;
