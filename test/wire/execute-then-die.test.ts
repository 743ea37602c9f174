import { answer, close, execute, type Rule, reset, type Step } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { checkAtRest, outcomeOf, startBackend, startOrigin } from './setting.js';

const deaths: Record<'close' | 'reset', Step> = { close: close(), reset: reset() };

const UNKNOWN = { status: 502, delivery: 'unknown', attempts: 1 };

describe.each(['close', 'reset'] as const)('an origin that executes and then does %s', (how) => {
  // Two exchanges go well on each connection, which proves it; the third kills it.
  const afterTwo: Rule[] = [
    { when: { requestOnConnection: 2 }, steps: [execute(), deaths[how]] },
    { steps: [execute(), answer({ body: 'ok' })] },
  ];
  const always: Rule[] = [{ when: { path: '/deadly' }, steps: [execute(), deaths[how]] }];

  test('on a reused connection: a GET is sent once more, on a fresh one, and answered', async () => {
    const origin = await startOrigin({ rules: afterTwo });
    const backend = startBackend(origin, { maxConnections: 1 });
    for (const id of ['one', 'two']) await outcomeOf(backend, { id });
    const outcome = await outcomeOf(backend, { id: 'three' });
    expect(outcome).toEqual({ status: 200, body: 'ok', attempts: 2 });
    expect([origin.executions('three'), origin.connectionsAccepted]).toEqual([2, 2]);
    checkAtRest(backend, 1);
  });

  test.each(['verified', 'any'] as const)(
    'on a reused connection: a POST (%s) is never sent again',
    async (nonIdempotent) => {
      const origin = await startOrigin({ rules: afterTwo });
      const backend = startBackend(origin, { maxConnections: 1, nonIdempotent, spareConnections: false });
      for (const id of ['one', 'two']) await outcomeOf(backend, { id });
      const outcome = await outcomeOf(backend, { method: 'POST', body: 'x', id: 'three' });
      expect(outcome).toMatchObject(UNKNOWN);
      expect(origin.executions('three')).toBe(1);
      checkAtRest(backend, 1);
    },
  );

  test.each(['fresh', 'verified', 'any'] as const)(
    'on a fresh connection: a POST (%s) is never sent again',
    async (nonIdempotent) => {
      const origin = await startOrigin({ rules: always });
      const backend = startBackend(origin, { nonIdempotent });
      const outcome = await outcomeOf(backend, { method: 'POST', body: 'x', path: '/deadly', id: 'post' });
      expect(outcome).toMatchObject(UNKNOWN);
      expect(origin.executions('post')).toBe(1);
    },
  );

  test('every time: a GET is sent twice and no more', async () => {
    const origin = await startOrigin({ rules: always });
    const backend = startBackend(origin);
    const outcome = await outcomeOf(backend, { path: '/deadly', id: 'get' });
    expect(outcome).toMatchObject({ ...UNKNOWN, attempts: 2 });
    expect(origin.executions('get')).toBe(2);
  });

  test('a GET that has side effects by declaration is not sent again', async () => {
    const origin = await startOrigin({ rules: always });
    const backend = startBackend(origin, { idempotent: ({ path }) => (path === '/deadly' ? false : undefined) });
    const outcome = await outcomeOf(backend, { path: '/deadly', id: 'get' });
    expect(outcome).toMatchObject(UNKNOWN);
    expect(origin.executions('get')).toBe(1);
  });

  test('a POST that is idempotent by declaration is sent again to the other origin', async () => {
    const dying = await startOrigin({ rules: always });
    const living = await startOrigin();
    const backend = startBackend([dying, living], { idempotent: () => true, balance: { pick: () => 0 } });
    const outcome = await outcomeOf(backend, { method: 'POST', body: 'x', path: '/deadly', id: 'post' });
    expect(outcome).toMatchObject({ status: 200, attempts: 2 });
    expect([dying.executions('post'), living.executions('post')]).toEqual([1, 1]);
  });
});

test('a POST whose executor dies after half a head is not sent again', async () => {
  const rules: Rule[] = [{ steps: [execute(), answer({ cutAt: 12 }), close()] }];
  const origin = await startOrigin({ rules });
  const backend = startBackend(origin);
  const outcome = await outcomeOf(backend, { method: 'POST', body: 'x', id: 'post' });
  expect(outcome).toMatchObject(UNKNOWN);
  expect(origin.executions('post')).toBe(1);
});
