import { getEventListeners } from 'node:events';
import type { BackendError } from 'pooled-backend';
import { answer, close, execute, hold, type Script, send } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { abortable, backendOf } from './request-setting.js';
import { startBackend, startOrigin, until } from './setting.js';

describe('its signal', () => {
  test.each<['fail' | 'request', Script, string]>([
    ['fail', () => [execute(), close()], 'unknown'],
    ['request', () => [execute(), answer({ body: 'x' })], 'answered'],
  ])('tells what is known when it is aborted in a listener to %s', async (event, script, delivery) => {
    const origin = await startOrigin({ script });
    const backend = startBackend(origin);
    const { signal, abort } = abortable();
    const failures: object[] = [];
    backend.on(event, abort).on('fail', (failure) => failures.push(failure));
    const pending = backend.request({ method: 'POST', path: '/', body: 'x', signal });
    const failure = pending.then(({ body }) => body.text());
    await expect(failure).rejects.toMatchObject({ code: 'client_aborted', delivery, attempts: [{ sent: 'all' }] });
    expect(failures.length).toBe(event === 'fail' ? 1 : 0);
  });

  const reason = new Error('enough');

  test('aborted before sends nothing', async () => {
    const { backend, origin } = await backendOf();
    await expect(backend.request({ path: '/', signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: 'client_aborted',
      cause: reason,
    });
    expect(origin.connectionsAccepted).toBe(0);
  });

  test('aborted while queued leaves the queue', async () => {
    const { backend, origin } = await backendOf(() => [hold()], { maxConnections: 1 });
    const first = backend.request({ path: '/first' }).catch((error: BackendError) => error);
    await origin.until(() => origin.requests.length === 1);
    const controller = new AbortController();
    const second = backend.request({ path: '/second', signal: controller.signal });
    await until(() => backend.stats().queue.length === 1);
    controller.abort(reason);
    expect(backend.stats().queue.length).toBe(0);
    await expect(second).rejects.toMatchObject({ code: 'client_aborted', delivery: 'unsent', cause: reason });
    backend.destroy();
    await first;
  });

  test('aborted while the origin thinks ends the exchange', async () => {
    const { backend, origin } = await backendOf(() => [hold()]);
    const controller = new AbortController();
    const pending = backend.request({ method: 'POST', path: '/', body: 'x', signal: controller.signal });
    await origin.until(() => origin.requests[0]?.complete === true);
    controller.abort(reason);
    await expect(pending).rejects.toMatchObject({
      ...{ code: 'client_aborted', cause: reason, delivery: 'unknown' },
      attempts: [{ sent: 'all', received: 'nothing', phase: 'wait' }],
    });
  });

  test('aborted during the body fails its reader', async () => {
    const { backend, origin } = await backendOf(() => [
      execute(),
      send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nstart'),
    ]);
    const controller = new AbortController();
    const response = await backend.request({ path: '/', signal: controller.signal });
    const text = response.body.text();
    controller.abort(reason);
    await expect(text).rejects.toMatchObject({ code: 'client_aborted', cause: reason });
    await origin.until(() => origin.openConnections === 0);
  });

  test('ends all the requests that it was given to, from one listener', async () => {
    const { backend } = await backendOf(() => [execute(), hold()]);
    const { signal, abort } = abortable();
    const all = Array.from({ length: 20 }, () => backend.request({ path: '/', signal }));
    expect(getEventListeners(signal, 'abort').length).toBe(1);
    abort();
    for (const one of await Promise.allSettled(all)) {
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'client_aborted' } });
    }
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('has no listener left when the request is over', async () => {
    const { backend } = await backendOf();
    const { signal } = new AbortController();
    await (await backend.request({ path: '/', signal })).body.text();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
