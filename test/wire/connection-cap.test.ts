import {
  answer,
  checkStats,
  close,
  execute,
  hold,
  type Rule,
  reset,
  type ScriptedOrigin,
} from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { checkAtRest, load, notAnswered, startBackend, startOrigin } from './setting.js';

const maxConnections = 5;

const unruly: Rule[] = [
  { when: { everyOnConnection: 4 }, steps: [execute(), answer({ body: 'ok' }), close()] },
  { when: { everyOnConnection: 7 }, steps: [execute(), answer({ body: 'ok' }), reset()] },
  { steps: [execute(), answer({ body: 'ok' })] },
];

function mostOpen(origins: readonly ScriptedOrigin[]): number[] {
  return origins.map((origin) => origin.mostOpenConnections);
}

test('many requests at once open no more than maxConnections, and that many', async () => {
  const origin = await startOrigin({ thread: true, rules: [{ steps: [hold(), execute(), answer()] }] });
  const backend = startBackend(origin, { maxConnections });
  const loading = load(backend, { count: 1, lanes: 100 });
  await origin.until(() => origin.requests.length === maxConnections);
  checkStats(backend.stats(), { maxConnections });
  await origin.release();
  expect(notAnswered(await loading)).toEqual([]);
  expect([origin.mostOpenConnections, origin.connectionsAccepted]).toEqual([maxConnections, maxConnections]);
});

test.each(['fresh', 'verified', 'any'] as const)(
  'the cap holds while connections die, with GETs and POSTs (%s)',
  async (nonIdempotent) => {
    const origins = [
      await startOrigin({ thread: true, rules: unruly }),
      await startOrigin({ thread: true, rules: unruly }),
    ];
    const backend = startBackend(origins, { maxConnections, nonIdempotent });
    const watch = async (): Promise<void> => checkStats(backend.stats(), { maxConnections });
    const [gets] = await Promise.all([
      load(backend, { count: 30, lanes: 15 }, watch),
      load(backend, { count: 30, lanes: 15, method: 'POST', body: 'x' }, watch),
    ]);
    expect(notAnswered(gets)).toEqual([]);
    expect(Math.max(...mostOpen(origins))).toBeLessThanOrEqual(maxConnections);
    checkAtRest(backend, maxConnections);
  },
);

test('the cap holds for one connection', async () => {
  const origin = await startOrigin({ thread: true, rules: unruly });
  const backend = startBackend(origin, { maxConnections: 1 });
  const outcomes = await Promise.all([
    load(backend, { count: 20, lanes: 5 }),
    load(backend, { count: 20, lanes: 5, method: 'POST', body: 'x' }),
  ]);
  expect(outcomes.flatMap((one) => notAnswered(one))).toEqual([]);
  expect(origin.mostOpenConnections).toBe(1);
  checkAtRest(backend, 1);
});
