/**
 * Whether a waiter can be served is a condition, and waiters are woken by events. At no moment of any history, however long
 * nothing else happens, would another look serve one, nor is another request like it served before it.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Run } from '../../src/dispatch/run.js';
import type { OptionChanges } from '../../src/options.js';
import { MemoryBackend } from '../memory-backend.js';
import { History, type Plan, plan, type Step, step } from './history.js';

const FOREVER = { queueTimeout: 1_000_000, headersTimeout: 1_000_000, requestTimeout: Number.POSITIVE_INFINITY };

const MORE_UPDATES: readonly OptionChanges[] = [
  ...[100, 5_000].map((time) => ({ ejection: { failures: 1, time, maxTime: time } })),
  ...[0, 0.5, 1].map((maxEjected) => ({ ejection: { failures: 1, maxEjected } })),
  ...[{ adaptiveConcurrency: { min: 1, window: 1_000 } }, { adaptiveConcurrency: false } as const],
  ...[{ maxFreshConnections: 1 }, { maxConnections: 4 }],
];

/** Only what decides who waits, and for what; `wait` is time in which nothing else happens. */
const KINDS: readonly Step['kind'][] = [
  ...(['get', 'get', 'post', 'verified', 'verified', 'bound', 'boundPost'] as const),
  ...(['answer', 'answer', 'accept', 'accept', 'accept', 'refuse', 'refuse', 'halfAHead', 'reset', 'fin'] as const),
  ...(['pass', 'abort', 'drain', 'backInService', 'reweigh', 'add', 'resize', 'update'] as const),
];

type Moment = Omit<Step, 'together'> | { readonly kind: 'wait' | 'updateMore'; readonly n: number };

const moment: fc.Arbitrary<Moment> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom(...KINDS), n: fc.nat(19) }) },
  { weight: 2, arbitrary: step },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), n: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('updateMore' as const), n: fc.nat(19) }) },
);

const WAITS_MS = [5, 26, 100, 500, 1_000, 2_000, 6_000];

/** The share of slow start is looked at again when it is a tenth more: between, another look finds what the last did not. */
const backend: fc.Arbitrary<Plan> = fc
  .record({
    given: plan,
    maxTime: fc.constantFrom(100, 700, 60_000),
    maxEjected: fc.constantFrom(0, 0.5, 1),
    weightOfFirst: fc.constantFrom(1, 1, 0),
    sticky: fc.constantFrom(false as const, { cookie: 'at' }),
  })
  .map(({ given, maxTime, maxEjected, weightOfFirst, sticky }) => ({
    ...given,
    ...FOREVER,
    sticky,
    slowStart: false,
    ejection: { failures: 1, time: Math.min(500, maxTime), maxTime, maxEjected },
    origins: weighed(given, weightOfFirst),
  }));

/** One has to take requests at least. */
function weighed({ origins = [] }: Plan, weightOfFirst: number): Plan['origins'] {
  const all = origins as readonly { readonly url: string; readonly backup: boolean }[];
  return all.map((one, index) => {
    const others = all.filter((other) => other !== one && !other.backup);
    return index === 0 && others.length > 0 ? { ...one, weight: weightOfFirst } : one;
  });
}

function runsOf({ callers }: MemoryBackend): Run[] {
  return callers.map(({ dispatch }) => dispatch).filter((run) => run instanceof Run);
}

function lookOf(backend: MemoryBackend): string {
  const requests = runsOf(backend).map((run) => [run.waiting, run.ended, run.attempts.length]);
  const origins = backend.origins.map(({ counts, backoff, standing, freshShareLeft }) => {
    return [counts, backoff.state.name, standing.state.name, freshShareLeft];
  });
  return JSON.stringify([backend.dials.length, requests, origins]);
}

/** @throws Error when somebody could be served, or dialled for, whom nothing has woken */
async function checkWoken(backend: MemoryBackend): Promise<void> {
  if (backend.queue.length === 0) return;
  const before = lookOf(backend);
  backend.dispatcher.matching.room();
  await backend.settle();
  const after = lookOf(backend);
  if (after !== before) throw new Error(`nobody has woken those who wait: ${before} became ${after}`);
}

/** Its home took no requests for a while: it waits for any other now (decision 0042). */
function isLost({ request, home }: Run): boolean {
  return request.boundTo !== undefined && home === undefined;
}

/** Sends another like one that waits. @throws Error when that one is still waiting when the other is served */
async function checkTurn(backend: MemoryBackend, n: number): Promise<void> {
  const waiting = runsOf(backend).filter(
    (run) => run.waiting && !run.returned && run.avoids.length === 0 && !isLost(run),
  );
  const model = waiting[n % waiting.length];
  if (model === undefined) return;
  const { method, path, nonIdempotent, boundTo, body } = model.request;
  const before = lookOf(backend);
  const same = { method, path, nonIdempotent, boundTo, ...(body === undefined ? {} : { body: 'x' }) };
  const { dispatch } = await backend.sent(same);
  if (model.waiting && !model.ended && dispatch !== undefined && dispatch.attempts.length > 0)
    throw new Error(`a request waits that another like it has overtaken: ${before} became ${lookOf(backend)}`);
}

async function take(backend: MemoryBackend, history: History, one: Moment): Promise<void> {
  if (one.kind === 'wait') await backend.advance(WAITS_MS[one.n % WAITS_MS.length] ?? 0);
  else if (one.kind === 'updateMore') update(backend, MORE_UPDATES[one.n % MORE_UPDATES.length] ?? {});
  else await history.take({ kind: one.kind, n: one.n });
  await backend.settle();
}

/** What does not agree with the other options is refused, and changes nothing. */
function update(backend: MemoryBackend, changes: OptionChanges): void {
  try {
    void backend.update(changes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}

test('nobody waits beside what it could have, however long nothing else happens', async () => {
  await fc.assert(
    fc.asyncProperty(
      backend,
      fc.array(moment, { minLength: 1, maxLength: 40 }),
      fc.nat(19),
      async ({ asks, ...options }, moments, n) => {
        const backend = new MemoryBackend(options);
        await backend.settle();
        const history = new History(backend, asks);
        try {
          for (const one of moments) {
            await take(backend, history, one);
            await checkWoken(backend);
          }
          await checkTurn(backend, n);
        } finally {
          backend.destroy();
          await backend.settle();
        }
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 300) }, // RUNS=30000 hunts for some minutes
  );
});

/** With fewer connections the learned limit would never be below them: with each window it grows by 4 before it shrinks. */
const LIMITED = {
  ...{ maxConnections: 14, maxFreshConnections: 14, maxDialling: 14, maxQueue: 1_000, balance: 'least-busy' as const },
  adaptiveConcurrency: { min: 1, window: 100 },
};

/** Answers so slowly that each origin may have fewer requests at once than it has connections. */
async function slowDown(backend: MemoryBackend): Promise<void> {
  for (const latencyMs of [...Array(4).fill(10), ...Array(8).fill(2_000)]) {
    for (let count = 20 * backend.origins.length; count > 0; count -= 1) backend.send();
    await backend.settle();
    while (backend.callers.some((caller) => !caller.over)) {
      for (const dial of backend.dialling) backend.peers.push(dial.open({ asks: true }));
      await backend.settle();
      await backend.advance(latencyMs);
      for (const peer of backend.peers) if (peer.owes > 0) peer.answer();
      await backend.settle();
    }
  }
}

type Burst = Omit<Moment, 'kind'> & { readonly kind: Step['kind']; readonly times: number };

/** Many of a kind one after the other: a window of the limit ends with the tenth answer, or with the tenth head of one. */
const burst: fc.Arbitrary<Burst> = fc.record({
  kind: fc.constantFrom(
    ...(['get', 'get', 'post', 'verified', 'bound', 'boundPost', 'accept'] as const),
    ...(['answer', 'halfABody', 'answerAndClose', 'abort', 'pass'] as const),
  ),
  times: fc.integer({ min: 1, max: 12 }),
  n: fc.nat(5),
});

test('nor beside what the learned limit of an origin lets it have', async () => {
  let limited = 0;
  await fc.assert(
    fc.asyncProperty(
      backend,
      fc.array(burst, { minLength: 5, maxLength: 20 }),
      async ({ asks, ...options }, bursts) => {
        const backend = new MemoryBackend({ ...options, ...LIMITED });
        const history = new History(backend, asks);
        try {
          await slowDown(backend);
          for (const { kind, times, n } of bursts) {
            for (let time = 0; time < times; time += 1) {
              await take(backend, history, { kind, n: n + time });
              if (backend.queue.length > 0 && backend.origins.some(({ concurrency }) => !concurrency.mayBegin()))
                limited += 1;
              await checkWoken(backend);
            }
          }
        } finally {
          backend.destroy();
          await backend.settle();
        }
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 80) },
  );
  expect(limited).toBeGreaterThan(0);
});
