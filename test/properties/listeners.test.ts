/** What listeners of events do, in the middle of what the library does, breaks nothing of what holds in all other histories. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventName } from '../../src/observe/events.js';
import { MemoryBackend } from '../memory-backend.js';
import { History, type Plan, plan, type Step, step } from './history.js';

const EVENTS = [
  ...['connect', 'disconnect', 'dialFailed', 'reachable', 'stale', 'poisoned', 'eject', 'probe', 'readmit'],
  ...['resend', 'request', 'fail', 'refuse', 'originChanged'],
] as const satisfies readonly EventName[];

// A listener of these makes the library look at a connection twice.
const OF_ATTEMPTS = ['wait', 'attempt', 'attemptEnd'] as const satisfies readonly EventName[];

const DONE = [
  ...['get', 'post', 'verified', 'any', 'bound', 'boundPost', 'abort', 'abort', 'abort'],
  ...['drain', 'backInService', 'remove', 'add', 'reweigh', 'resize', 'update', 'update', 'update'],
] as const satisfies readonly Step['kind'][];

/** Done inside the event that follows `after` others. */
const reaction = fc.record({ after: fc.nat(4), kind: fc.constantFrom(...DONE), n: fc.nat(19) });
const reactions = fc.array(reaction, { minLength: 1, maxLength: 25 });
const steps = fc.array(step, { minLength: 1, maxLength: 50 });
const numRuns = Number(process.env.RUNS ?? 300); // RUNS=10000 hunts for two minutes

async function begin({ asks, ...options }: Plan): Promise<{ backend: MemoryBackend; history: History }> {
  const backend = new MemoryBackend(options);
  await backend.settle();
  return { backend, history: new History(backend, asks) };
}

function hear({ emitter }: MemoryBackend, hearsAttempts: boolean, listener: () => void): void {
  for (const event of EVENTS) emitter.on(event, listener);
  if (hearsAttempts) for (const event of OF_ATTEMPTS) emitter.on(event, listener);
}

function checkCounts({ dispatcher, origins }: MemoryBackend): void {
  expect(dispatcher.matching.coming).toBe(0);
  for (const origin of origins) expect(origin.freshShareLeft).toBe(origin.options.maxFreshConnections);
}

test('they may send, abort, and change origins and options: no request is lost, and no dial is counted twice', async () => {
  await fc.assert(
    fc.asyncProperty(plan, reactions, fc.boolean(), steps, async (planned, reacts, hearsAttempts, taken) => {
      const { backend, history } = await begin(planned);
      const waiting = [...reacts];
      let told = 0;
      hear(backend, hearsAttempts, () => {
        told += 1;
        const [next] = waiting;
        if (next === undefined || told <= next.after) return;
        told = 0;
        waiting.shift();
        void history.take({ ...next, together: true });
      });
      for (const one of taken) {
        await history.take(one);
        if (one.together !== true) history.check();
      }
      waiting.length = 0;
      await history.comeToRest();
      await history.endDials();
      expect(backend.callers.filter((caller) => !caller.over).map((caller) => caller.name)).toEqual([]);
      backend.checkAtRest();
      checkCounts(backend);
      backend.destroy();
    }),
    { numRuns },
  );
});

test('they may destroy the backend: everything ends, and nothing is left', async () => {
  await fc.assert(
    fc.asyncProperty(
      plan,
      fc.integer({ min: 1, max: 60 }),
      fc.boolean(),
      steps,
      async (planned, moment, hearsAttempts, taken) => {
        const { backend, history } = await begin(planned);
        let told = 0;
        hear(backend, hearsAttempts, () => {
          told += 1;
          if (told === moment) backend.destroy();
        });
        for (const one of taken) {
          if (told >= moment) break;
          await history.take(one);
        }
        backend.destroy();
        for (const source of history.uploads) source.end();
        await backend.settle();
        history.check();
        expect(backend.callers.filter((caller) => !caller.over).map((caller) => caller.name)).toEqual([]);
        expect([backend.peers.filter((peer) => !peer.near.destroyed), backend.dialling]).toEqual([[], []]);
        checkCounts(backend);
        backend.clock.advance(60_000);
        expect([backend.deadlines.size, backend.clock.pending]).toEqual([0, 0]);
      },
    ),
    { numRuns },
  );
});
