import { Readable } from 'node:stream';
import { PooledBackend } from 'pooled-backend';
import { answer, execute, hold, send, stall } from 'pooled-backend/testing';
import { BackendDispatcher, type BackendDispatcherOptions } from 'pooled-backend/undici';
import { getGlobalDispatcher, MockAgent, request, setGlobalDispatcher, fetch as undiciFetch } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startBackend, startOrigin } from '../mount/setting.js';
import { dispatcherOf } from './undici-setting.js';

describe('failures', () => {
  const failureOf = (sending: Promise<unknown>): Promise<Error> =>
    sending.then(
      () => Promise.reject(new Error('it did not fail')),
      (error) => error,
    );

  test('of a dial have the code of the system, and the BackendError as their cause', async () => {
    const origin = await startOrigin();
    await origin.close();
    const backend = startBackend(origin, { queueTimeout: 500 });
    const failure = await failureOf(request(origin.url, { dispatcher: new BackendDispatcher(backend) }));
    expect(failure).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', cause: { code: 'connection_refused' } });
  });

  test('of time have the classes of undici', async () => {
    const { dispatcher, url } = await dispatcherOf({
      script: ({ request: { path } }) =>
        path === '/silent'
          ? [execute(), stall()]
          : [execute(), send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'), stall()],
    });
    const silent = await failureOf(request(`${url}/silent`, { dispatcher, headersTimeout: 20 }));
    expect(silent).toMatchObject({ name: 'HeadersTimeoutError', code: 'UND_ERR_HEADERS_TIMEOUT' });
    const { body } = await request(`${url}/half`, { dispatcher, bodyTimeout: 20 });
    expect(await failureOf(body.text())).toMatchObject({
      name: 'BodyTimeoutError',
      cause: { code: 'connection_read_timeout' },
    });
  });

  test('of a body are the errors of its stream', async () => {
    const { dispatcher, url } = await dispatcherOf();
    const broken = Readable.from(
      (async function* () {
        yield 'a';
        throw new Error('of my own');
      })(),
    );
    const failure = await failureOf(request(url, { dispatcher, method: 'POST', body: broken }));
    expect(failure.message).toBe('of my own');
  });

  test('that no class of undici says are told in words', async () => {
    const { dispatcher, url, backend, origin } = await dispatcherOf({
      script: () => [execute(), hold(), answer()],
      options: { maxConnections: 1, queueTimeout: 20 },
    });
    const first = backend.request({ path: '/', queueTimeout: 60_000 });
    await origin.until(() => origin.executions('/') === 1);
    const second = await failureOf(request(url, { dispatcher }));
    expect(second).toMatchObject({
      code: 'UND_ERR_INFO',
      cause: { code: 'connection_limit_reached', statusCode: 503 },
    });
    origin.release('held');
    await (await first).body.text();
  });
});

describe('which requests are the backend’s', () => {
  test('those for any of its origins, wherever they then go', async () => {
    const origins = [await startOrigin(), await startOrigin()];
    const backend = startBackend(origins, { balance: 'round-robin' });
    const dispatcher = new BackendDispatcher(backend);
    for (let i = 0; i < 4; i++) await (await request(`${origins[0]?.url}/`, { dispatcher })).body.dump();
    expect(origins.map((origin) => origin.executions('/') > 0)).toEqual([true, true]);
    expect(origins[1]?.requests[0]?.headers.host).toBe(origins[1]?.url.slice('http://'.length));
  });

  test('those for an origin that was added at run time, and for none that was removed after that', async () => {
    const { dispatcher } = await dispatcherOf();
    const added = await startOrigin();
    dispatcher.backend.origins.add(added.url);
    await (await request(`${added.url}/`, { dispatcher })).body.dump();
    await dispatcher.backend.origins.remove(added.url);
    await expect(request(`${added.url}/`, { dispatcher })).rejects.toMatchObject({ code: 'UND_ERR_INVALID_ARG' });
  });

  test('those for its names, with the Host field of the URL', async () => {
    const { dispatcher, origin } = await dispatcherOf({ dispatching: { names: ['http://orders.internal'] } });
    await (await request('http://orders.internal/1', { dispatcher })).body.dump();
    expect(origin.requests[0]?.headers.host).toBe('orders.internal');
  });

  test('no others, with a message that says which', async () => {
    const { dispatcher, url } = await dispatcherOf();
    await expect(request('http://elsewhere.test/', { dispatcher })).rejects.toMatchObject({
      code: 'UND_ERR_INVALID_ARG',
      message: `http://elsewhere.test is not an origin of this dispatcher, which has ${url}`,
    });
  });

  test('others go to another dispatcher, as a global one', async () => {
    const agent = new MockAgent();
    agent.disableNetConnect();
    agent.get('http://elsewhere.test').intercept({ path: '/' }).reply(200, 'from elsewhere');
    const { dispatcher, url, origin } = await dispatcherOf({ dispatching: { others: agent } });
    const before = getGlobalDispatcher();
    onTestFinished(() => setGlobalDispatcher(before));
    setGlobalDispatcher(dispatcher);
    expect(await (await undiciFetch('http://elsewhere.test/')).text()).toBe('from elsewhere');
    await (await fetch(`${url}/here`)).text();
    expect(origin.executions('/here')).toBe(1);
    await agent.close();
  });

  test.each<[string, unknown, string]>([
    ['an unknown option', { name: [] }, 'unknown option name'],
    ['an option of a backend', { maxConnections: 10 }, 'options of a backend are the first argument'],
    ['a name with a path', { names: ['http://a/b'] }, 'names must be origins'],
    ['names that are no list', { names: 'http://a' }, 'names must be a list'],
    ['others that dispatch nothing', { others: {} }, "others must be 'refuse' or a dispatcher"],
  ])('%s is refused', (_, options, message) => {
    expect(() => new BackendDispatcher('http://127.0.0.1:9001', options as BackendDispatcherOptions)).toThrow(message);
  });
});

describe('the end', () => {
  test('close() waits for what was dispatched, takes no more, and leaves a given backend open', async () => {
    const { dispatcher, url, origin, backend } = await dispatcherOf({
      script: ({ request: { path } }) => (path === '/held' ? [execute(), hold(), answer()] : [execute(), answer()]),
    });
    const held = request(`${url}/held`, { dispatcher });
    await origin.until(() => origin.executions('/held') === 1);
    let isClosed = false;
    const closing = dispatcher.close().then(() => {
      isClosed = true;
    });
    await expect(request(url, { dispatcher })).rejects.toMatchObject({ code: 'UND_ERR_CLOSED' });
    expect(isClosed).toBe(false);
    origin.release('held');
    await (await held).body.dump();
    await closing;
    await expect(request(url, { dispatcher })).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
    expect((await backend.request({ path: '/' })).statusCode).toBe(200);
  });

  test('destroy() ends what was dispatched with its error', async () => {
    const { dispatcher, url, origin } = await dispatcherOf({ script: () => [execute(), stall()] });
    const sending = request(`${url}/`, { dispatcher });
    await origin.until(() => origin.executions('/') === 1);
    const destroyed = new Promise<void>((resolve) => {
      dispatcher.destroy(new Error('over'), resolve);
    });
    await expect(sending).rejects.toThrow('over');
    await destroyed;
    expect(dispatcher.destroyed).toBe(true);
    await expect(dispatcher.close()).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
  });

  test('a backend of its own is closed with it', async () => {
    const origin = await startOrigin();
    const dispatcher = new BackendDispatcher({ origins: [origin.url] });
    await (await request(origin.url, { dispatcher })).body.dump();
    await dispatcher.close();
    expect(dispatcher.backend).toBeInstanceOf(PooledBackend);
    expect(dispatcher.backend.stats().state).toBe('closed');
    const other = new BackendDispatcher(origin.url);
    await other.destroy();
    expect(other.backend.stats().state).toBe('closed');
  });
});
