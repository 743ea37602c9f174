import { answer, execute, inform, type Rule, ScriptedOrigin, stall, stopReading, wait } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { authority, cert, key } from './certificate.js';
import { checkAtRest, outcomeOf, startBackend, startOrigin } from './setting.js';

const silent: Rule[] = [{ when: { path: '/silent' }, steps: [execute(), stall()] }];

test.each(['GET', 'POST'])('an origin that never answers a %s: 504, delivery unknown, sent once', async (method) => {
  const origin = await startOrigin({ rules: silent });
  const backend = startBackend(origin, { headersTimeout: 60 });
  const outcome = await outcomeOf(backend, {
    method,
    path: '/silent',
    id: 'one',
    ...(method === 'POST' && { body: 'x' }),
  });
  expect(outcome).toEqual({ code: 'http_response_timeout', status: 504, delivery: 'unknown', attempts: 1 });
  await origin.until(() => origin.openConnections === 0 || method === 'POST');
  expect(origin.executions('one')).toBe(1);
  checkAtRest(backend);
});

test('with retryOn a GET that was not answered in time is sent to another origin', async () => {
  const dumb = await startOrigin({ rules: silent });
  const good = await startOrigin();
  const options = { headersTimeout: 60, retryOn: ['headers-timeout'] as const, balance: { pick: () => 0 } };
  const backend = startBackend([dumb, good], options);
  expect(await outcomeOf(backend, { path: '/silent' })).toMatchObject({ status: 200, attempts: 2 });
});

test('100 and then nothing is no answer', async () => {
  const origin = await startOrigin({ rules: [{ at: 'head', steps: [inform(100), execute(), stall()] }] });
  const backend = startBackend(origin, { headersTimeout: 60 });
  const outcome = await outcomeOf(backend, { method: 'POST', body: 'x', id: 'one' });
  expect(outcome).toMatchObject({ code: 'http_response_timeout', status: 504, delivery: 'unknown' });
});

test('interim responses without end do not hold a request longer than headersTimeout', async () => {
  const steps = [execute(), ...Array.from({ length: 80 }, () => [inform(102), wait(20)]).flat(), answer()];
  const origin = await startOrigin({ rules: [{ steps }] });
  const backend = startBackend(origin, { headersTimeout: 200 });
  expect(await outcomeOf(backend)).toMatchObject({ code: 'http_response_timeout', status: 504 });
});

test('a body that stops in the middle ends with an error, not with its end', async () => {
  const origin = await startOrigin({
    rules: [{ steps: [execute(), answer({ body: '1234567890', cutBodyAt: 4 }), stall()] }],
  });
  const backend = startBackend(origin, { bodyTimeout: 60 });
  expect(await outcomeOf(backend, { id: 'one' })).toMatchObject({
    code: 'connection_read_timeout',
    status: 504,
    delivery: 'answered',
  });
  expect(origin.executions('one')).toBe(1);
});

test('a body that trickles is not timed out', async () => {
  const origin = await startOrigin({
    rules: [
      {
        steps: [
          execute(),
          answer({ body: 'x'.repeat(12), cutBodyAt: 0 }),
          ...Array.from({ length: 12 }, () => [wait(40), { do: 'send' as const, bytes: 'x' }]).flat(),
        ],
      },
    ],
  });
  const backend = startBackend(origin, { bodyTimeout: 300, headersTimeout: 300 });
  expect(await outcomeOf(backend)).toEqual({ status: 200, body: 'x'.repeat(12), attempts: 1 });
});

test('an origin that does not take the request: 504', async () => {
  const origin = await startOrigin({ rules: [{ at: 'connection', steps: [stopReading()] }] });
  const backend = startBackend(origin, { sendTimeout: 100 });
  const outcome = await outcomeOf(backend, { method: 'POST', body: Buffer.alloc(33_554_432) });
  expect(outcome).toMatchObject({ code: 'connection_write_timeout', status: 504, delivery: 'unknown', attempts: 1 });
  checkAtRest(backend);
});

test('a TLS handshake that never ends: the dial times out', async () => {
  const origin = await startOrigin({ tls: { key, cert }, rules: [{ at: 'connection', steps: [stall()] }] });
  const backend = startBackend(origin, { connectTimeout: 50, queueTimeout: 300, tls: { ca: authority } });
  expect(await outcomeOf(backend)).toEqual({
    code: 'connection_timeout',
    status: 504,
    delivery: 'unsent',
    attempts: 0,
  });
});

test('requestTimeout covers the wait for a connection, and nothing is sent', async () => {
  const origin = await startOrigin({ rules: silent });
  const backend = startBackend(origin, { maxConnections: 1 });
  const first = outcomeOf(backend, { path: '/silent' });
  await origin.until(() => origin.requests.length === 1);
  const queued = await outcomeOf(backend, { id: 'queued', requestTimeout: 60 });
  expect(queued).toMatchObject({ delivery: 'unsent', attempts: 0 });
  expect(origin.requests.length).toBe(1);
  backend.destroy();
  await first;
});

test('requestTimeout covers the answer: 504, delivery unknown, sent once', async () => {
  const origin = await startOrigin({ rules: silent });
  const backend = startBackend(origin, { requestTimeout: 60 });
  const outcome = await outcomeOf(backend, { path: '/silent', id: 'one' });
  expect(outcome).toEqual({ code: 'http_response_timeout', status: 504, delivery: 'unknown', attempts: 1 });
  expect(origin.executions('one')).toBe(1);
  checkAtRest(backend);
});

test('an answer that was in the kernel before the timeout is taken, however late the event loop comes to it', async () => {
  const origin = await ScriptedOrigin.start({
    thread: true,
    rules: [{ steps: [execute(), answer({ body: 'in time' })] }],
  });
  try {
    const backend = startBackend(origin, { headersTimeout: 40, requestTimeout: 60 });
    await outcomeOf(backend);
    const outcome = outcomeOf(backend, { id: 'late' });
    // The head is written in the turns that follow; the origin has answered before they are over.
    await new Promise((resolve) => setImmediate(resolve));
    origin.blockUntil(() => origin.executions('late') === 1);
    const end = performance.now() + 120;
    while (performance.now() < end);
    expect(await outcome).toEqual({ status: 200, body: 'in time', attempts: 1 });
  } finally {
    await origin.close();
  }
});
