import { answer, close, execute, type Rule, reset } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { checkAtRest, deadly, executedTwice, load, notAnswered, startBackend, startOrigin } from './setting.js';

const endings = { close: close(), reset: reset() } as const;

function rulesWith(ending: keyof typeof endings): Rule[] {
  return [
    { when: { everyOnConnection: 3 }, steps: [execute(), answer({ body: 'ok' }), endings[ending]] },
    { steps: [execute(), answer({ body: 'ok' })] },
  ];
}

const work = { count: 40, lanes: 10 };

test.each(['close', 'reset'] as const)(
  'GETs survive an origin that does %s after every third response',
  async (ending) => {
    const origin = await startOrigin({ thread: true, rules: rulesWith(ending) });
    const backend = startBackend(origin, { maxConnections: 5 });
    const outcomes = await load(backend, work);
    expect(notAnswered(outcomes)).toEqual([]);
    checkAtRest(backend, 5);
  },
);

test.each(['fresh', 'verified', 'any'] as const)(
  'POSTs to such an origin are never executed twice (%s)',
  async (nonIdempotent) => {
    const origin = await startOrigin({ thread: true, rules: [...deadly, ...rulesWith('close')] });
    const backend = startBackend(origin, { maxConnections: 5, nonIdempotent });
    const outcomes = await load(backend, { ...work, method: 'POST', body: 'once' });
    expect(executedTwice([origin], outcomes.keys())).toEqual([]);
    const dishonest = notAnswered(outcomes).filter((outcome) => !('code' in outcome) || outcome.delivery !== 'unknown');
    expect(dishonest).toEqual([]);
    checkAtRest(backend, 5);
  },
);

test('POSTs on fresh connections are all answered by such an origin', async () => {
  const origin = await startOrigin({ thread: true, rules: rulesWith('close') });
  const backend = startBackend(origin, { maxConnections: 5, nonIdempotent: 'fresh', spareConnections: false });
  const outcomes = await load(backend, { ...work, method: 'POST', body: 'once' });
  expect(notAnswered(outcomes)).toEqual([]);
});
