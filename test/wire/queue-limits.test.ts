import { BackendError } from 'pooled-backend';
import { answer, execute, hold, type Rule } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { checkAtRest, outcomeOf, startBackend, startOrigin } from './setting.js';

const held: Rule[] = [{ steps: [hold(), execute(), answer({ body: 'ok' })] }];

const OK = { status: 200, body: 'ok', attempts: 1 };
const FULL = { code: 'connection_limit_reached', status: 503, delivery: 'unsent', attempts: 0 };

test('beyond maxQueue a request is refused at once, and those in the queue are served', async () => {
  const origin = await startOrigin({ rules: held });
  const backend = startBackend(origin, { maxConnections: 1, maxQueue: 2 });
  const first = outcomeOf(backend, { id: 'first' });
  await origin.until(() => origin.requests.length === 1);
  const waiting = [outcomeOf(backend), outcomeOf(backend)];
  const refused = await outcomeOf(backend, { id: 'refused' });
  const { queue } = backend.stats();
  await origin.release();
  expect(refused).toEqual(FULL);
  expect(queue.length).toBe(2);
  expect(await Promise.all([first, ...waiting])).toEqual([OK, OK, OK]);
  expect(origin.executions('refused')).toBe(0);
  checkAtRest(backend, 1);
});

test('without a queue a request is refused while every connection is busy', async () => {
  const origin = await startOrigin({ rules: held });
  const backend = startBackend(origin, { maxConnections: 1, maxQueue: 0 });
  await backend.ready();
  const first = outcomeOf(backend);
  const second = outcomeOf(backend);
  await origin.release();
  expect([await first, await second]).toContainEqual(FULL);
});

test('after queueTimeout a request fails with the counts, a Retry-After, and was sent to nobody', async () => {
  const origin = await startOrigin({ rules: held });
  const backend = startBackend(origin, { maxConnections: 1, minConnections: 1, queueTimeout: 50 });
  await backend.ready(); // the first waits for no dial
  const first = outcomeOf(backend);
  await origin.until(() => origin.requests.length === 1);
  const error = await backend.request({ method: 'GET', path: '/', headers: { 'X-Request-Id': 'late' } }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  await origin.release();
  await first;
  expect(BackendError.is(error) && { code: error.code, status: error.statusCode, delivery: error.delivery }).toEqual({
    code: 'connection_limit_reached',
    status: 503,
    delivery: 'unsent',
  });
  expect(BackendError.is(error) && error.retryAfter).toBeGreaterThan(0);
  expect(String(error)).toContain('busy 1');
  expect(origin.executions('late')).toBe(0);
  checkAtRest(backend, 1);
});

test('a request that waited for dials which all failed fails with the error of the last dial', async () => {
  const origin = await startOrigin();
  const backend = startBackend(origin, { queueTimeout: 500 });
  await origin.stopListening();
  expect(await outcomeOf(backend)).toEqual({
    code: 'connection_refused',
    status: 502,
    delivery: 'unsent',
    attempts: 0,
  });
});

test('the queue is served first in, first out', async () => {
  const origin = await startOrigin({ rules: held });
  const backend = startBackend(origin, { maxConnections: 1 });
  const all = ['0', '1', '2', '3', '4'].map((id) => outcomeOf(backend, { id }));
  await origin.until(() => origin.requests.length === 1);
  await origin.release();
  await Promise.all(all);
  expect(origin.requests.map((request) => request.id)).toEqual(['0', '1', '2', '3', '4']);
});

test('a thousand requests on ten connections are all answered', async () => {
  const origin = await startOrigin({ rules: held });
  const backend = startBackend(origin, { maxConnections: 10 });
  const all = Array.from({ length: 1_000 }, () => outcomeOf(backend));
  await origin.until(() => origin.requests.length === 10);
  await origin.release();
  expect((await Promise.all(all)).filter((outcome) => outcome.status !== 200)).toEqual([]);
  expect(origin.connectionsAccepted).toBe(10);
  checkAtRest(backend, 10);
});

test('POSTs that wait for fresh connections and GETs that wait for any are all answered', async () => {
  const origin = await startOrigin({ rules: held });
  const backend = startBackend(origin, { maxConnections: 2 });
  const all = Array.from({ length: 60 }, (_, place) =>
    outcomeOf(backend, place % 2 === 0 ? {} : { method: 'POST', body: 'x' }),
  );
  await origin.until(() => origin.requests.length >= 1);
  await origin.release();
  expect((await Promise.all(all)).filter((outcome) => outcome.status !== 200)).toEqual([]);
  checkAtRest(backend, 2);
});
