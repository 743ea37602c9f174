#!/usr/bin/env node
/**
 * A mixed load through one backend to four origins, which misbehave in different ways, in turns. Ends with a verdict; exits
 * with 1 after any broken promise, any leak and any failure that could have been kept from a client.
 * `node bench/soak/run.mjs [--minutes N | --seconds N] [--options random [--seed N] [--without NAME,…]]`, default 2 minutes.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ensureBuilt } from '../rig/built.mjs';
import { certificateFiles } from '../rig/certificate.mjs';
import { onInterrupt, startChild } from '../rig/child.mjs';
import { BEHAVIOURS } from './behaviours.mjs';
import { Journal } from './journal.mjs';
import { limitsOf } from './limits.mjs';
import { serveNames } from './names.mjs';
import { FIXED, randomSetting } from './setting.mjs';
import { verdict } from './verdict.mjs';

const REST_MS = 15_000;
const GATHER_MS = 2000;
// A run that is not over this long after its time will never be.
const OVERTIME_MS = 90_000;
const SHOWN_BREACHES = 20;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seconds: { type: 'string' },
    options: { type: 'string', default: 'fixed' },
    seed: { type: 'string' },
    without: { type: 'string', default: '' },
  },
});
const ms = 1000 * (values.seconds === undefined ? 60 * Number(values.minutes ?? 2) : Number(values.seconds));
if (!(ms >= 5000 && ms <= 12 * 3_600_000)) throw new RangeError('a soak lasts from 5 seconds to 12 hours');

const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
if (!Number.isSafeInteger(seed)) throw new RangeError('a seed is an integer');
if (!['fixed', 'random'].includes(values.options)) throw new RangeError('--options is fixed or random');
const setting = values.options === 'random' ? randomSetting(seed, values.without.split(',')) : FIXED;
const limits = limitsOf(setting);

ensureBuilt();
const { checkStats } = await import('pooled-backend/testing');
onInterrupt(() => {});
setTimeout(() => {
  console.error('The soak did not come to its end.');
  process.exit(1);
}, ms + OVERTIME_MS).unref();

const here = (/** @type {string} */ file) => new URL(file, import.meta.url);
const journal = new Journal(limits.executions);
const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-soak-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const origins = await Promise.all(
  setting.transports.map((transport, number) =>
    startChild(here('origin.mjs'), {
      name: `${number}`,
      behaviour: number,
      ...(transport === 'tls' && { certificate: certificateFiles() }),
      ...(transport === 'unix' && { path: join(folder, `${number}.sock`) }),
    }),
  ),
);
const places = origins.map(({ ready }) => ready);
const names = await serveNames(places.map(({ port }) => port));
const proxy = await startChild(
  here('proxy.mjs'),
  { places, server: names.server, setting },
  { nodeArguments: ['--expose-gc'] },
);
proxy.onNews((failure) => journal.failure(failure));
const clients = await startChild(here('clients.mjs'), { ...proxy.ready, crowd: setting.crowd });

let turn = 0;
async function rotate() {
  turn += 1;
  await Promise.all(origins.map((origin, number) => origin.ask('behave', number + turn)));
}

async function gather() {
  let strays = 0;
  for (const origin of origins) {
    const news = await origin.ask('take');
    journal.origin(news);
    strays += news.strays;
  }
  journal.strays = strays;
  const news = await clients.ask('take');
  // Asked at once, because neither side remembers for long.
  for (const mixed of news.mixed) mixed.times = await timesOf(mixed.id, mixed.got);
  journal.clients(news);
}

/**
 * When the request was sent, and when the kernel had the response that it got instead of its answer.
 * @param {string} id
 * @param {string} got
 * @returns {Promise<import('./judge.mjs').Times>}
 */
async function timesOf(id, got) {
  const arrivals = await Promise.all(origins.map((origin) => origin.ask('writtenAt', got)));
  return { writes: await proxy.ask('writesOf', id), arrivedAt: arrivals.find((arrival) => arrival !== null) ?? null };
}

/** @param {number} lastsMs */
async function load(lastsMs) {
  const turnMs = Math.min(10_000, lastsMs / BEHAVIOURS.length);
  const end = performance.now() + lastsMs;
  let shown = performance.now();
  let turned = performance.now();
  await clients.ask('start');
  while (performance.now() < end) {
    await sleep(Math.max(0, Math.min(GATHER_MS, turnMs, end - performance.now())));
    await gather();
    if (performance.now() - turned >= turnMs) {
      turned = performance.now();
      await rotate();
    }
    if (performance.now() - shown < 30_000) continue;
    shown = performance.now();
    console.log(`  ${journal.requests} requests, ${journal.failed.length} failed`);
  }
  await clients.ask('stop');
  await gather();
}

/** What the proxy holds when no request is in progress. */
async function holdsAtRest() {
  const end = performance.now() + REST_MS;
  for (;;) {
    const holds = await proxy.ask('holds');
    const { stats } = holds;
    const under = stats.origins.some(
      (/** @type {any} */ { connections }) => connections.busy + connections.dialling > 0,
    );
    if ((!under && stats.inFlight === 0 && stats.queue.length === 0) || performance.now() > end) return holds;
    await sleep(100);
  }
}

console.log(
  `${ms / 1000} s: ${setting.crowd.keepAlive} keep-alive and ${setting.crowd.oneShot} one-shot clients, ${origins.length} origins, in turns ${BEHAVIOURS.map(({ name }) => name).join(', ')}`,
);
if (setting !== FIXED) console.log(`seed ${seed}: ${JSON.stringify(setting)}`);
await load(ms * 0.25); // fills caches, compiles, takes every connection once
const warm = await holdsAtRest();
await load(ms * 0.75);
names.calm();
await Promise.all([proxy, ...origins].map((child) => child.ask('calm')));
const rest = await holdsAtRest();
const broken = contradictions(rest.stats);

await clients.ask('close');
const closed = await proxy.ask('close');
await proxy.ask('leave');
const ended = await Promise.race([proxy.gone.then(describeEnd), sleep(5000, 'did not end within 5 s', { ref: false })]);

const { lines, breaches } = verdict({ journal, warm, rest, closed, ended, broken, limits });
console.log(`\n${lines.join('\n')}\n`);
for (const breach of breaches.slice(0, SHOWN_BREACHES)) console.log(`BREACH: ${breach}`);
if (breaches.length > SHOWN_BREACHES) console.log(`… and ${breaches.length - SHOWN_BREACHES} more`);
console.log(breaches.length === 0 ? 'Every promise was kept.' : `${breaches.length} breaches.`);
await Promise.all([clients, proxy, ...origins].map((child) => child.stop()));
process.exit(breaches.length === 0 ? 0 : 1);

/** @param {string} how */
function describeEnd(how) {
  return how === 'exit code 0' ? 'ended by itself' : `ended with ${how}`;
}

/** @param {any} stats */
function contradictions(stats) {
  try {
    checkStats(stats, { atRest: true });
    return [];
  } catch (error) {
    return [String(error)];
  }
}
