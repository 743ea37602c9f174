import { answer, close, execute, type Rule, whenIdle } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { checkAtRest, deadly, executedTwice, load, notAnswered, pause, startBackend, startOrigin } from './setting.js';

// The origin hangs up after 8 ms of silence, and the load comes back after about as long.
const IDLE_MS = 8;
const rules: Rule[] = [
  { at: 'connection', steps: [whenIdle(IDLE_MS, [close()])] },
  { steps: [execute(), answer({ body: 'ok' })] },
];
// Its timer runs from the first answer on. A server that leaves new connections too can end the re-send as well as the
// first attempt, and more than one re-send with an unknown outcome is not allowed.
const patient: Rule[] = [{ steps: [execute(), answer({ body: 'ok' }), whenIdle(IDLE_MS, [close()])] }];
const aboutAsLong = (): Promise<void> => pause(IDLE_MS - 2 + Math.random() * 4);
const work = { count: 60, lanes: 6 };

test('GETs that race with the idle timer of the origin are all answered', async () => {
  const origin = await startOrigin({ thread: true, rules: patient });
  const backend = startBackend(origin, { maxConnections: 6 });
  const outcomes = await load(backend, work, aboutAsLong);
  expect(notAnswered(outcomes)).toEqual([]);
  expect(origin.connections.filter((connection) => connection.endedBy === 'origin-closed').length).toBeGreaterThan(0);
  checkAtRest(backend, 6);
});

test('POSTs on fresh connections are all answered, and each is executed once', async () => {
  const origin = await startOrigin({ thread: true, rules: patient });
  const backend = startBackend(origin, { maxConnections: 6, nonIdempotent: 'fresh' });
  const outcomes = await load(backend, { ...work, method: 'POST', body: 'once' }, aboutAsLong);
  expect(notAnswered(outcomes)).toEqual([]);
  expect([...outcomes.keys()].filter((id) => origin.executions(id) !== 1)).toEqual([]);
  checkAtRest(backend, 6);
});

test.each(['fresh', 'verified', 'any'] as const)(
  'a POST that races is never executed twice (%s)',
  async (nonIdempotent) => {
    const origin = await startOrigin({ thread: true, rules: [...deadly, ...rules] });
    const backend = startBackend(origin, { maxConnections: 6, nonIdempotent });
    const outcomes = await load(backend, { ...work, method: 'POST', body: 'once' }, aboutAsLong);
    expect(executedTwice([origin], outcomes.keys())).toEqual([]);
    // Nothing but the honest answer is allowed for those that were lost in the race.
    const lost = notAnswered(outcomes).filter((outcome) => !('code' in outcome) || outcome.delivery !== 'unknown');
    expect(lost).toEqual([]);
    checkAtRest(backend, 6);
  },
);
