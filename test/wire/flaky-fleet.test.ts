/** The recipe of docs/health.md for a fleet with a flaky member: what clients see of one that fails and one that dies. */

import { answer, execute, hold } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { load, notAnswered, outcomeOf, pause, startBackend, startOrigin } from './setting.js';

const rules = [{ steps: [execute(), answer({ body: 'ok' })] }];

/** One answers 500 to every third request. */
async function startFlaky() {
  let requests = 0;
  const isThird = () => {
    requests += 1;
    return requests % 3 === 0;
  };
  return startOrigin({ script: () => [execute(), answer(isThird() ? { status: 500 } : { body: 'ok' })] });
}

const recipe = {
  retryOn: [500, 502, 503, 504],
  ejection: {
    ...{ time: 500, maxTime: 1_000, maxEjected: 0.75, statuses: [500, 502, 503, 504] },
    outliers: { window: 1_000, requests: 10, origins: 3, deviations: 1.2, slowness: 3 },
  },
} as const;

test.each(['least-busy', 'two-choices'] as const)(
  'no GET fails, with few connections for many clients: %s',
  async (balance) => {
    const flaky = await startFlaky();
    const dying = await startOrigin({ thread: true, rules });
    const steady = [await startOrigin({ thread: true, rules }), await startOrigin({ thread: true, rules })];
    const backend = startBackend([flaky, dying, ...steady], { ...recipe, balance, maxConnections: 3 });
    let isOver = false;
    const dies = (async () => {
      while (!isOver) {
        await dying.stopListening('reset');
        await pause(100);
        await dying.listen();
        await pause(200);
      }
    })();
    const outcomes = await load(backend, { count: 60, lanes: 30 }, () => pause(5));
    isOver = true;
    await dies;
    expect(notAnswered(outcomes)).toEqual([]);
    expect([flaky.requests.length > 0, outcomes.size]).toEqual([true, 1_800]);
  },
);

test('a GET that was answered 500 does not come back to the same origin while another is merely full', async () => {
  const failing = await startOrigin({ script: () => [execute(), answer({ status: 500 })] });
  const busy = await startOrigin({
    script: ({ request }) => (request.path === '/held' ? [execute(), hold(), answer()] : [execute(), answer()]),
  });
  const backend = startBackend([failing, busy], { retryOn: [500], maxConnections: 1, balance: 'first' });
  backend.origins.setWeight(failing.url, 0);
  const held = outcomeOf(backend, { path: '/held' });
  await busy.until(() => busy.requests.length === 1);
  backend.origins.setWeight(failing.url, 1);
  const outcome = outcomeOf(backend);
  await failing.until(() => failing.requests.length === 1);
  await outcomeOf(backend, { path: '/other', method: 'POST', body: 'x' }); // the failing one has room, and time
  await busy.release();
  expect([await outcome, await held]).toMatchObject([{ status: 200, attempts: 2 }, { status: 200 }]);
  expect(failing.requests.map(({ path }) => path)).toEqual(['/', '/other']);
});
