import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { answer, execute, hold, send } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { client, listen, serve, startBackend, startOrigin, until } from './setting.js';

const MEGABYTE = 1_048_576;
const BITE = MEGABYTE / 2;

/** A client that asks and then takes nothing. */
async function sleeper(port: number, path = '/') {
  const raw = await client(port);
  raw.socket.pause();
  raw.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return raw;
}

/** As compression has it: also those who wait for room are told of the stream's. */
function putStreamInto(res: ServerResponse): void {
  const stream = new PassThrough();
  const [write, end, on] = [res.write, res.end, res.on];
  stream.on('data', (piece) => {
    if (!write.call(res, piece, 'latin1')) stream.pause();
  });
  stream.on('end', () => end.call(res, '', 'latin1'));
  on.call(res, 'drain', () => stream.resume());
  Object.assign(res, {
    write: (piece: unknown) => stream.write(piece),
    end: () => stream.end(),
    on: (event: string, listener: () => void) =>
      event === 'drain' ? stream.on(event, listener) : on.call(res, event, listener),
  });
}

function lookAtWrites(res: ServerResponse): void {
  const { write } = res;
  Object.assign(res, { write: (piece: unknown) => void write.call(res, piece, 'latin1') });
}

describe('a client that takes its response slowly', () => {
  test('does not hold the connection once the response fits into the spool', async () => {
    const origin = await startOrigin({
      script: ({ request }) => [
        execute(),
        answer({ body: request.path === '/big' ? Buffer.alloc(8 * MEGABYTE, 'x') : 'small' }),
      ],
    });
    const backend = startBackend(origin, { maxConnections: 1, spoolBytes: 16 * MEGABYTE });
    const port = await serve(backend.handler());
    const slow = await sleeper(port, '/big');
    await origin.until(() => origin.requests.length === 1);
    expect((await (await client(port)).get('/small')).body.toString()).toBe('small');
    expect(backend.stats().spool.bytes).toBeGreaterThan(0);
    slow.socket.resume();
    expect((await slow.readResponse()).body.length).toBe(8 * MEGABYTE);
    await until(() => backend.stats().spool.bytes === 0);
  });

  test('stops its origin when the spool is full, and gets every byte when it goes on', async () => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: Buffer.alloc(16 * MEGABYTE, 'x') })] });
    const backend = startBackend(origin, { spoolBytes: MEGABYTE });
    const slow = await sleeper(await serve(backend.handler()));
    await until(() => backend.stats().spool.bytes >= MEGABYTE);
    expect(backend.stats().spool.bytes).toBeLessThan(2 * MEGABYTE);
    expect(backend.stats().origins[0]?.connections.busy).toBe(1);
    slow.socket.resume();
    expect((await slow.readResponse()).body.length).toBe(16 * MEGABYTE);
    expect(backend.stats().spool.bytes).toBe(0);
  });

  test.each<[string, (res: ServerResponse) => void]>([
    ['holds its bytes in a stream, as one that compresses does', putStreamInto],
    ['looks at its bytes and says nothing of them', lookAtWrites],
  ])('stops its origin also where a middleware %s', async (_what, wrap) => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: Buffer.alloc(16 * MEGABYTE, 'x') })] });
    const backend = startBackend(origin, { spoolBytes: MEGABYTE });
    const handler = backend.handler();
    const slow = await sleeper(
      await serve((req, res) => {
        wrap(res);
        handler(req, res);
      }),
    );
    await until(() => backend.stats().spool.bytes >= MEGABYTE);
    expect(backend.stats().spool.bytes).toBeLessThan(2 * MEGABYTE);
    expect(backend.stats().origins[0]?.connections.busy).toBe(1);
    slow.socket.resume();
    expect((await slow.readResponse()).body.length).toBe(16 * MEGABYTE);
    expect(backend.stats().spool.bytes).toBe(0);
  });

  test('whose response somebody else ends gives its connection back, and nothing is written behind that end', async () => {
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${9 * MEGABYTE}\r\n\r\n`;
    const body = Buffer.alloc(8 * MEGABYTE, 'x');
    const origin = await startOrigin({ script: () => [execute(), send(head), send(body), hold(), send('more')] });
    const backend = startBackend(origin, { spoolBytes: 16 * MEGABYTE });
    const handler = backend.handler();
    const responses: ServerResponse[] = [];
    const errors: Error[] = [];
    const port = await serve((req, res) => {
      responses.push(res.on('error', (error) => errors.push(error)));
      handler(req, res);
    });
    await sleeper(port);
    await until(() => backend.stats().spool.bytes > 0);
    responses[0]?.end();
    await origin.release();
    await until(() => backend.stats().origins[0]?.connections.busy === 0);
    expect([errors, backend.stats().spool.bytes]).toEqual([[], 0]);
  });

  test('shares spoolTotalBytes with all others', async () => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: Buffer.alloc(16 * MEGABYTE, 'x') })] });
    const backend = startBackend(origin, { spoolBytes: 8 * MEGABYTE, spoolTotalBytes: MEGABYTE });
    const port = await serve(backend.handler());
    const sleepers = await Promise.all([sleeper(port), sleeper(port), sleeper(port)]);
    await until(() => backend.stats().spool.bytes > MEGABYTE);
    expect(backend.stats().spool.bytes).toBeLessThan(2 * MEGABYTE);
    for (const slow of sleepers) slow.destroy();
    await until(() => backend.stats().spool.bytes === 0);
  });

  test('is destroyed, and its exchange with it, after clientTimeout', async () => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: Buffer.alloc(16 * MEGABYTE, 'x') })] });
    const backend = startBackend(origin, { clientTimeout: 100 });
    const slow = await sleeper(await serve(backend.handler()));
    await origin.until(() => origin.connectionsAccepted === 1 && origin.openConnections === 0);
    slow.socket.resume();
    await until(() => slow.socket.destroyed);
    expect(backend.stats().spool.bytes).toBe(0);
  });

  test('is not destroyed while it takes a little now and then', async () => {
    const length = 16 * MEGABYTE;
    const origin = await startOrigin({ script: () => [execute(), answer({ body: Buffer.alloc(length, 'x') })] });
    const backend = startBackend(origin, { clientTimeout: 1_000, spoolBytes: 65_536 });
    const socket = connect(await serve(backend.handler()), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const start = performance.now();
    let taken = 0;
    while (taken < length && !socket.destroyed) {
      await new Promise((resolve) => setTimeout(resolve, 40)); // its pace
      for (let bite = 0; bite < BITE && taken + bite < length; ) {
        const piece: Buffer | null = socket.read();
        if (piece === null) await once(socket, 'readable');
        else bite += piece.length;
        if (bite >= BITE || taken + bite >= length) taken += bite;
      }
    }
    expect([taken >= length, performance.now() - start > 1_000]).toEqual([true, true]);
  });
});

describe('a client that gives its request slowly', () => {
  test.each([65_536, false] as const)(
    'and then not at all is destroyed after clientTimeout (requestBufferBytes %s)',
    async (requestBufferBytes) => {
      const origin = await startOrigin();
      const backend = startBackend(origin, { clientTimeout: 100 });
      const raw = await client(await serve(backend.handler({ requestBufferBytes })));
      raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel');
      await raw.ended();
      expect(origin.executed.size).toBe(0);
      await origin.until(() =>
        origin.requests.every(({ connection }) => origin.connections[connection]?.open === false),
      );
    },
  );

  test('is not destroyed while the origin is the slow one', async () => {
    const origin = await startOrigin({ script: () => [hold(), execute(), answer({ body: 'ok' })] });
    const backend = startBackend(origin, { clientTimeout: 100 });
    const raw = await client(await serve(backend.handler()));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    await origin.until(() => origin.requests[0]?.complete === true);
    await new Promise((resolve) => setTimeout(resolve, 300)); // three times clientTimeout is the point of this test
    await origin.release();
    expect((await raw.readResponse()).body.toString()).toBe('ok');
  });
});

describe('what goes to the client', () => {
  /** Counts the writes that reach the kernel. */
  async function countedServer(backend: ReturnType<typeof startBackend>) {
    let socket: Socket | undefined;
    const server = createServer(backend.handler()).on('connection', (one) => {
      socket = one;
    });
    const port = await listen(server);
    let writes = 0;
    return {
      port,
      watch() {
        const handle: unknown = Reflect.get(socket ?? {}, '_handle');
        if (typeof handle !== 'object' || handle === null) throw new Error('the socket has no handle');
        for (const name of ['writev', 'writeBuffer', 'writeLatin1String', 'writeUtf8String', 'writeAsciiString']) {
          const write: unknown = Reflect.get(handle, name);
          if (typeof write !== 'function') continue;
          Reflect.set(handle, name, (...given: unknown[]) => {
            writes += 1;
            return write.apply(handle, given);
          });
        }
      },
      get writes() {
        return writes;
      },
    };
  }

  test.each(['length', 'chunked'] as const)('is one write for a head and a small body (%s)', async (framing) => {
    const origin = await startOrigin({ script: () => [execute(), answer({ framing, body: 'hello' })] });
    const counted = await countedServer(startBackend(origin));
    const raw = await client(counted.port);
    expect((await raw.get('/')).status).toBe(200);
    counted.watch();
    expect((await raw.get('/')).body.toString()).toBe('hello');
    expect(counted.writes).toBe(1);
  });

  test('is not held back in an event stream', async () => {
    const origin = await startOrigin({
      script: () => [
        execute(),
        send(
          'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n',
        ),
        hold(),
        send('8\r\ndata: 2\n\r\n0\r\n\r\n'),
      ],
    });
    const raw = await client(await serve(startBackend(origin).handler()));
    raw.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => raw.received.includes('data: 1'));
    await origin.release();
    expect((await raw.readResponse()).body.toString()).toBe('data: 1\ndata: 2\n');
  });
});
