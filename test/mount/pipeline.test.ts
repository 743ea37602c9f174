/** Requests that a client sends before it has the answers to those before them. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { answer, execute, hold, inform, reset, type Script, send } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { client, listen, serve, startBackend, startOrigin, until } from './setting.js';

const echo: Script = ({ request }) => [execute(), answer({ body: request.path })];
const holdingFirst: Script = ({ request }) =>
  request.path === '/1' ? [hold(), execute(), answer({ body: '/1' })] : [execute(), answer({ body: request.path })];

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx`;

/** A client in front of an origin that holds what it answers to /1. `handed`: how many requests node:http gave out. */
async function pipelined(prepare: (res: ServerResponse) => void = () => undefined, script = holdingFirst) {
  const origin = await startOrigin({ script });
  const backend = startBackend(origin);
  const handler = backend.handler();
  let handed = 0;
  const server = createServer((req, res) => {
    prepare(res);
    handler(req, res);
    handed += 1;
  });
  const raw = await client(await listen(server));
  return { origin, backend, server, raw, paths: () => origin.requests.map(({ path }) => path), handed: () => handed };
}

describe('in a pipeline', () => {
  test('safe requests are under way at once', async () => {
    const { origin, raw, paths } = await pipelined();
    raw.write(get('/1') + get('/2') + get('/3'));
    await origin.until(() => origin.requests.length === 3);
    expect(paths().sort()).toEqual(['/1', '/2', '/3']);
  });

  test.each([
    ['what changes something waits for the answers before it', get('/1') + post('/2')],
    ['what only asks waits behind what changes something', post('/1') + get('/2')],
    ['what changes something waits for its like', post('/1') + post('/2')],
  ])('%s', async (_what, bytes) => {
    const { origin, backend, raw, paths, handed } = await pipelined();
    raw.write(bytes);
    await until(() => handed() === 2);
    await origin.until(() => origin.requests.length === 1);
    // A second round trip would have brought it there.
    await backend.request({ path: '/between' }).then(({ body }) => body.text());
    expect(paths()).toEqual(['/1', '/between']);
    await origin.release();
    const bodies = [await raw.readResponse(), await raw.readResponse()].map(({ body }) => body.toString());
    expect(bodies).toEqual(['/1', '/2']);
    expect(paths()).toEqual(['/1', '/between', '/2']);
  });

  test('what stands behind one that waits waits as well, and all are answered in order', async () => {
    const { origin, raw, paths, handed } = await pipelined();
    raw.write(get('/1') + post('/2') + get('/3') + post('/4') + get('/5'));
    await until(() => handed() === 5);
    await origin.until(() => origin.requests.length === 1);
    await origin.release();
    const bodies: string[] = [];
    for (let i = 0; i < 5; i++) bodies.push((await raw.readResponse()).body.toString());
    expect(bodies).toEqual(['/1', '/2', '/3', '/4', '/5']);
    expect(paths()).toEqual(['/1', '/2', '/3', '/4', '/5']);
  });

  test('interim responses stay in front of a response that waits with them for the one before', async () => {
    const body = 'b'.repeat(20_000);
    const origin = await startOrigin({
      script: ({ request }) =>
        request.path === '/1'
          ? [hold(), execute(), answer({ body: '/1' })]
          : [execute(), inform(103, { Link: '</b>' }), answer({ body })],
    });
    const backend = startBackend(origin);
    const raw = await client(await serve(backend.handler()));
    raw.write(get('/1') + get('/2'));
    await until(() => backend.stats().origins[0]?.responses['2xx'] === 1 && backend.stats().inFlight === 1);
    await origin.release();
    const seen = [await raw.readResponse(), await raw.readResponse(), await raw.readResponse()];
    expect(seen.map(({ status }) => status)).toEqual([200, 103, 200]);
    expect(seen[2]?.body.toString()).toBe(body);
  });

  test('what waits is never sent when its client leaves', async () => {
    const { origin, backend, raw, paths, handed } = await pipelined();
    raw.write(post('/1') + post('/2'));
    await until(() => handed() === 2);
    await origin.until(() => origin.requests.length === 1);
    raw.destroy();
    await until(() => backend.stats().inFlight === 0);
    await backend.request({ path: '/after' });
    expect(paths()).toEqual(['/1', '/after']);
  });

  test('what waits behind a response that ends the connection is never sent', async () => {
    const { origin, backend, raw, paths, handed } = await pipelined((res) => res.setHeader('Connection', 'close'));
    raw.write(post('/1') + post('/2'));
    await until(() => handed() === 2);
    await origin.until(() => origin.requests.length === 1);
    await origin.release();
    expect((await raw.readResponse()).body.toString()).toBe('/1');
    expect(await raw.ended()).toBe('fin');
    await backend.request({ path: '/after' });
    expect(paths()).toEqual(['/1', '/after']);
  });

  test('nothing is sent of what stands behind a response that is to end the connection', async () => {
    const { backend, raw, paths, handed } = await pipelined((res) => res.setHeader('Connection', 'close'));
    raw.write(get('/2') + get('/3'));
    await until(() => handed() === 2);
    expect((await raw.readResponse()).body.toString()).toBe('/2');
    await backend.request({ path: '/after' }).then(({ body }) => body.text());
    expect(paths()).toEqual(['/2', '/after']);
  });

  test.each([
    ['the app has set', get('/app'), (res: ServerResponse) => void res.setHeader('Connection', 'close').end()],
    [
      'the app has written',
      get('/app'),
      (res: ServerResponse) => void res.writeHead(200, { Connection: 'close' }).end(),
    ],
    ['node:http has written itself, for want of a Host', 'GET /app HTTP/1.1\r\n\r\n', () => undefined],
  ])('nothing is sent of what stands behind an end of the connection that %s', async (_who, first, end) => {
    const { backend, raw, paths } = await pipelined((res) => void (res.req.url === '/app' && end(res)));
    await backend.request({ path: '/before' }).then(({ body }) => body.text()); // what is sent need not wait for a connection
    raw.write(first + get('/2'));
    expect(await raw.ended()).toBe('fin');
    await backend.request({ path: '/after' }).then(({ body }) => body.text());
    expect(paths()).toEqual(['/before', '/after']);
  });

  test('nothing is sent of what comes behind an answer with which the app has ended the connection', async () => {
    const { backend, server, paths, handed } = await pipelined((res) => {
      if (res.req.url === '/app') res.setHeader('Connection', 'close').end();
    });
    // Its end takes as long as the test does.
    const socket = new Duplex({
      read: () => undefined,
      write: (_bytes, _encoding, taken) => taken(),
      final: () => undefined,
    });
    onTestFinished(() => void socket.destroy());
    server.emit('connection', socket);
    socket.push(get('/app'));
    await until(() => socket.writableEnded);
    socket.push(post('/2'));
    await until(() => handed() === 2);
    await backend.request({ path: '/after' }).then(({ body }) => body.text());
    expect(paths()).toEqual(['/after']);
  });

  test.each([
    ['a length', '1.1', 'Content-Length: 9\r\n'],
    ['its connection', '1.0', ''],
  ])(
    'a response by %s that breaks off behind another one ends the connection behind that',
    async (_by, version, field) => {
      const half = [execute(), send(`HTTP/1.1 200 OK\r\n${field}\r\nhalf`), reset()];
      const script: Script = (call) => (call.request.path === '/2' ? half : holdingFirst(call));
      const { origin, backend, raw } = await pipelined(undefined, script);
      const asked = (path: string) => `GET ${path} HTTP/${version}\r\nHost: a\r\nConnection: keep-alive\r\n\r\n`;
      raw.write(asked('/1') + asked('/2'));
      await until(() => origin.requests.length === 2 && backend.stats().inFlight === 1);
      await origin.release();
      expect((await raw.readResponse()).body.toString()).toBe('/1');
      await raw.ended();
      expect(raw.unread.toString()).toBe('');
    },
  );

  test('what the app has answered behind another one is sent, although the request fails later', async () => {
    const breaking: Script = (call) => (call.request.path === '/2' ? [hold('2'), reset()] : holdingFirst(call));
    const ended: ServerResponse[] = [];
    const { origin, backend, raw } = await pipelined((res) => void ended.push(res), breaking);
    const failed = once(backend, 'fail');
    raw.write(get('/1') + get('/2'));
    await origin.until(() => origin.requests.length === 2);
    ended[1]?.end('by the app');
    await origin.release('2');
    await failed;
    await origin.release();
    const bodies = [await raw.readResponse(), await raw.readResponse()].map(({ body }) => body.toString());
    expect(bodies).toEqual(['/1', 'by the app']);
  });

  test('a hundred safe ones behind the first are under way at once, and those behind them wait', async () => {
    const { origin, backend, raw, handed } = await pipelined();
    raw.write(Array.from({ length: 150 }, (_, index) => get(`/${index + 1}`)).join(''));
    await until(() => handed() === 150);
    await origin.until(() => origin.requests.length === 101);
    // A second round trip would have brought the next one there.
    await backend.request({ path: '/between' }).then(({ body }) => body.text());
    expect([origin.requests.length, backend.stats().queue.length]).toEqual([102, 0]);
    await origin.release();
    const bodies: string[] = [];
    for (let i = 0; i < 150; i++) bodies.push((await raw.readResponse()).body.toString());
    expect(bodies).toEqual(Array.from({ length: 150 }, (_, index) => `/${index + 1}`));
    raw.write(get('/151') + get('/152'));
    expect([(await raw.readResponse()).status, (await raw.readResponse()).status]).toEqual([200, 200]);
  });

  test.each([
    ['those before them', get('/first')],
    ['what changes something', post('/first')],
  ])('those who wait behind %s go on side by side as soon as there is room', async (_what, first) => {
    // Each is held until the last is at the origin: one after the other they would never be answered.
    const last = 150;
    const origin = await startOrigin({
      script: ({ request }) =>
        Number(request.path.slice(1)) > 100
          ? [hold(), execute(), answer({ body: request.path })]
          : [execute(), answer({ body: request.path })],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write(first + Array.from({ length: last }, (_, index) => get(`/${index + 1}`)).join(''));
    await origin.until(() => origin.requests.length === last + 1);
    await origin.release();
    const bodies: string[] = [];
    for (let i = 0; i <= last; i++) bodies.push((await raw.readResponse()).body.toString());
    expect(bodies).toEqual(['/first', ...Array.from({ length: last }, (_, index) => `/${index + 1}`)]);
  });

  test('more than a thousand do not wait: the next gets 503, and is the last', async () => {
    const { origin, raw, handed } = await pipelined();
    raw.write(Array.from({ length: 1005 }, (_, index) => post(`/${index + 1}`)).join(''));
    await until(() => handed() === 1005);
    await origin.until(() => origin.requests.length === 1);
    await origin.release();
    const statuses: number[] = [];
    for (let i = 0; i < 1002; i++) statuses.push((await raw.readResponse()).status);
    expect(statuses).toEqual([...Array(1001).fill(200), 503]);
    expect(await raw.ended()).toBe('fin');
    expect(origin.requests.length).toBe(1001);
  });

  test('what waits goes on in its own asynchronous context', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const origin = await startOrigin({ script: echo });
    const handler = startBackend(origin).handler({
      onRequestFields: (fields) => {
        seen.push(storage.getStore());
        return fields;
      },
    });
    const raw = await client(await serve((req, res) => storage.run(req.url ?? '', () => handler(req, res))));
    raw.write(post('/1') + post('/2') + get('/3'));
    for (let i = 0; i < 3; i++) await raw.readResponse();
    expect(seen).toEqual(['/1', '/2', '/3']);
  });

  test('an upgrade that waits goes on in its own asynchronous context', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const backend = startBackend(await startOrigin({ script: echo }));
    backend.on('attempt', ({ path }) => seen.push([path, storage.getStore()]));
    const [handle, upgrade] = [backend.handler(), backend.upgradeHandler()];
    const server = createServer((req, res) => storage.run('plain', () => handle(req, res)));
    server.on('upgrade', (req, socket, head) => storage.run('upgrade', () => upgrade(req, socket, head)));
    const raw = await client(await listen(server));
    raw.write(`${get('/1')}GET /2 HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n`);
    for (let i = 0; i < 2; i++) await raw.readResponse();
    expect(seen).toEqual([
      ['/1', 'plain'],
      ['/2', 'upgrade'],
    ]);
  });

  test.each(['websocket', 'h2c'])(
    'a long response in front of an offer of %s reaches a slow client whole',
    async (protocol) => {
      const big = 16 * 1024 * 1024;
      const origin = await startOrigin({
        script: ({ request }) => [execute(), answer({ body: request.path === '/1' ? Buffer.alloc(big, 'x') : '/2' })],
      });
      const backend = startBackend(origin);
      const server = createServer(backend.handler()).on('upgrade', backend.upgradeHandler());
      const raw = await client(await listen(server));
      raw.socket.pause();
      raw.write(get('/1') + get('/2').replace('\r\n\r\n', `\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`));
      await until(() => backend.stats().spool.bytes >= 262_144);
      raw.socket.resume();
      expect((await raw.readResponse()).body.length).toBe(big);
      expect((await raw.readResponse()).body.toString()).toBe('/2');
    },
  );

  test('a client that leaves while its upgrade waits for its turn ends what was before it', async () => {
    const origin = await startOrigin({ script: holdingFirst });
    const backend = startBackend(origin);
    const server = createServer(backend.handler()).on('upgrade', backend.upgradeHandler());
    const raw = await client(await listen(server));
    raw.write(get('/1') + get('/2').replace('\r\n\r\n', '\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'));
    await origin.until(() => origin.requests.length === 1);
    raw.destroy();
    await until(() => backend.stats().inFlight === 0);
    expect(backend.stats().origins[0]).toMatchObject({ requests: 1, aborted: { unknown: 1 } });
  });
});
