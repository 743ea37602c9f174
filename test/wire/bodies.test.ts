import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PooledBackend } from 'pooled-backend';
import { answer, close, execute, type Rule, reset, send, stopReading } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { client, listen, serve, until } from '../mount/setting.js';
import { checkAtRest, pause, startBackend, startOrigin } from './setting.js';

describe('a request body', () => {
  test.each(['GET', 'DELETE', 'HEAD', 'OPTIONS', 'QUERY', 'PURGE'])(
    'of %s is sent on, whatever its framing',
    async (method) => {
      const origin = await startOrigin();
      const raw = await client(await serve(startBackend(origin).handler()));
      raw.write(`${method} /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi`);
      expect((await raw.readResponse({ toHead: method === 'HEAD' })).status).toBe(200);
      raw.write(`${method} /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`);
      expect((await raw.readResponse({ toHead: method === 'HEAD' })).status).toBe(200);
      expect(origin.requests.map(({ body }) => body.toString())).toEqual(['hi', 'hi']);
    },
  );

  test('that is refused early does not keep a client that writes before it reads from the answer', async () => {
    const origin = await startOrigin({
      rules: [{ at: 'head', steps: [execute(), answer({ status: 413, body: 'no' })] }],
    });
    const port = await serve(startBackend(origin).handler());
    const socket = connect({ port, host: '127.0.0.1' });
    onTestFinished(() => void socket.destroy());
    socket.pause();
    const pieces = 64;
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${pieces * 65_536}\r\n\r\n`);
    for (let sent = 0; sent < pieces; sent += 1) {
      if (!socket.write(Buffer.alloc(65_536))) await once(socket, 'drain');
      await pause(1);
    }
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
    });
    await once(socket.resume(), 'end');
    expect(received).toMatch(/^HTTP\/1\.1 413 .*\r\nConnection: close\r\n.*no$/s);
  });

  test.each([
    [undefined, ['half', 'half']],
    [undefined, ['all']], // what is refused is its last chunk
    [8, ['half', 'half']],
  ])(
    'that is refused by an origin which hangs up then has that answer (length: %j, pieces: %j)',
    async (length, [first, ...rest]) => {
      let hungUp = () => {};
      const after = new Promise<void>((resolve) => {
        hungUp = resolve;
      });
      const origin = createTcpServer((socket) =>
        socket.once('data', () => {
          socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno');
          socket.resetAndDestroy();
          hungUp(); // the rest of the body is written before anybody can read
        }),
      );
      const backend = new PooledBackend(`http://127.0.0.1:${await listen(origin)}`);
      onTestFinished(() => backend.destroy());
      async function* pieces() {
        yield first ?? '';
        await after;
        yield* rest;
      }
      const headers = length === undefined ? {} : { 'Content-Length': length };
      const { statusCode, body } = await backend.request({ method: 'POST', path: '/', body: pieces(), headers });
      expect([statusCode, await body.text()]).toEqual([413, 'no']);
    },
  );

  test('that is refused early costs the next client nothing', async () => {
    const refusing: Rule = { at: 'head', when: { path: '/big' }, steps: [execute(), answer({ status: 413 })] };
    const origin = await startOrigin({ rules: [refusing] });
    const backend = startBackend(origin, { maxConnections: 1, spareConnections: false });
    const port = await serve(backend.handler());
    const raw = await client(port);
    raw.write('POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n');
    raw.write(Buffer.alloc(200_000));
    expect((await raw.readResponse()).status).toBe(413);
    expect((await (await client(port)).get('/next')).status).toBe(200);
    expect([origin.executed.get('/next'), origin.connectionsAccepted]).toEqual([1, 2]);
  });

  test.each([
    ['Content-Length: 1000000\r\n\r\n', 'x'.repeat(300_000)],
    ['Transfer-Encoding: chunked\r\n\r\n', `493e0\r\n${'x'.repeat(300_000)}\r\n`],
  ])(
    'whose client leaves in the middle leaves no half request on a connection that is used again (%j)',
    async (framing, part) => {
      const origin = await startOrigin();
      const backend = startBackend(origin, { maxConnections: 1, spareConnections: false });
      const port = await serve(backend.handler());
      const raw = await client(port);
      raw.write(`PUT /half HTTP/1.1\r\nHost: a\r\n${framing}`);
      raw.write(part);
      await origin.until(() => (origin.requests[0]?.body.length ?? 0) >= 300_000);
      raw.reset();
      for (const path of ['/1', '/2']) expect((await (await client(port)).get(path)).status).toBe(200);
      expect([...origin.executed.keys()]).toEqual(['/1', '/2']);
      expect(origin.connections.map(({ requests }) => requests.length)).toEqual([1, 2]);
      checkAtRest(backend, 1);
    },
  );

  test('that the origin does not take ends with 504, and the client can read that', async () => {
    const origin = await startOrigin({ rules: [{ at: 'connection', steps: [stopReading()] }] });
    const raw = await client(await serve(startBackend(origin, { sendTimeout: 100 }).handler()));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n');
    raw.write(Buffer.alloc(50_000_000));
    const response = await raw.readResponse();
    expect([response.status, response.headers.connection]).toEqual([504, 'close']);
  });
});

describe('120 MB', () => {
  const PIECE = Buffer.alloc(65_536, 'pooled');
  const PIECES = 1_900;
  const ROOM_BYTES = 32 * 2 ** 20;

  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');

  /** Everything here is in one process, so this is what client, proxy and origin hold together. */
  function held(): number {
    collectGarbage();
    return process.memoryUsage().arrayBuffers;
  }

  /** The most of it, looked at every 4 MB. */
  async function mostHeld(run: (took: (bytes: number) => void) => Promise<number>): Promise<number> {
    const before = held();
    let most = before;
    let taken = 0;
    const took = (bytes: number) => {
      if (Math.floor((taken + bytes) / 4_000_000) > Math.floor(taken / 4_000_000)) most = Math.max(most, held());
      taken += bytes;
    };
    expect(await run(took)).toBe(PIECES * PIECE.length);
    expect(taken).toBe(PIECES * PIECE.length);
    return most - before;
  }

  test.each(['length', 'chunked'] as const)('go through both ways without being collected (%s)', async (framing) => {
    const length = framing === 'length' ? { 'Content-Length': PIECES * PIECE.length } : {};
    let tookUpload: (bytes: number) => void = () => undefined;
    const server = createServer(async (request, response) => {
      if (request.method === 'GET') {
        pipeline(Readable.from(pieces()), response.writeHead(200, length), () => undefined);
        return;
      }
      let bytes = 0;
      for await (const piece of request) {
        bytes += piece.length;
        tookUpload(piece.length);
      }
      response.end(String(bytes));
    });
    const backend = new PooledBackend(`http://127.0.0.1:${await listen(server)}`);
    onTestFinished(() => backend.destroy());
    const port = await serve(backend.handler());
    async function* pieces() {
      for (let count = 0; count < PIECES; count += 1) yield PIECE;
    }
    const down = await mostHeld(async (took) => {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      let bytes = 0;
      for await (const piece of response.body ?? []) {
        bytes += piece.length;
        took(piece.length);
      }
      return bytes;
    });
    const up = await mostHeld(
      (took) =>
        new Promise((resolve, reject) => {
          tookUpload = took;
          const upload = request({ port, host: '127.0.0.1', method: 'PUT', headers: length }, async (response) => {
            resolve(Number((await response.toArray()).join('')));
          });
          pipeline(Readable.from(pieces()), upload, (error) => error && reject(error));
        }),
    );
    expect(Math.max(down, up)).toBeLessThan(ROOM_BYTES);
  });
});

describe('a response', () => {
  test('of an HTTP/1.0 origin is relayed, and its connection kept only when the origin says so', async () => {
    const origin = await startOrigin({
      rules: [
        {
          when: { path: '/kept' },
          steps: [answer({ version: '1.0', body: 'kept', fields: { Connection: 'keep-alive' } })],
        },
        { when: { path: '/length' }, steps: [answer({ version: '1.0', body: 'length' }), close()] },
        {
          when: { path: '/close' },
          steps: [answer({ version: '1.0', framing: 'until-close', body: 'close' }), close()],
        },
        {
          when: { path: '/chunked' },
          steps: [answer({ version: '1.0', framing: 'chunked', body: ['chu', 'nked'] }), close()],
        },
      ],
    });
    const backend = startBackend(origin, { maxConnections: 1 });
    const raw = await client(await serve(backend.handler()));
    for (const path of ['/kept', '/kept', '/length', '/close', '/chunked']) {
      const response = await raw.get(path);
      expect([response.status, `/${response.body}`, response.version]).toEqual([200, path, '1.1']);
      expect(response.headers.via).toBe('1.0 pooled-backend');
    }
    expect(origin.connections.map(({ requests }) => requests.map(({ path }) => path))).toEqual([
      ['/kept', '/kept', '/length'],
      ['/close'],
      ['/chunked'],
    ]);
    checkAtRest(backend, 1);
  });

  test.each(['chunked', 'until-close', 'length'] as const)(
    'that is %s ends for an HTTP/1.0 client, who may keep its connection if it can',
    async (framing) => {
      const end = framing === 'until-close' ? [close()] : [];
      const origin = await startOrigin({ rules: [{ steps: [answer({ framing, body: 'hello' }), ...end] }] });
      const raw = await client(await serve(startBackend(origin).handler()));
      raw.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      const response = await raw.readResponse();
      expect([response.body.toString(), response.headers['transfer-encoding']]).toEqual(['hello', undefined]);
      expect(response.headers.connection).toBe(framing === 'length' ? 'keep-alive' : 'close');
    },
  );

  test('that is an event stream arrives event by event, also when the client is slower', async () => {
    const origin = await startOrigin({
      rules: [{ steps: [send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')] }],
    });
    const backend = startBackend(origin, { bodyTimeout: 50 });
    const raw = await client(await serve(backend.handler()));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    for (let event = 0; event < 3; event += 1) {
      await raw.bytes(100 + event * 10);
      await pause(60); // longer than bodyTimeout
      await origin.play(0, [send(`data: ${event}\n\n`)]);
      await until(() => raw.received.includes(`data: ${event}\n\n`));
    }
    raw.destroy();
    await origin.until(() => origin.openConnections === 0);
  });

  test('that is cut inside its head and truncation in one read ends the connection', async () => {
    const origin = await startOrigin({
      rules: [{ steps: [send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'), reset()] }],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const response = await raw.readResponse().catch(() => undefined);
    expect(response?.complete ?? false).toBe(false);
  });
});
