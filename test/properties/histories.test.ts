/** Whatever clients, origins, networks and time do, and in whatever order, these things hold after each step. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { House } from '../house.js';
import { CASES } from './cases.js';
import { History, plan, step } from './history.js';

test('every request ends once, nothing is sent twice that must not be, and nobody waits for what is there', async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.array(step, { minLength: 1, maxLength: 60 }), async ({ asks, ...options }, steps) => {
      const house = new House(options);
      await house.settle();
      const history = new History(house, asks);
      for (const one of steps) {
        await history.take(one);
        if (one.together !== true) history.check();
      }
      await history.comeToRest();
      expect(house.callers.filter((caller) => !caller.over).map((caller) => caller.name)).toEqual([]);
      house.checkAtRest();
      house.destroy();
      await house.settle();
      history.check();
      house.clock.advance(60_000);
      expect([house.deadlines.size, house.clock.pending]).toEqual([0, 0]);
    }),
    { numRuns: Number(process.env.RUNS ?? 200), examples: CASES }, // RUNS=30000 hunts for a minute
  );
});
