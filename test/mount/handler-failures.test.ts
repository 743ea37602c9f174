import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { answer, close, execute, hold, inform, send } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { client, listen, serve, startBackend, startOrigin, until } from './setting.js';

describe('a client that leaves', () => {
  test('gives its connection back, though a listener of the app throws', async () => {
    const origin = await startOrigin({ rules: [{ steps: [hold()] }] });
    const backend = startBackend(origin);
    const handler = backend.handler();
    const server = createServer();
    const came = once(server, 'request');
    const raw = await client(await listen(server));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const [req, res] = await came;
    res.once('close', () => {
      throw new Error('of the app');
    });
    handler(req, res);
    await origin.until(() => origin.requests.length === 1);
    expect(() => res.emit('close')).toThrow('of the app'); // as node:http does
    expect(backend.stats().inFlight).toBe(0);
  });

  test('while its request is queued takes it out of the queue', async () => {
    const origin = await startOrigin({
      script: ({ request }) => (request.path === '/slow' ? [hold(), execute(), answer()] : undefined),
    });
    const backend = startBackend(origin, { maxConnections: 1 });
    const port = await serve(backend.handler());
    const first = await client(port);
    first.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await origin.until(() => origin.requests.length === 1);
    const second = await client(port);
    second.write('GET /queued HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => backend.stats().queue.length === 1);
    second.destroy();
    await until(() => backend.stats().queue.length === 0);
    await origin.release();
    expect((await first.readResponse()).status).toBe(200);
    expect(origin.requests.map((request) => request.path)).toEqual(['/slow']);
  });

  test('during a response ends the exchange', async () => {
    const origin = await startOrigin({
      script: () => [execute(), send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nstart')],
    });
    const backend = startBackend(origin);
    const raw = await client(await serve(backend.handler()));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await raw.bytes(30);
    raw.destroy();
    await origin.until(() => origin.openConnections === 0);
  });

  test('behind another response of its pipeline is noticed too', async () => {
    const origin = await startOrigin({ script: () => [hold(), execute(), answer()] });
    const backend = startBackend(origin);
    const raw = await client(await serve(backend.handler()));
    raw.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await origin.until(() => origin.requests.length === 2);
    raw.destroy();
    await origin.until(() => origin.openConnections === 0);
  });

  test('is noticed for all of a long pipeline by one listener, and Node warns of nothing', async () => {
    const origin = await startOrigin({ script: () => [hold(), execute(), answer()] });
    const backend = startBackend(origin);
    const server = createServer(backend.handler());
    const sockets: Socket[] = [];
    server.on('connection', (socket) => sockets.push(socket));
    const raw = await client(await listen(server));
    raw.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(30));
    await origin.until(() => origin.requests.length === 30);
    expect(sockets[0]?.listenerCount('close')).toBeLessThan(10);
    raw.destroy();
    await origin.until(() => origin.openConnections === 0);
    expect(backend.stats().inFlight).toBe(0);
  });
});

describe('a failure', () => {
  test('is answered with its status and its code, and nothing of the inside', async () => {
    const origin = await startOrigin({ script: () => [execute(), close()] });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\n\r\n');
    const response = await raw.readResponse();
    expect([response.status, response.body.toString()]).toEqual([502, 'connection_terminated\n']);
    expect(response.headers).toMatchObject({
      'proxy-status': 'pooled-backend; error=connection_terminated',
      'content-type': 'text/plain; charset=utf-8',
    });
    expect((await raw.get('/again')).status).toBe(502);
  });

  test('of the queue says when to come again', async () => {
    const origin = await startOrigin({ script: () => [hold(), execute(), answer()] });
    const backend = startBackend(origin, { maxConnections: 1, maxQueue: 1 });
    const port = await serve(backend.handler());
    const first = await client(port);
    first.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await origin.until(() => origin.requests.length === 1);
    (await client(port)).write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => backend.stats().queue.length === 1);
    const response = await (await client(port)).get('/');
    expect([response.status, Number(response.headers['retry-after']) > 0]).toEqual([503, true]);
  });

  test.each([
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['another coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['a host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ])('of a request with %s is 400, also on a lenient server, and nothing is sent', async (_what, bytes) => {
    const origin = await startOrigin();
    const raw = await client(await listen(createServer({ insecureHTTPParser: true }, startBackend(origin).handler())));
    raw.write(bytes);
    expect((await raw.readResponse()).status).toBe(400);
    expect(origin.requests).toEqual([]);
  });

  test('of a hook is 500, and the process goes on', async () => {
    const backend = startBackend(await startOrigin({ script: () => [inform(103), execute(), answer()] }));
    const throwing = () => {
      throw new Error('mine');
    };
    for (const hook of ['rewritePath', 'onRequestFields', 'onResponseFields', 'onInformation', 'idempotent'] as const) {
      const raw = await client(await serve(backend.handler({ [hook]: throwing })));
      const first = await raw.get('/');
      const response = first.status === 103 ? await raw.readResponse() : first;
      expect([hook, response.status, response.body.toString()]).toEqual([hook, 500, 'proxy_internal_error\n']);
    }
  });

  test.each(['idempotent', 'onInformation', 'rewriteLocation'] as const)(
    'of %s that gives a promise is 500: it has to answer at once',
    async (hook) => {
      const origin = await startOrigin({
        script: () => [inform(103), execute(), answer({ fields: { Location: '/' } })],
      });
      const backend = startBackend(origin);
      for (const answer of [async () => false, () => Promise.reject(new Error('mine'))]) {
        const raw = await client(await serve(backend.handler({ [hook]: answer })));
        const first = await raw.get('/');
        const response = first.status === 103 ? await raw.readResponse() : first;
        expect([hook, response.status, response.body.toString()]).toEqual([hook, 500, 'proxy_internal_error\n']);
      }
    },
  );

  test.each([
    ['null', null],
    ['a number', 0],
    ['text', 'no'],
    ['a promise', Promise.resolve(false)],
    ['a promise of its own kind', { then: () => undefined }],
  ])('of idempotent that gives %s is 500: it would not be a no', async (_what, given) => {
    const origin = await startOrigin();
    const backend = startBackend(origin, { idempotent: () => given as never });
    const raw = await client(await serve(backend.handler()));
    expect((await raw.get('/')).status).toBe(500);
    await expect(backend.request({ method: 'POST', path: '/' })).rejects.toMatchObject({
      code: 'proxy_internal_error',
      message: expect.stringMatching(/^the idempotent hook /),
    });
    expect(origin.requests).toEqual([]);
  });

  test.each([
    ['a line break in a value', ['X-Mine', 'a\r\nSet-Cookie: b']],
    ['a space in a name', ['X Mine', 'a']],
    ['a character above latin1', ['X-Mine', '\u0100']],
  ])('of a hook that gives %s is 500, and not the fault of the origin', async (_what, given) => {
    const backend = startBackend(await startOrigin());
    const raw = await client(await serve(backend.handler({ onResponseFields: () => given })));
    const response = await raw.get('/');
    expect([response.status, response.body.toString()]).toEqual([500, 'proxy_internal_error\n']);
  });
  test.each([
    ['an object', { 'X-Mine': 'a' }],
    ['text', 'ab'],
    ['a list of pairs', [['X-Mine', 'a']]],
    ['a list without its last value', ['X-Mine']],
    ['a list as a value', ['X-Mine', ['a', 'b']]],
    ['an empty name', ['', 'a']],
  ])('of a hook that gives %s for fields is 500: none of them is lost in silence', async (_what, given) => {
    const origin = await startOrigin();
    const backend = startBackend(origin);
    for (const hook of ['onRequestFields', 'onResponseFields'] as const) {
      const raw = await client(await serve(backend.handler({ [hook]: () => given as never })));
      const response = await raw.get('/');
      expect([hook, response.status, response.body.toString()]).toEqual([hook, 500, 'proxy_internal_error\n']);
    }
    expect(origin.requests).toHaveLength(1);
  });
});
