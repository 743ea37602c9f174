import type { PooledBackend } from 'pooled-backend';
import { answer, execute, type Rule, type ScriptedOrigin } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import {
  checkAtRest,
  executedTwice,
  load,
  notAnswered,
  type Outcome,
  pause,
  startBackend,
  startOrigin,
} from './setting.js';

const rules: Rule[] = [{ steps: [execute(), answer({ body: 'ok' })] }];
const maxConnections = 10;

/** A second of load, in the middle of which the origin is down for a while. */
async function loadOverRestart(
  backend: PooledBackend,
  origin: ScriptedOrigin,
  how: 'close' | 'reset',
  method = 'GET',
): Promise<Map<string, Outcome>> {
  const loading = load(backend, { method, count: 60, lanes: 20, ...(method === 'POST' && { body: 'x' }) }, () =>
    pause(5),
  );
  await origin.until(() => origin.requests.length > 100);
  await origin.stopListening(how);
  await pause(400);
  await origin.listen();
  return loading;
}

test.each(['close', 'reset'] as const)('GETs all succeed over a restart of the only origin (%s)', async (how) => {
  const origin = await startOrigin({ thread: true, rules });
  const backend = startBackend(origin, { maxConnections });
  const outcomes = await loadOverRestart(backend, origin, how);
  expect(notAnswered(outcomes)).toEqual([]);
  expect(outcomes.size).toBe(1_200);
  checkAtRest(backend, maxConnections);
});

test.each(['close', 'reset'] as const)('GETs all succeed over a restart of one of two origins (%s)', async (how) => {
  const restarting = await startOrigin({ thread: true, rules });
  const steady = await startOrigin({ thread: true, rules });
  const backend = startBackend([restarting, steady], { maxConnections });
  const outcomes = await loadOverRestart(backend, restarting, how);
  expect(notAnswered(outcomes)).toEqual([]);
  checkAtRest(backend, maxConnections);
});

test('an origin that is back is used again', async () => {
  const restarting = await startOrigin({ thread: true, rules });
  const steady = await startOrigin({ thread: true, rules });
  const backend = startBackend([restarting, steady], { maxConnections });
  await loadOverRestart(backend, restarting, 'close');
  const before = restarting.requests.length;
  // Longer than the longest wait between dials and the first ejection together.
  for (let tries = 0; tries < 40 && restarting.requests.length === before; tries += 1) {
    await pause(50);
    await load(backend, { count: 1, lanes: 4 });
  }
  expect(restarting.requests.length).toBeGreaterThan(before);
});

test('over a restart no POST is executed twice, and those that are lost say that their fate is unknown', async () => {
  const origin = await startOrigin({ thread: true, rules });
  const backend = startBackend(origin, { maxConnections });
  const outcomes = await loadOverRestart(backend, origin, 'reset', 'POST');
  expect(executedTwice([origin], outcomes.keys())).toEqual([]);
  const dishonest = notAnswered(outcomes).filter((outcome) => !('code' in outcome) || outcome.delivery !== 'unknown');
  expect(dishonest).toEqual([]);
});

test('while the origin is away, it is not dialled more often than the back-off allows', async () => {
  const origin = await startOrigin({ thread: true, rules });
  const backend = startBackend(origin, { maxConnections });
  await origin.stopListening('close');
  const loading = load(backend, { count: 1, lanes: 200 });
  await pause(400);
  const failed = backend.stats().origins[0]?.dialsFailed ?? 0;
  await origin.listen();
  expect(notAnswered(await loading)).toEqual([]);
  // Full jitter from 25 ms doubling: 400 ms hold about 8 trials, and those that began before the first failure.
  expect(failed).toBeLessThan(maxConnections + 60);
});
