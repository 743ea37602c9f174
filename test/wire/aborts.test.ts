import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { answer, execute, hold, type Rule, stall } from 'pooled-backend/testing';
import { expect, onTestFinished, test } from 'vitest';
import { RawClient } from './raw-client.js';
import { checkAtRest, outcomeOf, startBackend, startOrigin } from './setting.js';

const held: Rule[] = [
  { when: { path: '/held' }, steps: [hold(), execute(), answer({ body: 'held' })] },
  { steps: [execute(), answer({ body: 'ok' })] },
];

const ABORTED = { code: 'client_aborted', status: 499 };

test('a request that is aborted in the queue leaves it at once and is never sent', async () => {
  const origin = await startOrigin({ rules: held });
  const backend = startBackend(origin, { maxConnections: 1 });
  const first = outcomeOf(backend, { path: '/held' });
  await origin.until(() => origin.requests.length === 1);
  const abort = new AbortController();
  const queued = outcomeOf(backend, { id: 'queued', signal: abort.signal });
  const behind = outcomeOf(backend);
  while (backend.stats().queue.length < 2) await new Promise((resolve) => setImmediate(resolve));
  abort.abort();
  expect(await queued).toEqual({ ...ABORTED, delivery: 'unsent', attempts: 0 });
  expect(backend.stats().queue.length).toBe(1);
  await origin.release();
  expect(await Promise.all([first, behind])).toMatchObject([{ status: 200 }, { status: 200 }]);
  expect(origin.requests.map((request) => request.id)).not.toContain('queued');
  checkAtRest(backend, 1);
});

test('a signal that is aborted already sends nothing', async () => {
  const origin = await startOrigin();
  const backend = startBackend(origin);
  const outcome = await outcomeOf(backend, { signal: AbortSignal.abort() });
  expect(outcome).toEqual({ ...ABORTED, delivery: 'unsent', attempts: 0 });
  expect(origin.requests).toEqual([]);
});

test('a request that is aborted in flight gives its connection up, and the next one gets its own answer', async () => {
  const origin = await startOrigin({ rules: held });
  const backend = startBackend(origin, { maxConnections: 1 });
  const abort = new AbortController();
  const flying = outcomeOf(backend, { path: '/held', signal: abort.signal });
  await origin.until(() => origin.requests.length === 1);
  abort.abort();
  expect(await flying).toMatchObject({ ...ABORTED, delivery: 'unknown' });
  const next = outcomeOf(backend);
  await origin.release();
  expect(await next).toEqual({ status: 200, body: 'ok', attempts: 1 });
  checkAtRest(backend, 1);
});

test('an abort after the head ends the body with an error, and the next request gets its own answer', async () => {
  const big = answer({ body: 'x'.repeat(1_000_000), cutBodyAt: 500_000 });
  const origin = await startOrigin({
    rules: [
      { when: { path: '/big' }, steps: [execute(), big, stall()] },
      { steps: [execute(), answer({ body: 'ok' })] },
    ],
  });
  const backend = startBackend(origin, { maxConnections: 1 });
  const abort = new AbortController();
  const response = await backend.request({ method: 'GET', path: '/big', signal: abort.signal });
  const reading = response.body.text().then(
    () => 'complete',
    () => 'broken off',
  );
  abort.abort();
  expect(await reading).toBe('broken off');
  expect(await outcomeOf(backend)).toEqual({ status: 200, body: 'ok', attempts: 1 });
  checkAtRest(backend, 1);
});

test('a body that is given up unread does not hold its connection for ever', async () => {
  const body = 'x'.repeat(4_000_000);
  const origin = await startOrigin({ rules: [{ when: { path: '/big' }, steps: [answer({ body })] }] });
  const backend = startBackend(origin, { maxConnections: 1 });
  const response = await backend.request({ method: 'GET', path: '/big' });
  response.body.destroy();
  expect(await outcomeOf(backend)).toMatchObject({ status: 200 });
});

test('an upload that breaks off is not completed, and its connection is not reused', async () => {
  const origin = await startOrigin();
  const backend = startBackend(origin, { maxConnections: 1 });
  const source = new Readable({ read: () => undefined });
  source.push(Buffer.alloc(100_000));
  const failed = backend
    .request({ method: 'PUT', path: '/upload', headers: { 'Content-Length': '200000' }, body: source })
    .then(
      () => 'answered',
      () => 'failed',
    );
  await origin.until(() => origin.requests.length === 1);
  source.destroy(new Error('the disk is gone'));
  expect(await failed).toBe('failed');
  expect(await outcomeOf(backend)).toMatchObject({ status: 200 });
  expect(origin.requests.map((request) => [request.path, request.complete])).toEqual([
    ['/upload', false],
    ['/', true],
  ]);
  checkAtRest(backend, 1);
});

test('a client of a handler that leaves the queue is never sent, and one in flight frees its connection', async () => {
  const origin = await startOrigin({ rules: held });
  const backend = startBackend(origin, { maxConnections: 1 });
  const server = createServer(backend.handler());
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const flying = await RawClient.connect({ port });
  flying.write('GET /held HTTP/1.1\r\nHost: h\r\nX-Request-Id: flying\r\n\r\n');
  await origin.until(() => origin.requests.length === 1);
  const queued = await RawClient.connect({ port });
  queued.write('GET /held HTTP/1.1\r\nHost: h\r\nX-Request-Id: queued\r\n\r\n');
  while (backend.stats().queue.length === 0) await new Promise((resolve) => setImmediate(resolve));
  queued.destroy();
  while (backend.stats().queue.length === 1) await new Promise((resolve) => setImmediate(resolve));
  flying.destroy();
  await origin.until(() => origin.connections[0]?.open === false);
  const next = await RawClient.connect({ port });
  expect((await next.get('/next')).body.toString()).toBe('ok');
  expect(origin.requests.map((request) => request.path)).toEqual(['/held', '/next']);
  next.destroy();
  await origin.release();
});
