/** Offers that are not for us, `h2c` above all: answered as plain HTTP/1.1, though an upgrade handler is installed. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createSecureServer as createHttp2Server } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import express from 'express';
import { PooledBackend } from 'pooled-backend';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { authority, cert, key } from '../wire/certificate.js';
import { RawClient } from '../wire/raw-client.js';
import { client, listen, until } from './setting.js';
import { asking, rawUpgradeOrigin, startFront, switching, webSocketOrigin } from './upgrade-setting.js';

const OFFER = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';

/** What the origin says of the request that it got. */
interface Told {
  readonly method: string;
  readonly path: string;
  readonly fields: readonly string[];
  readonly body: string;
}

async function told(asked: RawClient): Promise<Told> {
  const answer = await asked.readResponse();
  expect(answer).toMatchObject({ status: 200, complete: true });
  return JSON.parse(String(answer.body));
}

describe('h2c', () => {
  test.each([
    ['no body', 'GET', '', ''],
    ['a body with a length', 'POST', 'Content-Length: 5\r\n', 'hello'],
    ['a chunked body', 'PUT', 'Transfer-Encoding: chunked\r\n', '2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n'],
  ])(
    'a request with %s is served without its offer, and the connection goes on',
    async (_what, method, fields, body) => {
      const { port } = await startFront(await webSocketOrigin());
      const asked = await client(port);
      const text = `${method} /a HTTP/1.1\r\nHost: h.test\r\n${OFFER}X-Kept: yes\r\n${fields}\r\n${body}`;
      for (const half of [text.length, 40, text.length - 3]) {
        asked.write(text.slice(0, half));
        await new Promise((resolve) => setImmediate(resolve));
        asked.write(text.slice(half));
        const request = await told(asked);
        expect(request).toMatchObject({ method, path: '/a', body: body === '' ? '' : 'hello' });
        const names = request.fields.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
        expect(names).toContain('x-kept');
        expect(names).not.toContain('upgrade');
        expect(names).not.toContain('http2-settings');
      }
    },
  );

  test('requests in a pipeline, with and without an offer, are answered in order', async () => {
    const { port } = await startFront(await webSocketOrigin());
    const asked = await client(port);
    const requests = Array.from({ length: 30 }, (_, i) => {
      const offer = i % 3 === 0 ? '' : OFFER;
      return `POST /${i} HTTP/1.1\r\nHost: a\r\n${offer}Content-Length: 2\r\n\r\n${String(i).padStart(2, '0')}`;
    });
    asked.write(requests.join(''));
    for (let i = 0; i < 30; i += 1) {
      expect(await told(asked)).toMatchObject({ path: `/${i}`, body: String(i).padStart(2, '0') });
    }
  });

  test.each([
    ['a length', 'Content-Length: 300000\r\n', (body: string) => body],
    ['chunks', 'Transfer-Encoding: chunked\r\n', (body: string) => `493e0\r\n${body}\r\n0\r\n\r\n`],
  ])('a body with %s that comes later is whole, and so is the answer, in its order', async (_of, framing, framed) => {
    const { port } = await startFront(await webSocketOrigin());
    const asked = await client(port);
    const body = 'x'.repeat(300_000);
    asked.write(`GET /first HTTP/1.1\r\nHost: a\r\n\r\nPUT /second HTTP/1.1\r\nHost: a\r\n${OFFER}${framing}\r\n`);
    expect(await told(asked)).toMatchObject({ path: '/first' });
    for (const piece of framed(body).match(/[\s\S]{1,90000}/g) ?? []) {
      asked.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const second = await told(asked);
    expect([second.path, second.body === body]).toEqual(['/second', true]);
    expect(second.fields.map((field) => field.toLowerCase())).not.toContain('h2c');
  });

  test('nothing is left of one whose client leaves in the midst of its body', async () => {
    const { port, backend, server } = await startFront(await webSocketOrigin(), {
      backend: { requestBufferBytes: false },
    });
    const asked = await client(port);
    asked.write(`POST /a HTTP/1.1\r\nHost: a\r\n${OFFER}Content-Length: 5\r\n\r\nhe`);
    await until(() => backend.stats().origins[0]?.requests === 1);
    asked.destroy();
    await until(() => backend.stats().origins[0]?.connections.busy === 0);
    expect(backend.stats().inFlight).toBe(0);
    await new Promise((resolve) => server.close(resolve));
  });

  test.each([
    ['by the server', false],
    ['by who listens for it', true],
  ])('one that waits for 100 is told to send its body, %s', async (_by, listens) => {
    const { port, server, backend } = await startFront(await webSocketOrigin());
    if (listens) server.on('checkContinue', backend.handler({ expectTimeout: false }));
    const asked = await client(port);
    asked.write(`POST /a HTTP/1.1\r\nHost: a\r\n${OFFER}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
    expect((await asked.readResponse()).status).toBe(100);
    asked.write('hello');
    expect(await told(asked)).toMatchObject({ path: '/a', body: 'hello' });
  });

  test('a body is sent whole or not at all where something else than the socket is handed over', async () => {
    const bodies: string[] = [];
    const origin = createServer((req, res) => {
      let body = '';
      req.on('data', (bytes: Buffer) => {
        body += bytes.toString('latin1');
      });
      req.on('end', () => {
        bodies.push(body);
        res.end();
      });
    });
    const backend = new PooledBackend(`http://127.0.0.1:${await listen(origin)}`);
    onTestFinished(() => backend.destroy());
    const handle = backend.upgradeHandler();
    const server = createServer(backend.handler());
    server.on('upgrade', (req, socket, head) => {
      const write = (bytes: Buffer, _encoding: string, done: () => void) => void socket.write(bytes, done);
      handle(req, new Duplex({ read: () => undefined, write, final: (done) => void socket.end(done) }), head);
    });
    const asked = await client(await listen(server));
    const body = '5\r\nhello\r\n0\r\n\r\n';
    asked.write(`POST /a HTTP/1.1\r\nHost: a\r\n${OFFER}Transfer-Encoding: chunked\r\n\r\n${body}`);
    const { status } = await asked.readResponse();
    expect([status, bodies]).toEqual(status === 200 ? [200, ['hello']] : [500, []]);
  });

  test('the body of one whose length stands behind more fields than node:http keeps is no request', async () => {
    const paths: (string | undefined)[] = [];
    const { port } = await startFront(await webSocketOrigin(), {
      listener: (backend) => {
        const handle = backend.handler();
        return (req, res) => {
          paths.push(req.url);
          handle(req, res);
        };
      },
    });
    const asked = await client(port);
    const body = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    const offers = `Connection: Upgrade\r\n${'Upgrade: h2c\r\n'.repeat(600)}`;
    const length = `${'a:\r\n'.repeat(600)}Content-Length: ${body.length}\r\n`;
    asked.write(`GET / HTTP/1.1\r\nHost: a\r\n${offers}${length}\r\n${body}`);
    // A later Node refuses so many fields itself.
    expect([400, 431]).toContain((await asked.readResponse()).status);
    await asked.ended();
    expect(paths).toEqual([]);
  });

  test.each([
    ['resets its connection', (asked: Socket) => asked.resetAndDestroy()],
    ['leaves it open', () => undefined],
  ])('a client that %s when it was refused costs nothing', async (_what, act) => {
    const { port, server } = await startFront(await webSocketOrigin());
    // Not by once(), which would listen for errors of the socket, too.
    const closed = new Promise((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
    const asked = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void asked.destroy());
    asked.write(`GET / HTTP/1.1\r\nHost: a\r\n${OFFER}${'a:\r\n'.repeat(1_200)}\r\n`);
    const [answer] = await once(asked, 'data');
    // A later Node refuses so many fields itself.
    expect(String(answer)).toMatch(/^HTTP\/1.1 4(00|31) /);
    act(asked);
    await closed;
  });

  test('a connection that offers it a hundred times keeps no listeners', async () => {
    const { port, sockets } = await startFront(await webSocketOrigin());
    const asked = await client(port);
    const listeners = () => sockets[0]?.eventNames().map((name) => sockets[0]?.listenerCount(name));
    asked.write(`GET / HTTP/1.1\r\nHost: a\r\n${OFFER}\r\n`);
    await told(asked);
    const before = listeners();
    for (let i = 0; i < 100; i += 1) {
      asked.write(`GET / HTTP/1.1\r\nHost: a\r\n${OFFER}\r\n`);
      await told(asked);
    }
    expect(listeners()).toEqual(before);
  });

  test('a request that two handlers are told of is served once', async () => {
    const { port, server, backend } = await startFront(await webSocketOrigin());
    server.on('upgrade', backend.upgradeHandler());
    let served = 0;
    server.on('request', () => {
      served += 1;
    });
    const asked = await client(port);
    asked.write(`POST /a HTTP/1.1\r\nHost: h.test\r\n${OFFER}Content-Length: 5\r\n\r\nhello`);
    expect(await told(asked)).toMatchObject({ path: '/a', body: 'hello' });
    asked.write('GET /b HTTP/1.1\r\nHost: h.test\r\n\r\n');
    expect(await told(asked)).toMatchObject({ path: '/b' });
    expect(served).toBe(2);
  });

  test('Express serves it by the routes it has', async () => {
    const { port } = await startFront(await webSocketOrigin(), {
      listener: (backend) => {
        const app = express();
        app.get('/health', (_req, res) => void res.json({ path: 'own' }));
        app.use('/api', backend.handler());
        return app;
      },
    });
    const asked = await client(port);
    asked.write(`GET /health HTTP/1.1\r\nHost: a\r\n${OFFER}\r\n`);
    expect(await told(asked)).toEqual({ path: 'own' });
    asked.write(`POST /api/x HTTP/1.1\r\nHost: a\r\n${OFFER}Content-Length: 2\r\n\r\nhi`);
    expect(await told(asked)).toMatchObject({ path: '/x', body: 'hi' });
  });

  test('over TLS, too', async () => {
    const backend = new PooledBackend(`http://127.0.0.1:${await webSocketOrigin()}`);
    onTestFinished(() => backend.destroy());
    const server = createTlsServer({ key, cert }, backend.handler());
    server.on('upgrade', backend.upgradeHandler());
    const asked = await RawClient.connect({ port: await listen(server), ca: authority });
    onTestFinished(() => asked.destroy());
    for (let i = 0; i < 3; i += 1) {
      asked.write(`POST / HTTP/1.1\r\nHost: localhost\r\n${OFFER}Content-Length: 2\r\n\r\nhi`);
      expect(await told(asked)).toMatchObject({ body: 'hi' });
    }
    asked.write(`${asking('websocket')}`);
    expect((await asked.readResponse()).status).toBe(400); // of ws: no key
  });
});

test('what only a lenient parser lets through is not written again', async () => {
  const backend = new PooledBackend(`http://127.0.0.1:${await webSocketOrigin()}`);
  onTestFinished(() => backend.destroy());
  const server = createServer({ insecureHTTPParser: true }, backend.handler());
  server.on('upgrade', backend.upgradeHandler());
  const port = await listen(server);
  const refused: [bad: string, proxyStatus: string | undefined][] = [
    ['X: a\u0001b', 'pooled-backend; error=http_request_error'],
    ['X: a\rGET /b HTTP/1.1', undefined], // by node:http itself
  ];
  for (const [bad, proxyStatus] of refused) {
    const asked = await client(port);
    asked.write(`GET /a HTTP/1.1\r\nHost: a\r\n${OFFER}${bad}\r\n\r\n`);
    const { status, headers } = await asked.readResponse();
    expect([status, headers['proxy-status']]).toEqual([400, proxyStatus]);
    expect(await asked.ended()).toBe('fin');
  }
  expect(backend.stats().origins[0]?.requests).toBe(0);
});

describe('which protocols are tunnelled', () => {
  const origin = () =>
    rawUpgradeOrigin((socket, head) => {
      const [, offered] = /^upgrade: (.*)\r$/im.exec(head) ?? [];
      const [first = ''] = offered?.split(', ') ?? [];
      socket.write(offered ? switching(first) : 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain');
      if (offered) socket.write(offered);
    });

  test('all but h2c: the others are offered, in order', async () => {
    const { port } = await startFront(await origin());
    const asked = await client(port);
    asked.write(asking('h2c, first/1', '/', 'Upgrade: H2C, second\r\n'));
    expect((await asked.readResponse()).headers.upgrade).toBe('first/1');
    expect(String(await asked.bytes(15))).toBe('first/1, second');
  });

  test('only those of `protocols`, when it is given', async () => {
    const { port } = await startFront(await origin(), { upgrade: { protocols: ['WebSocket'] } });
    const asked = await client(port);
    asked.write(asking('other'));
    expect(String((await asked.readResponse()).body)).toBe('plain');
    asked.write(asking('other, websocket'));
    expect((await asked.readResponse()).headers.upgrade).toBe('websocket');
    expect(String(await asked.bytes(9))).toBe('websocket');
  });

  test.each([
    ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    [
      'a body',
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi',
    ],
    ['no protocol at all', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ,\r\n\r\n'],
  ])('an offer with %s is left out', async (_what, request) => {
    const { port } = await startFront(await origin());
    const asked = await client(port);
    asked.write(request);
    expect(String((await asked.readResponse()).body)).toBe('plain');
  });

  test('h2c cannot be asked for', () => {
    const backend = new PooledBackend('http://127.0.0.1:1');
    expect(() => backend.upgradeHandler({ protocols: ['H2C'] })).toThrow(TypeError);
    expect(() => backend.upgradeHandler({ protocols: ['websocket/13'] })).toThrow('protocols must be');
    expect(() => backend.upgradeHandler({ idleTimeout: 0 })).toThrow(RangeError);
    expect(() => backend.upgradeHandler(JSON.parse('{"idleTimout":5}'))).toThrow('unknown option idleTimout');
    expect(() => backend.upgradeHandler(JSON.parse('{"maxQueue":5}'))).toThrow(
      'unknown option maxQueue: it is an option of the backend; known: protocols,',
    );
    backend.destroy();
  });
});

test('a server of HTTP/2 that allows HTTP/1.1 serves both kinds of offers', async () => {
  const backend = new PooledBackend(`http://127.0.0.1:${await webSocketOrigin()}`);
  onTestFinished(() => backend.destroy());
  const server = createHttp2Server({ key, cert, allowHTTP1: true });
  server.on('request', backend.handler());
  server.on('upgrade', backend.upgradeHandler());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const asked = await RawClient.connect({ port, ca: authority });
  onTestFinished(() => asked.destroy());
  asked.write(`POST /plain HTTP/1.1\r\nHost: localhost\r\n${OFFER}Content-Length: 2\r\n\r\nhi`);
  expect(await told(asked)).toMatchObject({ body: 'hi', path: '/plain' });
  const socket = new WebSocket(`wss://localhost:${port}/`, { ca: authority });
  onTestFinished(() => socket.terminate());
  socket.on('open', () => socket.send('over TLS'));
  expect(String((await once(socket, 'message'))[0])).toBe('over TLS');
});
