import { request as sendHttp } from 'node:http';
import { createGunzip, createGzip } from 'node:zlib';
import connectStyleCors from 'cors';
import express5 from 'express';
import session from 'express-session';
import express4 from 'express4';
import helmet from 'helmet';
import { BackendError } from 'pooled-backend';
import { answer, close, execute, send, stall } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RawResponse } from '../wire/raw-client.js';
import { client, serve, startBackend, startOrigin } from './setting.js';

function valuesOf(response: RawResponse, name: string): string[] {
  return response.rawHeaders.filter((_, at) => at % 2 === 1 && response.rawHeaders[at - 1]?.toLowerCase() === name);
}

const EXPRESSES: readonly [string, typeof express5][] = [
  ['Express 4', express4],
  ['Express 5', express5],
];

describe.each(EXPRESSES)('in %s', (_name, express) => {
  test('the mount point is stripped from the path', async () => {
    const origin = await startOrigin();
    const app = express().use('/api', startBackend(origin).handler());
    const raw = await client(await serve(app));
    for (const path of ['/api/a?b=c', '/api', '/api?x']) expect((await raw.get(path)).status).toBe(200);
    expect(origin.requests.map((request) => request.path)).toEqual(['/a?b=c', '/', '/?x']);
  });

  test('a request that is refused ends its connection, whatever the error handler answers', async () => {
    const origin = await startOrigin();
    const app = express().use(startBackend(origin).handler());
    app.use(((_error: unknown, _req, res, _next) => {
      res.status(400).send('refused');
    }) as express5.ErrorRequestHandler);
    const raw = await client(await serve(app));
    raw.write('GET /one HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n');
    const { body, headers } = await raw.readResponse();
    expect([body.toString(), headers.connection, await raw.ended()]).toEqual(['refused', 'close', 'fin']);
    expect(origin.requests).toEqual([]);
  });

  test('a failure goes to the error handler as a BackendError', async () => {
    const origin = await startOrigin({ script: () => [execute(), close()] });
    const app = express().use(startBackend(origin).handler());
    app.use(((error: unknown, _req, res, _next) => {
      res.status(BackendError.is(error) ? error.statusCode : 599).json({ code: BackendError.is(error) && error.code });
    }) as express5.ErrorRequestHandler);
    const raw = await client(await serve(app));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\n\r\n');
    const response = await raw.readResponse();
    expect([response.status, response.body.toString()]).toEqual([502, '{"code":"connection_terminated"}']);
  });

  test('a truncated response is cut off, not handed to the error handler', async () => {
    const origin = await startOrigin({
      script: () => [execute(), answer({ body: 'hello world', cutBodyAt: 8 }), close()],
    });
    const app = express().use(startBackend(origin).handler());
    expect((await (await client(await serve(app))).get('/')).complete).toBe(false);
  });

  test.each([
    ['JSON', 'application/json', '{"a": [1]}', '{"a":[1]}'],
    ['a string of JSON', 'application/json', '"123"', '"123"'],
    ['text that is JSON', 'application/x+json', '[1 ]', '[1 ]'],
    ['a form', 'application/x-www-form-urlencoded', 'a=1&a=2&b[c]=%C3%A9+x', 'a=1&a=2&b%5Bc%5D=%C3%A9%20x'],
    ['a list of one', 'application/x-www-form-urlencoded', 'a[]=1&b[][c]=2', 'a%5B%5D=1&b%5B0%5D%5Bc%5D=2'],
    ['text', 'text/plain', 'caf\xc3\xa9', 'caf\xc3\xa9'],
    ['text in UTF-8', 'text/plain; charset=UTF-8', 'caf\xc3\xa9', 'caf\xc3\xa9'],
    ['text in ASCII', 'text/plain; charset=us-ascii', 'cafe', 'cafe'],
    ['text in latin1', 'text/plain; charset="ISO-8859-1"', 'caf\xe9', 'caf\xe9'],
    ['bytes', 'application/octet-stream', '\x00\xff', '\x00\xff'],
  ])('%s that a body parser has read is sent all the same', async (_what, type, sent, received) => {
    const origin = await startOrigin();
    const app = express();
    app.use(express.json({ strict: false }), express.urlencoded({ extended: true }));
    app.use(express.text({ type: ['text/plain', 'application/x+json'] }), express.raw());
    app.use(startBackend(origin).handler());
    const raw = await client(await serve(app));
    raw.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: ${sent.length}\r\n\r\n${sent}`);
    expect((await raw.readResponse()).status).toBe(200);
    expect(Buffer.from(origin.requests[0]?.body ?? []).toString('latin1')).toBe(received);
  });

  test('text of a charset that Node cannot write is refused, with advice', async () => {
    const origin = await startOrigin();
    let seen: unknown;
    const app = express().use(express.text(), startBackend(origin).handler());
    app.use(((error: unknown, _req, res, _next) => {
      seen = error;
      res.sendStatus(500);
    }) as express5.ErrorRequestHandler);
    const raw = await client(await serve(app));
    raw.write(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Length: 1\r\n\r\n\xc1',
    );
    expect((await raw.readResponse()).status).toBe(500);
    expect(seen).toMatchObject({ code: 'body_already_read', message: expect.stringContaining('req.rawBody') });
    expect(origin.requests).toEqual([]);
  });

  test('rawBody is preferred to what was parsed from it', async () => {
    const origin = await startOrigin();
    const app = express();
    app.use(express.json({ verify: (req, _res, bytes) => void Object.assign(req, { rawBody: bytes }) }));
    app.use(startBackend(origin).handler());
    const raw = await client(await serve(app));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"a": [1]}');
    expect((await raw.readResponse()).status).toBe(200);
    expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toBe('{"a": [1]}');
  });

  test('a body that a middleware has paused is sent', async () => {
    const origin = await startOrigin();
    const app = express();
    app.use((req, _res, next) => {
      req.pause();
      setImmediate(next);
    }, startBackend(origin).handler());
    const raw = await client(await serve(app));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
    expect((await raw.readResponse()).status).toBe(200);
    expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toBe('hi');
  });

  test('a body that was read and dropped fails at once, with advice', async () => {
    const origin = await startOrigin();
    const app = express();
    app.use((req, _res, next) => void req.resume().on('end', next));
    app.use(startBackend(origin).handler());
    let seen: unknown;
    app.use(((error: unknown, _req, res, _next) => {
      seen = error;
      res.sendStatus(500);
    }) as express5.ErrorRequestHandler);
    const raw = await client(await serve(app));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
    expect((await raw.readResponse()).status).toBe(500);
    expect(seen).toMatchObject({ code: 'body_already_read', message: expect.stringContaining('before body parsers') });
    expect(origin.requests).toEqual([]);
  });

  test.each([
    ['of a declared length', 'Content-Length: 10\r\n\r\nfirst', 'other'],
    ['that is chunked', 'Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n', '5\r\nother\r\n0\r\n\r\n'],
  ])(
    'a body %s of which rawBody has only the beginning is not sent as if it were whole',
    async (_what, begun, rest) => {
      const origin = await startOrigin();
      const app = express();
      app.use((req, _res, next) => {
        req.once('data', (bytes: Buffer) => {
          Object.assign(req, { rawBody: bytes });
          next();
        });
      }, startBackend(origin).handler());
      app.use(((error: unknown, _req, res, _next) => {
        res.status(500).send(Reflect.get(Object(error), 'code'));
      }) as express5.ErrorRequestHandler);
      const raw = await client(await serve(app));
      raw.write(`POST / HTTP/1.1\r\nHost: a\r\n${begun}`);
      expect((await raw.readResponse()).body.toString()).toBe('body_already_read');
      raw.write(rest);
      expect(origin.requests).toEqual([]);
    },
  );

  test('a body of which rawBody has all is sent before its end is told', async () => {
    const origin = await startOrigin();
    const app = express();
    app.use((req, _res, next) => {
      req.once('data', (bytes: Buffer) => {
        Object.assign(req, { rawBody: bytes });
        next();
      });
    }, startBackend(origin).handler());
    const raw = await client(await serve(app));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nwhole');
    expect((await raw.readResponse()).status).toBe(200);
    expect(Buffer.from(origin.requests[0]?.body ?? []).toString()).toBe('whole');
  });

  test('a body that was read and dropped is told to who watches', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin);
    const told: unknown[] = [];
    backend.on('fail', ({ error }) => told.push(error.code));
    const app = express();
    app.use((req, _res, next) => void req.resume().on('end', next));
    app.use((req, res) => backend.handler()(req, res)); // no next, as in Koa or node:http
    const raw = await client(await serve(app));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi');
    expect((await raw.readResponse()).body.toString()).toBe('body_already_read\n');
    expect(told).toEqual(['body_already_read']);
  });

  test('an empty body behind a parser stays empty', async () => {
    const origin = await startOrigin();
    const app = express().use(express.json(), startBackend(origin).handler());
    const raw = await client(await serve(app));
    expect((await raw.get('/')).status).toBe(200);
    expect(origin.requests[0]?.headers).not.toHaveProperty('content-length');
  });

  test('what helmet, cors and a session set is merged with what the origin says', async () => {
    const fields = { 'Set-Cookie': ['a=1', 'b=2'], Vary: 'Accept-Encoding', 'X-Frame-Options': 'DENY' };
    const origin = await startOrigin({ script: () => [execute(), answer({ fields, body: 'ok' })] });
    const app = express();
    app.use(helmet(), connectStyleCors({ origin: 'http://shop.test' }));
    app.use(session({ secret: 's', resave: false, saveUninitialized: true }));
    app.use(startBackend(origin).handler());
    const response = await (await client(await serve(app))).get('/');
    expect(response.body.toString()).toBe('ok');
    expect(valuesOf(response, 'set-cookie').map((cookie) => cookie.split('=')[0])).toEqual(['a', 'b', 'connect.sid']);
    expect(response.headers).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': 'http://shop.test',
      vary: 'Origin, Accept-Encoding',
      'content-length': '2',
    });
    for (const name of ['x-frame-options', 'date', 'content-length', 'vary'])
      expect(valuesOf(response, name)).toHaveLength(1);
  });

  test('a middleware that has set framing does not break the response', async () => {
    const origin = await startOrigin({
      script: () => [execute(), answer({ framing: 'chunked', body: ['he', 'llo'], trailers: { 'X-Sum': '1' } })],
    });
    const app = express();
    app.use((_req, res, next) => {
      res.setHeader('Content-Length', '99').setHeader('Transfer-Encoding', 'chunked').setHeader('Trailer', 'X-Other');
      next();
    });
    app.use(startBackend(origin).handler());
    const raw = await client(await serve(app));
    const response = await raw.get('/');
    expect([response.body.toString(), response.rawTrailers, valuesOf(response, 'transfer-encoding')]).toEqual([
      'hello',
      ['X-Sum', '1'],
      ['chunked'],
    ]);
    expect(response.headers).not.toHaveProperty('content-length');
    expect((await raw.get('/')).status).toBe(200);
  });
});

describe('on a response that was touched before', () => {
  test('all fields of one name survive, even when what was set is gone again', async () => {
    const origin = await startOrigin({
      script: () => [execute(), answer({ fields: { 'Set-Cookie': ['a=1', 'b=2'] } })],
    });
    const handler = startBackend(origin).handler();
    const port = await serve((req, res) => {
      res.setHeader('X-Gone', '1');
      res.removeHeader('X-Gone');
      handler(req, res);
    });
    expect(valuesOf(await (await client(port)).get('/'), 'set-cookie')).toEqual(['a=1', 'b=2']);
  });

  test('a middleware that takes Content-Length out, to compress, neither ends the connection nor hides a truncation', async () => {
    const origin = await startOrigin({
      rules: [
        { when: { path: '/cut' }, steps: [execute(), answer({ body: 'hello world', cutBodyAt: 8 }), close()] },
        { steps: [execute(), answer({ body: 'whole' })] },
      ],
    });
    const handler = startBackend(origin).handler();
    const port = await serve((req, res) => {
      const { writeHead } = res;
      res.writeHead = ((...head: [number]) => {
        res.removeHeader('Content-Length');
        return writeHead.apply(res, head);
      }) as typeof writeHead;
      handler(req, res);
    });
    const raw = await client(port);
    const whole = await raw.get('/');
    expect([whole.body.toString(), whole.headers['transfer-encoding']]).toEqual(['whole', 'chunked']);
    expect((await raw.get('/cut')).complete).toBe(false);
  });

  test('an event is not kept by a middleware that compresses', async () => {
    const events = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n';
    const handler = startBackend(await startOrigin({ script: () => [execute(), send(events), stall()] })).handler();
    const port = await serve((req, res) => {
      const gzip = createGzip();
      const { write, writeHead } = res;
      gzip.on('data', (piece) => write.call(res, piece, 'latin1'));
      Object.assign(res, {
        write: (piece: unknown) => gzip.write(piece),
        flush: () => gzip.flush(),
        writeHead: (...head: [number]) => writeHead.apply(res.setHeader('Content-Encoding', 'gzip'), head),
      });
      handler(req, res);
    });
    const event = await new Promise((resolve) => {
      sendHttp({ port, agent: false }, (res) => {
        res.pipe(createGunzip()).once('data', resolve);
        onTestFinished(() => void res.destroy());
      }).end();
    });
    expect(String(event)).toBe('data: 1\n\n');
  });

  test('a failure is not kept for as long as the response might have been, nor saved under its name', async () => {
    const origin = await startOrigin({ script: () => [execute(), close()] });
    const handler = startBackend(origin).handler();
    const port = await serve((req, res) => {
      res.setHeader('Cache-Control', 'public, max-age=31536000').setHeader('Expires', 'Thu, 01 Jan 2099 00:00:00 GMT');
      res.setHeader('Content-Disposition', 'attachment').setHeader('X-Frame-Options', 'DENY');
      handler(req, res);
    });
    const { status, headers } = await (await client(port)).get('/');
    expect([status, headers['x-frame-options']]).toEqual([502, 'DENY']);
    for (const name of ['cache-control', 'expires', 'content-disposition']) expect(headers).not.toHaveProperty(name);
  });

  test('a timeout that answers in our place is left alone, and the exchange is given up', async () => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: 'late' })] });
    const handler = startBackend(origin).handler();
    const port = await serve((req, res) => {
      handler(req, res);
      res.writeHead(408).end('early');
    });
    const raw = await client(port);
    expect((await raw.get('/')).body.toString()).toBe('early');
    expect((await raw.get('/')).body.toString()).toBe('early');
  });

  test("what node:http's own client sends and gets is the same", async () => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: 'ok' })] });
    const port = await serve(startBackend(origin).handler());
    const status = await new Promise((resolve) => {
      sendHttp({ port, method: 'PUT', path: '/' }, (res) => resolve(res.resume().statusCode)).end('body');
    });
    expect([status, origin.requests[0]?.method]).toEqual([200, 'PUT']);
  });
});
