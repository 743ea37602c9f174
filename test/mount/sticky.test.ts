/** A session that lives in one origin: the cookie by which its client finds it again, through every mount. */

import { once } from 'node:events';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import type { HandlerOptions, PooledBackend } from 'pooled-backend';
import { fastifyPooledBackend } from 'pooled-backend/fastify';
import { createProxyMiddleware } from 'pooled-backend/http-proxy-middleware';
import { answer, execute, type ScriptedOrigin } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { client, serve, startBackend, startOrigin } from './setting.js';
import { asking, rawUpgradeOrigin, startFront, switching } from './upgrade-setting.js';

const STICKY = { cookie: 'at' };

/** Two origins that tell their number. */
async function twoOrigins(): Promise<[ScriptedOrigin, ScriptedOrigin]> {
  const origin = (body: string) => startOrigin({ script: () => [execute(), answer({ body })] });
  return [await origin('0'), await origin('1')];
}

async function front(
  options: HandlerOptions = {},
  mounted = (backend: PooledBackend) => serve(backend.handler(options)),
) {
  const origins = await twoOrigins();
  const backend = startBackend(origins, { sticky: STICKY, balance: 'round-robin' });
  return { origins, backend, asked: await client(await mounted(backend)) };
}

type Asked = Awaited<ReturnType<typeof client>>;

/** Who answered, and the cookie that came with it, without its attributes. */
async function ask(asked: Asked, cookie?: string): Promise<{ by: string; cookie: string | undefined }> {
  const { body, headers } = await asked.get('/', cookie === undefined ? {} : { Cookie: cookie });
  return { by: String(body), cookie: headers['set-cookie']?.split(';', 1)[0] };
}

/** All who answer a client that sends its cookie, the first time without one. */
async function session(asked: Asked): Promise<string[]> {
  const first = await ask(asked);
  const later = [];
  for (let sent = 0; sent < 4; sent += 1) later.push(await ask(asked, first.cookie));
  expect(later.map(({ cookie }) => cookie)).toEqual([undefined, undefined, undefined, undefined]);
  return [first, ...later].map(({ by }) => by);
}

describe('each request of a client goes to the origin that answered the first', () => {
  const mounts: Record<string, (backend: PooledBackend) => Promise<number>> = {
    'node:http': (backend) => serve(backend.handler()),
    Express: (backend) => serve(express().use('/', backend.handler())),
    Fastify: async (backend) => {
      const server = fastify();
      onTestFinished(() => server.close());
      await server.register(fastifyPooledBackend, { backend });
      await server.listen({ port: 0, host: '127.0.0.1' });
      return (server.server.address() as AddressInfo).port;
    },
  };

  test.each(Object.keys(mounts))('%s', async (name) => {
    const { asked } = await front({}, mounts[name]);
    const one = await session(asked);
    const two = await session(asked);
    expect([new Set(one).size, new Set(two).size]).toEqual([1, 1]);
  });

  test('HTTP/2, where cookies come one by one', async () => {
    const { backend, origins } = await front();
    const server = createHttp2Server(backend.handler());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const asked = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(() => asked.destroy());
    const get = async (fields: Record<string, string | string[]>) => {
      const stream = asked.request({ ':path': '/', ...fields });
      const [headers] = await once(stream, 'response');
      let body = '';
      for await (const bytes of stream) body += bytes;
      return { body, cookie: String(headers['set-cookie'] ?? '').split(';', 1)[0] ?? '' };
    };
    const first = await get({});
    const later = [];
    for (let sent = 0; sent < 3; sent += 1) later.push(await get({ cookie: ['a=1', first.cookie] }));
    expect(later.map(({ body, cookie }) => [body, cookie])).toEqual(later.map(() => [first.body, '']));
    const seen = origins.flatMap(({ requests }) => requests.map(({ headers }) => headers.cookie));
    expect(new Set(seen)).toEqual(new Set([undefined, 'a=1']));
  });

  test('a handshake of WebSocket carries the cookie, and its 101 sets it', async () => {
    const port = await rawUpgradeOrigin((socket) => void socket.write(switching('echo')));
    const { backend, port: frontPort } = await startFront(port, { backend: { sticky: STICKY } });
    const first = await client(frontPort);
    first.write(asking('echo'));
    const { status, headers } = await first.readResponse();
    expect([status, headers['cache-control']]).toEqual([101, 'private']);
    const cookie = headers['set-cookie']?.split(';', 1)[0] ?? '';
    const other = await rawUpgradeOrigin((socket) => void socket.write(switching('other')));
    backend.origins.add({ url: `http://127.0.0.1:${other}`, weight: 256 });
    const second = await client(frontPort);
    second.write(asking('echo').replace('\r\n\r\n', `\r\nCookie: ${cookie}\r\n\r\n`));
    const answered = await second.readResponse();
    expect([answered.headers.upgrade, answered.headers['set-cookie']]).toEqual(['echo', undefined]);
  });
});

test('the cookie has all that keeps it from scripts, other sites and caches, and the origin never sees it', async () => {
  const { asked, origins } = await front();
  const { headers } = await asked.get('/');
  const set = headers['set-cookie'] ?? '';
  expect(set).toMatch(/^at=[0-9a-f]{16}; Path=\/; HttpOnly; SameSite=Lax$/);
  expect(headers['cache-control']).toBe('private');
  await asked.get('/', { Cookie: `a=1; ${set.split(';', 1)[0]}; b=2` });
  expect(origins.flatMap(({ requests }) => requests.map((one) => one.headers.cookie))).toEqual(
    expect.arrayContaining([undefined, 'a=1; b=2']),
  );
});

test.each(['', 'forged', '0123456789abcdef'])('a cookie that says %j is as good as none', async (value) => {
  const { asked } = await front();
  const [first, second] = [await ask(asked, `at=${value}`), await ask(asked, `at=${value}`)];
  expect([first.cookie, second.cookie].filter((cookie) => /^at=[0-9a-f]{16}$/.test(cookie ?? ''))).toHaveLength(2);
  expect([first.cookie, second.cookie]).not.toContain(`at=${value}`);
});

describe('when its origin takes no requests', () => {
  const ends: Record<string, (backend: PooledBackend, url: string) => unknown> = {
    'is drained': (backend, url) => backend.origins.drain(url),
    'is gone': (backend, url) => backend.origins.remove(url),
  };

  test.each(Object.keys(ends))('because it %s, the client goes to another, and stays there', async (name) => {
    const { asked, backend, origins } = await front();
    const before = await ask(asked);
    await ends[name]?.(backend, origins[Number(before.by)]?.url ?? '');
    const moved = await ask(asked, before.cookie);
    const after = await ask(asked, moved.cookie);
    expect([moved.by, after]).toEqual([before.by === '0' ? '1' : '0', { by: moved.by, cookie: undefined }]);
  });

  test('because it refuses connections, a GET is answered by another all the same', async () => {
    const { asked, origins } = await front();
    const before = await ask(asked);
    const home = origins[Number(before.by)];
    await home?.stopListening('reset');
    const moved = await ask(asked, before.cookie);
    expect([moved.by !== before.by, moved.cookie !== before.cookie]).toEqual([true, true]);
  });

  test('because it has weight 0, those that it has stay, and new ones go elsewhere', async () => {
    const { asked, backend, origins } = await front();
    const before = await ask(asked);
    backend.origins.setWeight(origins[Number(before.by)]?.url ?? '', 0);
    const others = [await ask(asked), await ask(asked)];
    const same = await ask(asked, before.cookie);
    expect([same.by === before.by, ...others.map(({ by }) => by === before.by)]).toEqual([true, false, false]);
  });
});

test('hooks see requests without the cookie, and responses with it', async () => {
  const seen: string[][] = [];
  const { asked } = await front({
    onRequestFields: (fields) => {
      seen.push(fields.filter((_, index) => fields[index - 1]?.toLowerCase() === 'cookie'));
      return fields;
    },
    onResponseFields: (fields) => fields.map((one) => (one === 'Set-Cookie' ? 'X-Set' : one)),
    cookiePathRewrite: { '/': '/elsewhere' },
  });
  const { headers } = await asked.get('/');
  const [cookie = ''] = (headers['x-set'] ?? '').split(';', 1);
  await asked.get('/', { Cookie: cookie });
  expect([headers['set-cookie'], headers['x-set']]).toEqual([undefined, `${cookie}; Path=/; HttpOnly; SameSite=Lax`]);
  expect(seen).toEqual([[], []]);
});

test('update() turns it on, and off, for mounts that are there', async () => {
  const backend = startBackend(await twoOrigins());
  const asked = await client(await serve(backend.handler()));
  const cookies = [(await ask(asked)).cookie];
  for (const sticky of [STICKY, false] as const) {
    await backend.update({ sticky });
    cookies.push((await ask(asked)).cookie);
  }
  expect(cookies).toEqual([undefined, expect.stringMatching(/^at=/), undefined]);
});

test('backend.request() sends fields as they are, and gets responses as they are', async () => {
  const { asked, backend, origins } = await front();
  const { cookie = '' } = await ask(asked);
  const { headers, body } = await backend.request({ path: '/', headers: { Cookie: cookie } });
  await body.text();
  expect(headers['set-cookie']).toBeUndefined();
  expect(origins.flatMap(({ requests }) => requests.map((one) => one.headers.cookie))).toContain(cookie);
});

test('a middleware that was made for http-proxy-middleware sets it, too', async () => {
  const [origin] = await twoOrigins();
  const middleware = createProxyMiddleware({ target: origin.url, backend: { sticky: STICKY } });
  onTestFinished(() => middleware.close());
  const asked = await client(await serve(express().use(middleware)));
  const { cookie = '' } = await ask(asked);
  expect([cookie, await ask(asked, cookie)]).toEqual([expect.stringMatching(/^at=/), { by: '0', cookie: undefined }]);
  expect(origin.requests.map((one) => one.headers.cookie)).toEqual([undefined, undefined]);
});
