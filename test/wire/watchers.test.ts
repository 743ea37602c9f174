/** Those who watch, and the owner's balancer, are called in the middle of things. Whatever they end there has ended. */

import { once } from 'node:events';
import { answer, execute, send, wait } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { checkAtRest, outcomeOf, startBackend, startOrigin } from './setting.js';

const ABORTED = { code: 'client_aborted', delivery: 'unsent' };

/** An origin with one connection, ejected, on which a response is about to end; the next request is the probe. */
async function aboutToProbe(does: () => void) {
  const origin = await startOrigin({
    script: ({ request: { path } }) =>
      path === '/ill'
        ? [execute(), send('HTTP/1.1 500 Ill\r\nContent-Length: 1\r\n\r\n'), wait(250), send('x')]
        : [execute(), answer()],
  });
  const ejection = { failures: 1, time: 100, statuses: [500] };
  const backend = startBackend(origin, { maxConnections: 1, nonIdempotent: 'any', ejection });
  backend.on('probe', does);
  const ill = outcomeOf(backend, { path: '/ill' });
  await once(backend, 'eject');
  return { origin, backend, ill };
}

test('a request that the balancer ends is not sent', async () => {
  const controller = new AbortController();
  const origins = [await startOrigin(), await startOrigin()];
  const pick = () => {
    controller.abort();
    return 0;
  };
  const backend = startBackend(origins, { minConnections: 1, nonIdempotent: 'any', balance: { pick } });
  await backend.ready();
  const { signal } = controller;
  expect(await outcomeOf(backend, { method: 'POST', body: 'x', signal })).toMatchObject(ABORTED);
  expect(await outcomeOf(backend, { path: '/next' })).toMatchObject({ status: 200 });
  expect(origins.flatMap(({ requests }) => requests.map(({ path }) => path))).toEqual(['/next']);
  checkAtRest(backend);
});

test('a request that a listener ends as it gets its connection is not sent', async () => {
  const controller = new AbortController();
  const { origin, backend, ill } = await aboutToProbe(() => controller.abort());
  const { signal } = controller;
  expect(await outcomeOf(backend, { method: 'POST', body: 'x', path: '/waits', signal })).toMatchObject(ABORTED);
  await ill;
  await outcomeOf(backend, { path: '/next' });
  expect(origin.requests.map(({ path }) => path)).toEqual(['/ill', '/next']);
});

test('a backend that a listener destroys as a request gets its connection is destroyed', async () => {
  const { backend, ill } = await aboutToProbe(() => backend.destroy());
  expect(await outcomeOf(backend, { path: '/waits' })).toMatchObject({ code: 'backend_closed', delivery: 'unsent' });
  await ill;
  expect(backend.stats().origins[0]?.connections.open).toBe(0);
});

test('connections that a listener takes away from a request that they were closed for are not dialled', async () => {
  const origin = await startOrigin({ script: () => [wait(50), execute(), answer()] });
  const backend = startBackend(origin, { maxConnections: 2, spareConnections: false });
  backend.on('disconnect', ({ reason }) => void (reason === 'made-room' && backend.update({ maxConnections: 1 })));
  const gets = [outcomeOf(backend), outcomeOf(backend)];
  await origin.until(() => origin.requests.length === 2);
  expect(await outcomeOf(backend, { method: 'POST', body: 'x' })).toMatchObject({ status: 200 });
  await Promise.all(gets);
  expect(await outcomeOf(backend)).toMatchObject({ status: 200 });
});
