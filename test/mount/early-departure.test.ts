/** A client that leaves before its request is dispatched: whoever watches is told, as of one that leaves later. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { UpgradeHandlerOptions } from 'pooled-backend';
import { expect, onTestFinished, test } from 'vitest';
import { client, listen, startBackend, startOrigin, until } from './setting.js';

const storage = new AsyncLocalStorage<string>();

/** `busy` resolves when a hook of the request has begun; it never ends. */
async function mounted() {
  const origin = await startOrigin();
  const backend = startBackend(origin);
  const told: unknown[] = [];
  backend.on('fail', ({ method, path, error }) => {
    told.push([method, path, error.code, error.delivery, storage.getStore()]);
  });
  let begun: () => void = () => undefined;
  const busy = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const hanging = () => {
    begun();
    return new Promise<never>(() => undefined);
  };
  const hooks: UpgradeHandlerOptions = {
    rewritePath: (path) => (path === '/busy' ? hanging() : path),
  };
  return { origin, backend, told, busy, hooks };
}

test.each([
  ['a hook is busy', 'GET /busy HTTP/1.1\r\nHost: a.test\r\n\r\n', 'GET', '/busy'],
  [
    'a hook is busy with an upload',
    'POST /busy HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nhi',
    'POST',
    '/busy',
  ],
  ['its body is to come', 'PUT /body HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nhi', 'PUT', '/body'],
  [
    'a hook of its upgrade is busy',
    'GET /busy HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'GET',
    '/busy',
  ],
])('one that leaves while %s', async (_when, head, method, path) => {
  const { origin, backend, told, hooks } = await mounted();
  const handler = backend.handler(hooks);
  const upgrade = backend.upgradeHandler(hooks);
  const server = createServer((req, res) => storage.run('its own', () => handler(req, res)));
  server.on('upgrade', (req, socket, first) => storage.run('its own', () => upgrade(req, socket, first)));
  const raw = await client(await listen(server));
  raw.write(head);
  await until(() => backend.stats().inFlight === 1);
  raw.destroy();
  await until(() => backend.stats().inFlight === 0);
  expect(told).toEqual([[method, path, 'client_aborted', 'unsent', 'its own']]);
  expect(origin.requests).toEqual([]);
});

test('one that resets its stream of HTTP/2 while a hook is busy', async () => {
  const { backend, told, busy, hooks } = await mounted();
  const handler = backend.handler(hooks);
  const server = createHttp2Server((req, res) => storage.run('its own', () => handler(req, res)));
  const session = connect(`http://127.0.0.1:${await listen(server)}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':path': '/busy' });
  await busy;
  stream.close();
  await until(() => backend.stats().inFlight === 0);
  expect(told).toEqual([['GET', '/busy', 'client_aborted', 'unsent', 'its own']]);
});

test('one whose request is answered by something else while a hook is busy', async () => {
  const { backend, told, hooks } = await mounted();
  const handler = backend.handler(hooks);
  const port = await listen(
    createServer((req, res) => {
      storage.run('its own', () => handler(req, res));
      setImmediate(() => res.writeHead(204).end());
    }),
  );
  const ended = once(backend, 'fail');
  expect((await (await client(port)).get('/busy')).status).toBe(204);
  await ended;
  expect(told).toEqual([['GET', '/busy', 'client_aborted', 'unsent', 'its own']]);
});

test.each<[string, UpgradeHandlerOptions]>([
  ['a hook has thrown', { rewritePath: () => Promise.reject(new Error('no path')) }],
  ['a hook has given a path that cannot be sent', { rewritePath: () => '/a b' }],
])('nobody is told twice of one whose stream of HTTP/2 a listener ends because %s', async (_why, hooks) => {
  const { backend, told } = await mounted();
  const handler = backend.handler(hooks);
  const server = createHttp2Server((req, res) => {
    backend.once('fail', () => res.stream.destroy());
    handler(req, res);
  });
  await askOverHttp2(await listen(server));
  expect(told).toEqual([['GET', '/', 'proxy_internal_error', 'unsent', undefined]]);
});

test.each<[string, UpgradeHandlerOptions]>([
  ['at once', {}],
  ['while a hook is busy', { rewritePath: async (path) => path }],
])(
  'nobody is told twice of one that a draining backend refuses %s, and whose stream of HTTP/2 a listener ends',
  async (_when, hooks) => {
    const { backend, told } = await mounted();
    const handler = backend.handler(hooks);
    const server = createHttp2Server((req, res) => {
      void backend.close();
      backend.once('refuse', () => res.stream.destroy());
      handler(req, res);
    });
    await askOverHttp2(await listen(server));
    expect(told).toEqual([['GET', '/', 'backend_closed', 'unsent', undefined]]);
  },
);

test('nothing is sent of one whose stream of HTTP/2 is ended by the hook that judges it', async () => {
  const { origin, backend, told } = await mounted();
  let end: () => void = () => undefined;
  const handler = backend.handler({
    idempotent: () => {
      end();
      return true;
    },
  });
  const server = createHttp2Server((req, res) => {
    end = () => void res.stream.destroy();
    handler(req, res);
  });
  await askOverHttp2(await listen(server));
  await until(() => backend.stats().inFlight === 0);
  expect(told).toEqual([['GET', '/', 'client_aborted', 'unsent', undefined]]);
  expect(origin.requests).toEqual([]);
});

/** Resolves when the stream is closed. */
async function askOverHttp2(port: number): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  await once(session.request({ ':path': '/' }), 'close');
}
