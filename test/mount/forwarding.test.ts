import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { answer, execute, inform } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { client, listen, serve, startBackend, startOrigin } from './setting.js';

const SPOOFED =
  'GET / HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 203.0.113.8\r\nX-Forwarded-Proto: https\r\n' +
  'X-Forwarded-Prefix: /x\r\nForwarded: for=203.0.113.9\r\n\r\n';

describe('what a client says of where it comes from', () => {
  test('is dropped unless it is trusted', async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write(SPOOFED);
    await raw.readResponse();
    expect(origin.requests[0]?.rawHeaders.slice(4)).toEqual([
      ...['X-Forwarded-For', '127.0.0.1', 'X-Forwarded-Proto', 'http'],
      ...['X-Forwarded-Host', 'shop.test', 'X-Forwarded-Port', '80', 'Connection', 'keep-alive'],
    ]);
  });

  test.each([['127.0.0.0/8'], ['127.0.0.1']])('is kept and extended when %s is trusted', async (trusted) => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler({ trustProxy: [trusted] })));
    raw.write(SPOOFED);
    await raw.readResponse();
    expect(origin.requests[0]?.headers).toMatchObject({
      'x-forwarded-for': '203.0.113.9, 203.0.113.8, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '443',
      'x-forwarded-prefix': '/x',
      forwarded: 'for=203.0.113.9',
    });
  });

  test('is dropped when only others are trusted', async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler({ trustProxy: ['10.0.0.0/8', '::1'] })));
    raw.write(SPOOFED);
    await raw.readResponse();
    expect(origin.requests[0]?.headers['x-forwarded-for']).toBe('127.0.0.1');
  });

  test('goes in one field with forwarded: rfc7239', async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler({ forwarded: 'rfc7239' })));
    raw.write(SPOOFED);
    await raw.readResponse();
    expect(origin.requests[0]?.rawHeaders.slice(4, -2)).toEqual([
      'Forwarded',
      'for=127.0.0.1;host=shop.test;proto=http',
    ]);
  });

  test('is dropped and not replaced with forwarded: false', async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler({ forwarded: false })));
    raw.write(SPOOFED);
    await raw.readResponse();
    expect(origin.requests[0]?.rawHeaders).toEqual([
      'Host',
      'shop.test',
      'Via',
      '1.1 pooled-backend',
      'Connection',
      'keep-alive',
    ]);
  });
});

describe('the Host field', () => {
  test("is the origin's with host: origin", async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler({ host: 'origin' })));
    await raw.get('/', { Host: 'shop.test' });
    expect(origin.requests[0]?.headers).toMatchObject({
      host: new URL(origin.url).host,
      'x-forwarded-host': 'shop.test',
    });
  });

  test('gives way to the authority of an absolute target', async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('GET http://real.test:81/a?b HTTP/1.1\r\nHost: other.test\r\n\r\n');
    await raw.readResponse();
    expect(origin.requests[0]).toMatchObject({
      path: '/a?b',
      headers: { host: 'real.test:81', 'x-forwarded-host': 'real.test:81' },
    });
  });

  test("is the origin's when the client sent none", async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('GET / HTTP/1.0\r\n\r\n');
    await raw.readResponse();
    expect(origin.requests[0]?.headers).toMatchObject({ host: new URL(origin.url).host, via: '1.0 pooled-backend' });
    expect(origin.requests[0]?.headers).not.toHaveProperty('x-forwarded-host');
  });
});

test('an offered upgrade that nobody takes is not passed on', async () => {
  const origin = await startOrigin();
  const raw = await client(await serve(startBackend(origin).handler()));
  raw.write(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
  );
  expect((await raw.readResponse()).status).toBe(200);
  const { headers } = origin.requests[0] ?? {};
  expect([headers?.upgrade, headers?.['http2-settings'], headers?.connection]).toEqual([
    undefined,
    undefined,
    'keep-alive',
  ]);
});

describe('a 426 says which protocol it asks for', () => {
  const answering426 = () => {
    const fields = { Upgrade: 'newer/2', Connection: 'Upgrade' };
    return startOrigin({ script: () => [execute(), answer({ status: 426, fields, body: 'no' })] });
  };

  test.each([
    ['keeps its connection', {}, 'Upgrade'],
    ['ends its connection', { Connection: 'close' }, 'Upgrade, close'],
  ])('to a client that %s', async (_, asked, connection) => {
    const handler = startBackend(await answering426()).handler();
    const plain = await client(await serve(handler));
    const touched = await client(await serve((req, res) => handler(req, res.setHeader('X-Set', 'before'))));
    for (const raw of [plain, touched]) {
      const { status, headers } = await raw.get('/', asked);
      expect(status).toBe(426);
      expect([headers.upgrade, headers.connection]).toEqual(['newer/2', connection]);
      if (connection === 'Upgrade') expect((await raw.get('/again')).status).toBe(426);
      else expect(await raw.ended()).toBe('fin');
    }
  });

  test('to the last request that the server takes on a connection', async () => {
    const server = createServer(startBackend(await answering426()).handler());
    server.maxRequestsPerSocket = 1;
    const raw = await client(await listen(server));
    expect((await raw.get('/')).headers.connection).toBe('Upgrade, close');
    expect(await raw.ended()).toBe('fin');
  });

  test('but not over HTTP/2, which has no such field', async () => {
    const server = createHttp2Server(startBackend(await answering426()).handler());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':path': '/' });
    const [headers] = await once(stream.resume(), 'response');
    expect([headers[':status'], headers.upgrade]).toEqual([426, undefined]);
  });
});

test('TE says trailers when the client did, and nothing else', async () => {
  const origin = await startOrigin();
  const raw = await client(await serve(startBackend(origin).handler()));
  await raw.get('/', { TE: 'gzip, trailers', Connection: 'TE' });
  await raw.get('/', { TE: 'gzip', Connection: 'TE' });
  expect(origin.requests.map((request) => request.headers.te)).toEqual(['trailers', undefined]);
});

test('a field that Connection names is gone, even Host and Content-Length do not come to harm', async () => {
  const origin = await startOrigin();
  const raw = await client(await serve(startBackend(origin).handler()));
  raw.write(
    'POST / HTTP/1.1\r\nHost: a.test\r\nConnection: host, content-length, cookie\r\nCookie: c=1\r\nContent-Length: 2\r\n\r\nhi',
  );
  expect((await raw.readResponse()).status).toBe(200);
  expect(origin.requests[0]?.headers).toMatchObject({ host: 'a.test', 'content-length': '2' });
  expect(origin.requests[0]?.headers).not.toHaveProperty('cookie');
});

test('a POST and a QUERY without a body say Content-Length: 0, a GET says nothing', async () => {
  const origin = await startOrigin();
  const raw = await client(await serve(startBackend(origin).handler()));
  for (const method of ['POST', 'QUERY', 'GET']) {
    raw.write(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    await raw.readResponse();
  }
  expect(origin.requests.map((request) => request.headers['content-length'])).toEqual(['0', '0', undefined]);
});

test('a path that climbs is left alone, unless it is rewritten', async () => {
  const origin = await startOrigin();
  const backend = startBackend(origin);
  expect((await (await client(await serve(backend.handler()))).get('/a/../b')).status).toBe(200);
  const rewriting = await client(await serve(backend.handler({ rewritePath: (path) => `/v2${path}` })));
  expect((await rewriting.get('/a/../b')).status).toBe(400);
  expect(origin.requests.map((request) => request.path)).toEqual(['/a/../b']);
});

test('CONNECT is 501', async () => {
  const handler = startBackend(await startOrigin()).handler();
  const server = createServer((req, res) => {
    req.method = 'CONNECT'; // node:http has an event of its own for the real one
    handler(req, res);
  });
  expect((await (await client(await listen(server))).get('/')).status).toBe(501);
});

test('over HTTP/2 pseudo-fields stay behind, and Cookie is one field again', async () => {
  const origin = await startOrigin({
    script: () => [inform(103), execute(), answer({ status: 201, reason: 'Made', body: 'ok' })],
  });
  const server = createHttp2Server(startBackend(origin).handler());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ':path': '/a?b',
    ':authority': 'shop.test',
    cookie: ['a=1', 'b=2'],
    'x-forwarded-for': '1.2.3.4',
  });
  const status = await new Promise((resolve) =>
    stream.on('response', (headers) => resolve(headers[':status'])).resume(),
  );
  expect(status).toBe(201);
  expect(origin.requests[0]?.rawHeaders).toEqual([
    ...['Host', 'shop.test', 'cookie', 'a=1; b=2', 'Via', '2.0 pooled-backend'],
    ...[
      'X-Forwarded-For',
      '127.0.0.1',
      'X-Forwarded-Proto',
      'http',
      'X-Forwarded-Host',
      'shop.test',
      'X-Forwarded-Port',
      '80',
      'Connection',
      'keep-alive',
    ],
  ]);
});

test("hooks and events of the response run in their own requester's context", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: string[] = [];
  const note = (what: string, url: string | undefined) => seen.push(`${url} ${what} ${storage.getStore()}`);
  const origin = await startOrigin({ script: () => [inform(103), execute(), answer({ body: 'ok' })] });
  const handler = startBackend(origin, { maxConnections: 1 }).handler({
    onInformation: (_information, req) => void note('interim', req.url),
    onResponseFields: (_fields, req) => void note('head', req.url),
  });
  const port = await serve((req, res) => {
    storage.run(`of ${req.url}`, () => {
      res.on('finish', () => note('finish', req.url));
      handler(req, res);
    });
  });
  const paths = ['/1', '/2', '/3'];
  await Promise.all(
    paths.map(async (path) => {
      const raw = await client(port);
      await raw.get(path);
      return raw.readResponse();
    }),
  );
  const expected = paths.flatMap((path) => ['finish', 'head', 'interim'].map((what) => `${path} ${what} of ${path}`));
  expect(seen.sort()).toEqual(expected);
});

test.each([
  ['of a length that was told', 'Content-Length: 4', 'body'],
  ['in chunks', 'Transfer-Encoding: chunked', '4\r\nbody\r\n0\r\n\r\n'],
  ['in chunks that are more than is held', 'Transfer-Encoding: chunked', `${'1\r\nb\r\n'.repeat(20_000)}0\r\n\r\n`],
])("events of a request with a body are told in its requester's context, %s", async (_how, framing, body) => {
  const storage = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const backend = startBackend(await startOrigin());
  for (const name of ['attempt', 'attemptEnd', 'request'] as const)
    backend.on(name, () => seen.push(storage.getStore()));
  const handle = backend.handler();
  const raw = await client(await serve((req, res) => storage.run('mine', () => handle(req, res))));
  raw.write(`POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
  raw.write(body);
  expect((await raw.readResponse()).status).toBe(200);
  expect(seen).toEqual(['mine', 'mine', 'mine']);
});
