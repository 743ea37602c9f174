import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { HandlerOptions, Information } from 'pooled-backend';
import { answer, close, execute, hold, inform, send } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { client, listen, serve, startBackend, startOrigin, until } from './setting.js';

/** The values of a field in a raw list. */
function valuesOf(raw: readonly string[], name: string): string[] {
  return raw.flatMap((item, index) => (index % 2 === 1 && raw[index - 1]?.toLowerCase() === name ? [item] : []));
}

describe('a request', () => {
  test('reaches the origin with its fields in order and case, and the client is named', async () => {
    const origin = await startOrigin();
    const port = await serve(startBackend(origin).handler());
    const raw = await client(port);
    raw.write(
      'GET /a%20b?c=d HTTP/1.1\r\nHost: shop.test:81\r\nX-b: 1\r\nx-A: \xe9\r\nX-B: 2\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n',
    );
    expect((await raw.readResponse()).status).toBe(200);
    expect(origin.requests[0]?.path).toBe('/a%20b?c=d');
    expect(origin.requests[0]?.rawHeaders).toEqual([
      ...['Host', 'shop.test:81', 'X-b', '1', 'x-A', '\xe9', 'X-B', '2', 'Via', '1.1 pooled-backend'],
      ...['X-Forwarded-For', '127.0.0.1', 'X-Forwarded-Proto', 'http'],
      ...['X-Forwarded-Host', 'shop.test:81', 'X-Forwarded-Port', '81', 'Connection', 'keep-alive'],
    ]);
  });

  test('with Content-Length is sent whole', async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    expect((await raw.readResponse()).status).toBe(200);
    expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toBe('hello');
    expect(origin.requests[0]?.headers['content-length']).toBe('5');
  });

  test('that is chunked and small has its length by then', async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n');
    raw.write('2\r\nlo\r\n0\r\n\r\n');
    expect((await raw.readResponse()).status).toBe(200);
    expect(origin.requests[0]?.headers['content-length']).toBe('5');
    expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toBe('hello');
  });

  test('longer than requestBufferBytes is streamed, what was read of it first', async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler({ requestBufferBytes: 4 })));
    raw.write('POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n');
    await origin.until(() => Buffer.from(origin.requests[0]?.body ?? []).toString() === 'hello');
    raw.write('1\r\n!\r\n0\r\n\r\n');
    expect((await raw.readResponse()).status).toBe(200);
    expect(origin.requests[0]?.headers['transfer-encoding']).toBe('chunked');
    expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toBe('hello!');
  });

  test('with trailers has them as trailers, whether it is streamed or buffered', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin);
    for (const requestBufferBytes of [65_536, false] as const) {
      const raw = await client(await serve(backend.handler({ requestBufferBytes })));
      raw.write(
        'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\nHost: b\r\n\r\n',
      );
      expect((await raw.readResponse()).status).toBe(200);
    }
    expect(origin.requests.map((request) => request.rawTrailers)).toEqual([
      ['X-Sum', '1'],
      ['X-Sum', '1'],
    ]);
    expect(origin.requests.map((request) => request.headers['x-sum'])).toEqual([undefined, undefined]);
  });

  test('is not dispatched before its body is complete', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin);
    const raw = await client(await serve(backend.handler()));
    raw.write('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel');
    const other = await client(await serve(backend.handler()));
    expect((await other.get('/other')).status).toBe(200);
    expect(origin.requests.map((request) => request.path)).toEqual(['/other']);
    raw.write('lo');
    expect((await raw.readResponse()).status).toBe(200);
  });

  test('of a client that leaves during its body is never dispatched', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin);
    const gone = new Promise<void>((resolve) => {
      const handler = backend.handler();
      void listen(
        createServer((req, res) => {
          res.on('close', resolve);
          handler(req, res);
        }),
      ).then(async (port) => {
        const raw = await client(port);
        raw.write('POST /gone HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel');
        raw.end();
        raw.destroy();
      });
    });
    await gone;
    expect((await backend.request({ path: '/after' })).statusCode).toBe(200);
    expect(origin.requests.map((request) => request.path)).toEqual(['/after']);
  });

  test('that somebody else has begun to answer is not sent: nobody would get the answer', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin);
    const handler = backend.handler();
    const server = createServer((req, res) => {
      res.writeHead(200, { 'Content-Length': 4 });
      handler(req, res);
      void backend.request({ path: '/after' }).then(() => res.end('mine'));
    });
    const raw = await client(await listen(server));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    expect((await raw.readResponse()).body.toString()).toBe('mine');
    expect(origin.requests.map((request) => request.path)).toEqual(['/after']);
  });

  test('is sent once when it comes to a second mount, which serves it when the first has failed', async () => {
    const origin = await startOrigin();
    const [one, other, closed] = [startBackend(origin), startBackend(origin), startBackend(origin)];
    closed.destroy();
    const [first, second, failing] = [one.handler(), other.handler(), closed.handler()];
    const server = createServer((req, res) => {
      if (req.url === '/failed') failing(req, res, () => second(req, res));
      else {
        first(req, res);
        second(req, res);
      }
    });
    const raw = await client(await listen(server));
    raw.write('POST /once HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    expect((await raw.readResponse()).status).toBe(200);
    expect((await raw.get('/failed')).status).toBe(200);
    expect(origin.requests.map((request) => request.path)).toEqual(['/once', '/failed']);
  });
});

describe('a request that comes to a second mount while the first has it', () => {
  async function twoMounts(options: HandlerOptions = {}) {
    const [stuck, origin] = [await startOrigin({ script: () => [hold(), execute(), answer()] }), await startOrigin()];
    const [one, other] = [startBackend(stuck), startBackend(origin)];
    const [first, second] = [one.handler(options), other.handler()];
    let goOn = () => {};
    const raw = await client(
      await serve((req, res) => {
        first(req, res);
        goOn = () => second(req, res);
      }),
    );
    return { stuck, origin, one, raw, goOn: () => goOn() };
  }

  test('is served by the second if it only asks, as by the error handler behind a time limit of the app', async () => {
    const { stuck, origin, one, raw, goOn } = await twoMounts();
    raw.write('GET /asks HTTP/1.1\r\nHost: a\r\n\r\n');
    await stuck.until(() => stuck.requests.length === 1);
    goOn();
    expect((await raw.readResponse()).status).toBe(200);
    expect(origin.requests.map(({ path }) => path)).toEqual(['/asks']);
    expect(one.stats()).toMatchObject({ inFlight: 0 });
  });

  test.each<[string, string, HandlerOptions]>([
    ['by its method', 'POST', {}],
    ['as its owner may say', 'GET', { idempotent: () => false }],
  ])('is left to the first if it changes something, %s', async (_how, method, options) => {
    const { stuck, origin, raw, goOn } = await twoMounts(options);
    raw.write(`${method} /changes HTTP/1.1\r\nHost: a\r\n${method === 'POST' ? 'Content-Length: 0\r\n' : ''}\r\n`);
    await stuck.until(() => stuck.requests.length === 1);
    goOn();
    await stuck.release();
    expect((await raw.readResponse()).status).toBe(200);
    expect(origin.requests).toEqual([]);
  });
});

describe('a response', () => {
  test('has its fields in order and case, cookies one by one, and no hop-by-hop field', async () => {
    const fields = {
      'Set-Cookie': ['a=1', 'b=2'],
      'X-Two': ['1', '2'],
      'x-lower': '\xfc',
      Connection: 'x-hop',
      'X-Hop': '1',
      'Proxy-Authenticate': 'Basic',
    };
    const origin = await startOrigin({
      script: () => [execute(), answer({ status: 299, reason: 'All \xe9', fields, body: 'ok' })],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    const response = await raw.get('/');
    expect([response.status, response.reason, response.body.toString()]).toEqual([299, 'All \xe9', 'ok']);
    expect(valuesOf(response.rawHeaders, 'set-cookie')).toEqual(['a=1', 'b=2']);
    expect(valuesOf(response.rawHeaders, 'x-two')).toEqual(['1', '2']);
    expect(response.rawHeaders).toContain('x-lower');
    expect(response.headers).toMatchObject({ via: '1.1 pooled-backend', 'x-lower': '\xfc', 'content-length': '2' });
    expect(valuesOf(response.rawHeaders, 'date')).toHaveLength(1);
    for (const name of ['x-hop', 'proxy-authenticate']) expect(response.headers).not.toHaveProperty(name);
  });

  test('that is chunked stays so, trailers included', async () => {
    const origin = await startOrigin({
      script: () => [
        execute(),
        answer({
          framing: 'chunked',
          body: ['he', 'llo'],
          fields: { Trailer: 'X-Sum' },
          trailers: { 'X-Sum': ['1', '\xe9'], Vary: 'a' },
        }),
      ],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    const response = await raw.get('/');
    expect([response.body.toString(), response.headers.trailer]).toEqual(['hello', 'X-Sum']);
    expect(response.rawTrailers).toEqual(['X-Sum', '1', 'X-Sum', '\xe9']);
  });

  test('to HEAD, 304 and 204 has no body but the length that it tells', async () => {
    const origin = await startOrigin({
      script: ({ request }) => [
        execute(),
        answer({ status: Number(request.path.slice(1)), framing: 'none', fields: { 'Content-Length': '7' } }),
      ],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await raw.readResponse({ toHead: true })).headers['content-length']).toBe('7');
    expect((await raw.get('/304')).headers['content-length']).toBe('7');
    expect((await raw.get('/204')).headers).not.toHaveProperty('content-length');
  });

  test('that ends with its connection is chunked for HTTP/1.1 and ends so for HTTP/1.0', async () => {
    const origin = await startOrigin({
      script: () => [execute(), answer({ framing: 'until-close', body: 'all' }), close()],
    });
    const port = await serve(startBackend(origin).handler());
    const raw = await client(port);
    const response = await raw.get('/');
    expect([response.headers['transfer-encoding'], response.body.toString()]).toEqual(['chunked', 'all']);
    const old = await client(port);
    old.write('GET / HTTP/1.0\r\n\r\n');
    expect((await old.readResponse()).body.toString()).toBe('all');
  });

  test('follows its interim responses, in order', async () => {
    const origin = await startOrigin({
      script: () => [
        inform(103, { Link: '</a>; rel=preload' }),
        inform(142, { 'X-a': '\xe9' }),
        execute(),
        answer({ body: 'ok' }),
      ],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    const [hints, unknown, final] = [await raw.get('/'), await raw.readResponse(), await raw.readResponse()];
    expect([hints.status, hints.headers.link, unknown.status, unknown.rawHeaders, final.status]).toEqual([
      ...[103, '</a>; rel=preload', 142, ['X-a', '\xe9'], 200],
    ]);
  });

  test('has its head sent before its body is there', async () => {
    const origin = await startOrigin({
      script: () => [execute(), send('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'), hold(), send('body')],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await raw.bytes(40)).toString()).toContain('200 OK');
    await origin.release();
    expect((await raw.readResponse()).body.toString()).toBe('body');
  });

  test('has every byte of its head as it came, though its body comes later', async () => {
    const origin = await startOrigin({
      script: () => [
        execute(),
        send('HTTP/1.1 200 \xe9\r\nX-A: \xc3\xa9\xff\r\nContent-Length: 4\r\n\r\n'),
        hold(),
        send('body'),
      ],
    });
    const handler = startBackend(origin).handler();
    const touching = serve((req, res) => handler(req, res.setHeader('X-Before', '1')));
    for (const port of [await serve(handler), await touching]) {
      const raw = await client(port);
      raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await raw.bytes(40);
      await origin.release();
      const response = await raw.readResponse();
      expect([response.reason, response.headers['x-a']]).toEqual(['\xe9', '\xc3\xa9\xff']);
    }
  });

  test('that is cut off is cut off for the client too, whatever its framing', async () => {
    for (const framing of ['length', 'chunked'] as const) {
      const origin = await startOrigin({
        script: () => [execute(), answer({ framing, body: 'hello world', cutBodyAt: 8 }), close()],
      });
      const raw = await client(await serve(startBackend(origin).handler()));
      expect((await raw.get('/')).complete).toBe(false);
    }
  });

  test('that is cut off ends with a reset for an HTTP/1.0 client that could not tell otherwise', async () => {
    const origin = await startOrigin({
      script: () => [execute(), answer({ framing: 'chunked', body: 'hello world', cutBodyAt: 8 }), hold(), close()],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('GET / HTTP/1.0\r\n\r\n');
    await raw.bytes(40);
    await origin.release();
    expect(await raw.ended()).toBe('rst');
  });

  test('that is cut off ends so for HTTP/1.0, too, when its length was taken out on the way', async () => {
    for (const fields of [{}, { Connection: 'Content-Length' }]) {
      const origin = await startOrigin({
        script: () => [execute(), answer({ body: 'hello world', fields, cutBodyAt: 8 }), hold(), close()],
      });
      const onResponseFields = (given: string[]) => void given.splice(given.indexOf('Content-Length'), 2);
      const raw = await client(
        await serve(startBackend(origin).handler('Connection' in fields ? {} : { onResponseFields })),
      );
      raw.write('GET / HTTP/1.0\r\n\r\n');
      await raw.bytes(40);
      await origin.release();
      expect(await raw.ended()).toBe('rst');
    }
  });

  test('keeps the bytes of a file name that is not ASCII, though Content-Length comes first', async () => {
    const name = Buffer.from('attachment; filename="é€.pdf"').toString('latin1');
    const origin = await startOrigin({
      script: () => [execute(), send(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Disposition: ${name}\r\n\r\nok`)],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    expect((await raw.get('/')).headers['content-disposition']).toBe(name);
  });

  test('before the request was read whole ends the connection, and the client can read it', async () => {
    const origin = await startOrigin({
      rules: [{ at: 'head', steps: [execute(), answer({ status: 413, body: 'too long' })] }],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n');
    raw.write(Buffer.alloc(3_000_000));
    const response = await raw.readResponse();
    expect([response.status, response.headers.connection, response.body.toString()]).toEqual([
      413,
      'close',
      'too long',
    ]);
    expect(await raw.ended()).toBe('fin');
  });

  test('leaves the connection of its client to the next request', async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect([(await raw.readResponse()).status, (await raw.readResponse()).status]).toEqual([200, 200]);
    expect((await raw.get('/3')).status).toBe(200);
    expect(origin.requests.map((request) => request.path).sort()).toEqual(['/1', '/2', '/3']);
  });
});

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

describe('the hooks', () => {
  test('may give a number as a value, and undefined for a field that is not to be sent', async () => {
    const origin = await startOrigin();
    const mine = (fields: string[]) => [...fields, 'X-Count', 5, 'X-None', undefined] as never;
    const handler = startBackend(origin).handler({ onRequestFields: mine, onResponseFields: mine });
    const { headers } = await (await client(await serve(handler))).get('/');
    for (const fields of [headers, origin.requests[0]?.headers]) {
      expect(fields).toMatchObject({ 'x-count': '5' });
      expect(fields).not.toHaveProperty('x-none');
    }
  });

  test('see end-to-end fields and may change them', async () => {
    const origin = await startOrigin({
      script: () => [execute(), answer({ fields: { 'X-Secret': '1' }, body: 'ok' })],
    });
    const port = await serve(
      startBackend(origin).handler({
        rewritePath: (path, req) => `/v2${path}?from=${(req as IncomingMessage).method}`,
        onRequestFields: (fields) => [
          ...fields,
          'X-Added',
          '\xe9',
          'Host',
          'other.test',
          'Content-Length',
          '9',
          'Connection',
          'x',
        ],
        onResponseFields: (fields) => fields.filter((_, index) => fields[index - (index % 2)] !== 'X-Secret'),
      }),
    );
    const response = await (await client(port)).get('/a');
    expect(response.headers).not.toHaveProperty('x-secret');
    expect(origin.requests[0]).toMatchObject({
      path: '/v2/a?from=GET',
      headers: { 'x-added': '\xe9', host: 'other.test' },
    });
    expect(origin.requests[0]?.headers).not.toHaveProperty('content-length');
  });

  test('onInformation may keep an interim response from the client', async () => {
    const origin = await startOrigin({ script: () => [inform(102), inform(103), execute(), answer()] });
    const port = await serve(startBackend(origin).handler({ onInformation: ({ statusCode }) => statusCode !== 102 }));
    const raw = await client(port);
    expect([(await raw.get('/')).status, (await raw.readResponse()).status]).toEqual([103, 200]);
  });

  test('what onInformation does to its fields is not sent', async () => {
    const origin = await startOrigin({ script: () => [inform(103, { Link: '</a>' }), execute(), answer()] });
    const onInformation = ({ fields }: Information) => {
      Array.prototype.push.call(fields, 'X-A', 'a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    };
    const raw = await client(await serve(startBackend(origin).handler({ onInformation })));
    expect((await raw.get('/')).rawHeaders).toEqual(['Link', '</a>']);
    expect((await raw.readResponse()).headers['content-length']).not.toBe('4');
  });
});
