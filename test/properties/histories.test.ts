/** Whatever clients, origins, networks and time do, and in whatever order, these things hold after each step. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryBackend } from '../memory-backend.js';
import { CASES } from './cases.js';
import { History, plan, step } from './history.js';

test('every request ends once, nothing is sent twice that must not be, and nobody waits for what is there', async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.array(step, { minLength: 1, maxLength: 60 }), async ({ asks, ...options }, steps) => {
      const backend = new MemoryBackend(options);
      await backend.settle();
      const history = new History(backend, asks);
      for (const one of steps) {
        await history.take(one);
        if (one.together !== true) history.check();
      }
      await history.comeToRest();
      expect(backend.callers.filter((caller) => !caller.over).map((caller) => caller.name)).toEqual([]);
      backend.checkAtRest();
      backend.destroy();
      await backend.settle();
      history.check();
      backend.clock.advance(60_000);
      expect([backend.deadlines.size, backend.clock.pending]).toEqual([0, 0]);
    }),
    { numRuns: Number(process.env.RUNS ?? 200), examples: CASES }, // RUNS=30000 hunts for a minute
  );
});
