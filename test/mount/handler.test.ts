import { createServer, type IncomingMessage } from 'node:http';
import type { HandlerOptions, Information } from 'pooled-backend';
import { answer, execute, hold, inform } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { client, listen, serve, startBackend, startOrigin } from './setting.js';

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
