import { AsyncLocalStorage } from 'node:async_hooks';
import type { OutgoingHttpHeaders } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { PooledBackend } from 'pooled-backend';
import { answer, close, execute, inform, send } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { collectGarbage } from '../garbage.js';
import { backendOf } from './request-setting.js';
import { startBackend, startOrigin, until } from './setting.js';

describe('the response', () => {
  test('has status, fields, body and trailers', async () => {
    const { backend, origin } = await backendOf(() => [
      execute(),
      answer({
        status: 201,
        reason: 'Made',
        fields: { 'X-A': ['1', '2'], 'Set-Cookie': ['a=1', 'b=2'] },
        framing: 'chunked',
        body: ['{"a"', ':1}'],
        trailers: { 'X-Sum': '9' },
      }),
    ]);
    const response = await backend.request({ path: '/a?b', headers: { Accept: '*/*' } });
    expect([response.statusCode, response.statusText]).toEqual([201, 'Made']);
    expect(response.headers).toMatchObject({ 'x-a': '1, 2', 'set-cookie': ['a=1', 'b=2'] });
    expect(response.rawHeaders).toContain('X-A');
    expect(await response.body.json()).toEqual({ a: 1 });
    expect({ ...response.trailers }).toEqual({ 'x-sum': '9' });
    expect(response.attempts).toMatchObject([
      { origin: origin.url, reused: false, sent: 'all', received: 'all', phase: 'done' },
    ]);
  });

  test('has fields of the types that node:http reads and writes', async () => {
    const { backend } = await backendOf(() => [
      execute(),
      answer({ fields: { ETag: '"1"', 'Set-Cookie': ['a=1', 'b=2'] } }),
    ]);
    const { headers } = await backend.request({ path: '/' });
    const tag: string | undefined = headers.etag;
    const written: OutgoingHttpHeaders = headers;
    expect([tag, written['set-cookie']]).toEqual(['"1"', ['a=1', 'b=2']]);
  });

  test('shows all that it has to whoever copies it', async () => {
    const { backend } = await backendOf();
    const copy = { ...(await backend.request({ path: '/' })) };
    expect(Object.keys(copy)).toEqual([
      ...['statusCode', 'statusText', 'headers', 'rawHeaders', 'body', 'trailers', 'attempts'],
    ]);
    await copy.body.text();
    expect(copy.attempts).toMatchObject([{ sent: 'all', received: 'all', reused: false }]);
  });

  test("is nobody else's: what is done to its fields is not seen in the next one", async () => {
    const { backend } = await backendOf(() => [execute(), answer({ fields: { 'X-A': '1' }, body: 'ok' })]);
    const first = await backend.request({ path: '/' });
    await first.body.text();
    const expected = [...first.rawHeaders];
    for (const fields of [first.rawHeaders, (await backend.request({ path: '/' })).rawHeaders]) {
      Reflect.set(fields, 1, 'spoilt');
    }
    const next = await backend.request({ path: '/' });
    expect([next.rawHeaders, next.headers['x-a']]).toEqual([expected, '1']);
  });

  test('that is not read stops its origin, and goes on when it is', async () => {
    const { backend, origin } = await backendOf(({ request }) => [
      execute(),
      answer({ body: request.path === '/big' ? Buffer.alloc(16_000_000, 'x') : 'ok' }),
    ]);
    const response = await backend.request({ path: '/big' });
    for (let i = 0; i < 50; i++) await turn();
    expect(response.body.readableLength).toBeLessThan(200_000);
    expect(backend.stats().origins[0]?.connections.busy).toBe(1);
    expect((await response.body.arrayBuffer()).byteLength).toBe(16_000_000);
    expect(backend.stats().origins[0]?.connections.busy).toBe(0);
    expect(origin.connectionsAccepted).toBe(1);
  });

  test('that is small gives its connection back before it is read', async () => {
    const { backend } = await backendOf(() => [execute(), answer({ body: 'x'.repeat(1000) })]);
    const response = await backend.request({ path: '/' });
    await until(() => backend.stats().origins[0]?.connections.busy === 0);
    expect((await response.body.text()).length).toBe(1000);
  });

  test('can be read as text once, small and complete or not', async () => {
    const { backend } = await backendOf(() => [answer({ body: 'small' })]);
    const { body } = await backend.request({ path: '/' });
    expect(await body.text()).toBe('small');
    await expect(body.text()).rejects.toThrow('the body was read');
  });

  test.each([10, 100_000])('is the same bytes to whoever has set an encoding (%i)', async (size) => {
    const { backend } = await backendOf(() => [execute(), answer({ body: Buffer.from('é'.repeat(size)) })]);
    const { body } = await backend.request({ path: '/' });
    body.setEncoding('hex');
    expect(await body.text()).toBe('é'.repeat(size));
  });

  test('that was paused is read to its end', async () => {
    const { backend } = await backendOf(() => [answer({ body: 'x'.repeat(1000) })]);
    const { body } = await backend.request({ path: '/' });
    body.pause();
    expect((await body.text()).length).toBe(1000);
  });

  test('whose body is destroyed ends the exchange', async () => {
    const { backend, origin } = await backendOf(() => [
      execute(),
      send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nstart'),
    ]);
    const response = await backend.request({ path: '/' });
    response.body.destroy();
    await origin.until(() => origin.openConnections === 0);
  });

  test('that is cut off fails its reader with the facts, and nobody else', async () => {
    const { backend } = await backendOf(() => [execute(), answer({ body: 'hello world', cutBodyAt: 5 }), close()]);
    const response = await backend.request({ path: '/' });
    await expect(response.body.text()).rejects.toMatchObject({
      code: 'http_response_incomplete',
      delivery: 'answered',
    });
    const unread = await backend.request({ path: '/' });
    await until(() => unread.body.destroyed);
  });

  test('that is cut off before anybody reads it fails its reader with the same facts', async () => {
    const cut = [answer({ body: 'half of it', cutBodyAt: 4 }), close()];
    const origin = await startOrigin({ script: () => cut });
    const { body } = await startBackend(origin).request({ path: '/' });
    await new Promise((resolve) => body.once('close', resolve));
    await expect(body.text()).rejects.toMatchObject({ name: 'BackendError', delivery: 'answered' });
  });

  test('is preceded by its interim responses', async () => {
    const seen: number[] = [];
    const { backend } = await backendOf(() => [inform(102), inform(103, { Link: '</a>' }), execute(), answer()]);
    await backend.request({ path: '/', onInformation: ({ statusCode }) => seen.push(statusCode) });
    expect(seen).toEqual([102, 103]);
  });
});

test('what a listener to interim responses does to their fields is not seen by the next', async () => {
  const interim = 'HTTP/1.1 102 Processing\r\nX: y\r\n\r\n'.repeat(4);
  const { backend } = await backendOf(() => [execute(), send(`${interim}HTTP/1.1 204 No Content\r\n\r\n`)]);
  const seen: string[][] = [];
  await backend.request({
    path: '/',
    onInformation: ({ fields }) => {
      seen.push([...fields]);
      if (Array.isArray(fields)) fields.push('Mine', 'alone');
    },
  });
  expect(seen).toEqual(Array.from({ length: 4 }, () => ['X', 'y']));
});

describe('the async context', () => {
  test("is the requester's, on a reused connection and out of the queue", async () => {
    const storage = new AsyncLocalStorage<number>();
    const { backend } = await backendOf(() => [inform(103), execute(), answer({ body: 'ok' })], { maxConnections: 1 });
    const seen = await Promise.all(
      [1, 2, 3].map((id) =>
        storage.run(id, async () => {
          const hooks: (number | undefined)[] = [];
          const response = await backend.request({ path: '/', onInformation: () => hooks.push(storage.getStore()) });
          const data = new Promise((resolve) => response.body.once('data', () => resolve(storage.getStore())));
          return [...hooks, await data, storage.getStore()];
        }),
      ),
    );
    expect(seen).toEqual([
      [1, 1, 1],
      [2, 2, 2],
      [3, 3, 3],
    ]);
  });
});

test('an idle connection keeps nothing of the request that it was dialled for', async () => {
  const { backend } = await backendOf();
  const asked = async () => {
    const store = {};
    const { signal } = new AbortController();
    const options = { method: 'POST', path: '/', body: Buffer.alloc(1_000), signal };
    const response = await new AsyncLocalStorage<object>().run(store, () => backend.request(options));
    await response.body.text();
    return [store, signal, options.body, response, response.body].map((one) => new WeakRef<object>(one));
  };
  const left = await asked();
  await until(() => backend.stats().origins[0]?.connections.busy === 0);
  await collectGarbage();
  expect(left.map((one) => one.deref())).toEqual(left.map(() => undefined));
  expect(backend.stats().origins[0]?.connections.idle).toBeGreaterThan(0);
});

test('an idle connection keeps nothing of the request that was sent again on it', async () => {
  let requests = 0;
  const script = () => {
    requests += 1;
    return requests === 1 ? [answer({ status: 503 })] : [execute(), answer({ body: 'ok' })];
  };
  const { backend } = await backendOf(script, { retryOn: [503] });
  const asked = async () => {
    const { signal } = new AbortController();
    const response = await backend.request({ method: 'PUT', path: '/', body: 'hi', signal });
    await response.body.text();
    return [response.attempts.length, ...[signal, response, response.body].map((one) => new WeakRef<object>(one))];
  };
  const [attempts, ...left] = await asked();
  await until(() => backend.stats().origins[0]?.connections.busy === 0);
  await collectGarbage();
  expect([attempts, left.map((one) => one instanceof WeakRef && one.deref())]).toEqual([2, left.map(() => undefined)]);
  expect(backend.stats().origins[0]?.connections.idle).toBeGreaterThan(0);
});

test('a request without a Host of its own names the origin that it goes to', async () => {
  const origins = [await startOrigin(), await startOrigin()];
  const backend = startBackend(origins, { balance: 'round-robin' });
  for (let sent = 0; sent < 4; sent += 1) await (await backend.request({ path: '/' })).body.text();
  const hosts = origins.map(({ requests }) => [...new Set(requests.map(({ headers }) => headers.host))]);
  expect(hosts).toEqual(origins.map(({ port }) => [`127.0.0.1:${port}`]));
});

test('a destroyed backend rejects with the cause', async () => {
  const backend = new PooledBackend('http://127.0.0.1:1');
  const cause = new Error('mine');
  backend.destroy(cause);
  await expect(backend.request({ path: '/' })).rejects.toMatchObject({ code: 'backend_closed', cause });
});
