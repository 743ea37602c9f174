/** What listeners of events do at once, in the middle of what the library does, breaks nothing of what histories promise. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventName } from '../../src/events.js';
import { House } from '../house.js';
import { History, plan, type Step, step } from './history.js';

const EVENTS = [
  ...['connect', 'disconnect', 'disconnect', 'dialFailed', 'reachable', 'stale', 'poisoned', 'eject', 'probe'],
  ...['readmit', 'resend', 'request', 'fail', 'refuse', 'originChanged'],
] as const satisfies readonly EventName[];

// A listener of these makes the library look at a connection twice.
const OF_ATTEMPTS = ['wait', 'attempt', 'attemptEnd'] as const satisfies readonly EventName[];

const DONE = [
  ...['get', 'post', 'verified', 'any', 'bound', 'boundPost', 'abort', 'abort'],
  ...['drain', 'backInService', 'remove', 'add', 'reweigh', 'resize', 'update', 'update'],
] as const satisfies readonly Step['kind'][];

/** Done once, when the event is told for the first time after the reactions before it. */
const reaction = fc.record({
  event: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...EVENTS) }, fc.constantFrom(...OF_ATTEMPTS)),
  kind: fc.constantFrom(...DONE),
  n: fc.nat(19),
});

const reactions = fc.array(reaction, { minLength: 1, maxLength: 12 });

test('whatever listeners do, every request ends once, nobody waits for what is there, and nothing is counted twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      plan,
      reactions,
      fc.array(step, { minLength: 1, maxLength: 50 }),
      async ({ asks, ...options }, reacts, steps) => {
        const house = new House(options);
        await house.settle();
        const history = new History(house, asks);
        const waiting = new Set(reacts);
        for (const event of new Set(reacts.map((one) => one.event))) {
          house.emitter.on(event, () => {
            const next = [...waiting].find((one) => one.event === event);
            if (next === undefined || !waiting.delete(next)) return;
            void history.take({ ...next, together: true });
          });
        }
        for (const one of steps) {
          await history.take(one);
          if (one.together !== true) history.check();
        }
        waiting.clear();
        await history.comeToRest();
        await history.endDials();
        expect(house.callers.filter((caller) => !caller.over).map((caller) => caller.name)).toEqual([]);
        house.checkAtRest();
        expect(house.dispatcher.demand.coming).toBe(0);
        for (const origin of house.origins) expect(origin.freshShareLeft).toBe(origin.address.maxFreshConnections);
        house.destroy();
        await house.settle();
        history.check();
        house.clock.advance(60_000);
        expect([house.deadlines.size, house.clock.pending]).toEqual([0, 0]);
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 200) }, // RUNS=30000 hunts for a minute
  );
}, 600_000);
