import http from 'node:http';
import { gzipSync } from 'node:zlib';
import express, { type RequestHandler } from 'express';
import type { PooledBackend } from 'pooled-backend';
import { hold } from 'pooled-backend/testing';
import { describe, expect, test } from 'vitest';
import { bodyOf, client, listen, serve, startBackend, startOrigin, until } from './setting.js';

describe('request bodies held before their dispatch', () => {
  test('that do not fit into requestBufferTotalBytes are streamed', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin, { requestBufferTotalBytes: 8 });
    const port = await serve(backend.handler());
    const [first, second] = [await client(port), await client(port)];
    first.write('POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    const third = await client(port); // its answer comes after the first bytes of the first were read
    expect((await third.get('/between')).status).toBe(200);
    second.write('POST /streamed HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    await origin.until(() =>
      origin.requests.some((request) => request.path === '/streamed' && request.body.length === 3),
    );
    for (const raw of [first, second]) {
      raw.write('def');
      expect((await raw.readResponse()).status).toBe(200);
    }
    expect(origin.requests.map((request) => [request.path, bodyOf(request)])).toEqual([
      ['/between', ''],
      ['/streamed', 'abcdef'],
      ['/held', 'abcdef'],
    ]);
  });

  test('give their bytes back whatever becomes of them', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin, { requestBufferTotalBytes: 6 });
    const port = await serve(backend.handler());
    const leaver = await client(port);
    leaver.write('POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    const raw = await client(port);
    expect((await raw.get('/')).status).toBe(200);
    leaver.destroy();
    const held = async () => {
      raw.write('POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdef');
      return (await raw.readResponse()).status;
    };
    await until(() => backend.stats().requestBuffer.bytes === 0);
    expect([await held(), await held(), backend.stats().requestBuffer.bytes]).toEqual([200, 200, 0]);
  });

  test.each([
    ['destroyed', (backend: PooledBackend) => backend.destroy()],
    ['closed after a time', (backend: PooledBackend) => backend.close({ timeout: 1 })],
  ])('are refused by a backend that is %s, and so are those for which a hook is busy', async (_end, end) => {
    const origin = await startOrigin();
    const backend = startBackend(origin);
    const asked = { hook: false };
    const onRequestFields = () => {
      asked.hook = true;
      return new Promise<void>(() => {});
    };
    const busy = await client(await serve(backend.handler({ onRequestFields })));
    const raw = await client(await serve(backend.handler()));
    busy.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo');
    await until(() => asked.hook && backend.stats().requestBuffer.bytes > 0);
    await end(backend);
    expect([(await busy.readResponse()).status, (await raw.readResponse()).status]).toEqual([503, 503]);
    expect([backend.stats().requestBuffer.bytes, origin.requests.length]).toEqual([0, 0]);
  });

  test('are refused at once by a backend that is being closed, and so are those for which a hook is busy', async () => {
    const backend = startBackend(await startOrigin());
    const refused: string[] = [];
    backend.on('refuse', ({ path }) => refused.push(path));
    const hook = { calls: 0 };
    const onRequestFields = () => {
      hook.calls += 1;
      return new Promise<void>(() => {});
    };
    const hooked = await serve(backend.handler({ onRequestFields }));
    const [taken, busy, raw] = [
      await client(hooked),
      await client(hooked),
      await client(await serve(backend.handler())),
    ];
    taken.write('GET /taken HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => hook.calls > 0);
    void backend.close();
    busy.write('GET /busy HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await busy.readResponse()).status).toBe(503);
    raw.write('POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo');
    expect((await raw.readResponse()).status).toBe(503);
    expect(refused).toEqual(['/busy', '/body']);
  });

  test.each([
    ['and are sent when they are whole', 200],
    ['until their clients leave', undefined],
  ])('are waited for by a backend that closes, %s', async (_end, status) => {
    const origin = await startOrigin();
    const backend = startBackend(origin);
    const port = await serve(backend.handler());
    const [raw, late] = [await client(port), await client(port)];
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo');
    await until(() => backend.stats().requestBuffer.bytes > 0);
    const closed = backend.close();
    late.write('POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nlate');
    expect((await late.readResponse()).status).toBe(503);
    if (status === undefined) raw.destroy();
    else {
      raw.write('dy');
      expect((await raw.readResponse()).status).toBe(status);
    }
    await closed;
    expect(origin.requests.map(bodyOf)).toEqual(status === undefined ? [] : ['body']);
  });

  test('longer than requestBufferBytes by their own word are streamed from the first byte', async () => {
    const origin = await startOrigin();
    const raw = await client(await serve(startBackend(origin).handler({ requestBufferBytes: 4 })));
    raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab');
    await origin.until(() => bodyOf(origin.requests[0]) === 'ab');
    raw.write('cdef');
    expect((await raw.readResponse()).status).toBe(200);
    expect(origin.requests[0]?.headers['content-length']).toBe('6');
  });
});

describe('requestTimeout is over', () => {
  test.each([
    ['Content-Length: 6\r\n\r\nabc', 'd'],
    ['Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n', '1\r\nd\r\n'],
  ])('while a body comes: 504, and nothing of it is held or sent (%j)', async (begun, more) => {
    const origin = await startOrigin();
    const backend = startBackend(origin, { requestTimeout: 50 });
    const handler = backend.handler();
    let came = 0;
    const port = await serve((req, res) => {
      handler(req, res);
      req.on('data', (piece: Buffer) => {
        came += piece.length;
      });
    });
    const raw = await client(port);
    raw.write(`POST / HTTP/1.1\r\nHost: a\r\n${begun}`);
    expect((await raw.readResponse()).status).toBe(504);
    const before = came;
    raw.write(more);
    await until(() => came > before);
    expect([backend.stats().requestBuffer.bytes, origin.requests.length]).toEqual([0, 0]);
    await backend.close();
  });

  test('while a hook is busy: 504, and its answer comes too late', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin, { requestTimeout: 50 });
    let answer: (fields: string[]) => void = () => undefined;
    const late = new Promise<string[]>((resolve) => {
      answer = resolve;
    });
    const raw = await client(await serve(backend.handler({ onRequestFields: () => late })));
    expect((await raw.get('/')).status).toBe(504);
    answer([]);
    await backend.close();
    expect(origin.requests.length).toBe(0);
  });

  test.each(['handler', 'upgradeHandler'] as const)(
    'while a hook of %s is busy: that time is in its event',
    async (kind) => {
      const backend = startBackend(await startOrigin(), { requestTimeout: 50 });
      const failures: [isWhole: boolean, inFlight: number][] = [];
      backend.on('fail', ({ durationMs }) => failures.push([durationMs >= 50, backend.stats().inFlight]));
      const onRequestFields = () => new Promise<never>(() => {});
      const server = http.createServer(backend.handler({ onRequestFields }));
      server.on('upgrade', backend.upgradeHandler({ onRequestFields }));
      const raw = await client(await listen(server));
      const offer = kind === 'handler' ? '' : 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
      raw.write(`GET / HTTP/1.1\r\nHost: a\r\n${offer}\r\n`);
      expect((await raw.readResponse()).status).toBe(504);
      expect(failures).toEqual([[true, 0]]);
    },
  );
});

test('a chunked one that streams is sent whole, though a middleware listens to it', async () => {
  const origin = await startOrigin();
  const handler = startBackend(origin, { requestBufferBytes: false }).handler();
  const port = await serve((req, res) => {
    req.on('data', () => {});
    handler(req, res);
  });
  const raw = await client(port);
  raw.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
  expect((await raw.readResponse()).status).toBe(200);
  expect(origin.requests.map(bodyOf)).toEqual(['abc']);
});

test('a chunked one that does not fit is sent once behind a middleware that wraps its listeners', async () => {
  const origin = await startOrigin();
  const app = express().use(bindListeners, startBackend(origin, { requestBufferBytes: 4 }).handler());
  const raw = await client(await serve(app));
  raw.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
  await origin.until(() => bodyOf(origin.requests[0]) === 'first');
  raw.write('6\r\nsecond\r\n');
  await origin.until(() => origin.requests.some((request) => bodyOf(request).endsWith('second')));
  raw.write('0\r\n\r\n');
  expect((await raw.readResponse()).status).toBe(200);
  expect(origin.requests.map(bodyOf)).toEqual(['firstsecond']);
});

describe('behind a middleware whose listeners off() does not find', () => {
  const CHUNKED =
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n';
  const DECLARED = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nfirstsecond';

  test.each([
    ['that fits', CHUNKED, 65_536],
    ['of a declared length', DECLARED, 65_536],
    ['that does not fit', CHUNKED, 4],
    ['that is streamed', DECLARED, false],
  ] as const)('a body %s is sent once, and answered', async (_what, request, requestBufferBytes) => {
    const origin = await startOrigin();
    const backend = startBackend(origin, { requestBufferBytes });
    const failures: unknown[] = [];
    backend.on('fail', ({ error }) => failures.push(error));
    const raw = await client(await serve(express().use(loseListeners, backend.handler())));
    raw.write(request);
    expect((await raw.readResponse()).status).toBe(200);
    expect((await raw.get('/next')).status).toBe(200);
    expect(failures).toEqual([]);
    expect(origin.requests.map(bodyOf)).toEqual(['firstsecond', '']);
  });
});

describe('behind a middleware that has called setEncoding()', () => {
  const SENT = Buffer.from('über');
  const [first, second] = [SENT.subarray(0, 1).toString('latin1'), SENT.subarray(1).toString('latin1')]; // in the middle of ü

  test.each([
    ['in one chunk', `Transfer-Encoding: chunked\r\n\r\n5\r\n${first}${second}\r\n0\r\n\r\n`, 65_536],
    ['in two chunks', `Transfer-Encoding: chunked\r\n\r\n1\r\n${first}\r\n4\r\n${second}\r\n0\r\n\r\n`, 65_536],
    ['of a declared length', `Content-Length: 5\r\n\r\n${first}${second}`, 65_536],
    ['that does not fit', `Transfer-Encoding: chunked\r\n\r\n1\r\n${first}\r\n4\r\n${second}\r\n0\r\n\r\n`, 1],
  ] as const)('a body %s goes out as it came', async (_what, rest, requestBufferBytes) => {
    const origin = await startOrigin();
    const backend = startBackend(origin, { requestBufferBytes });
    const app = express().use((req, _res, next) => {
      req.setEncoding('utf8');
      next();
    }, backend.handler());
    const raw = await client(await serve(app));
    raw.write(`POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
    expect((await raw.readResponse()).status).toBe(200);
    expect(origin.requests.map(bodyOf)).toEqual([SENT.toString('latin1')]);
  });
});

/** What is told is another function than the one that was given, and nobody remembers which. */
const loseListeners: RequestHandler = (req, _res, next) => {
  const { on } = req;
  req.on = (event: string, listener: (...given: never[]) => void) =>
    on.call(req, event, (...given: unknown[]) => Reflect.apply(listener, req, given));
  next();
};

/** As bindEmitter() of cls-hooked does: while an event is told, off() does not find who listens for it. */
const bindListeners: RequestHandler = (req, _res, next) => {
  const { emit, off } = req;
  const told: unknown[] = [];
  req.emit = (event: string, ...given: unknown[]) => {
    told.push(event);
    const heard = emit.call(req, event, ...given);
    told.pop();
    return heard;
  };
  req.off = (event, listener) => (told.includes(event) ? req : off.call(req, event, listener));
  next();
};

test('an upload that is refused while it is under way can read why', async () => {
  const origin = await startOrigin({ script: () => [hold()] });
  const backend = startBackend(origin, { maxConnections: 1, maxQueue: 1, requestBufferBytes: false });
  const port = await serve(backend.handler());
  for (const waiting of [0, 1]) {
    (await client(port)).write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => origin.requests.length === 1 && backend.stats().queue.length === waiting);
  }
  const raw = await client(port);
  raw.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n');
  raw.write(Buffer.alloc(3_000_000));
  const response = await raw.readResponse();
  expect([response.status, response.headers.connection]).toEqual([503, 'close']);
  expect(await raw.ended()).toBe('fin');
});

describe('a compressed body behind a parser that has inflated it', () => {
  const packed = gzipSync('{"a":1}');

  async function sent(framing: string, bytes: Buffer) {
    const origin = await startOrigin();
    const app = express().use(express.json(), startBackend(origin).handler());
    app.use(
      ((error: { code: string }, _req, res, _next) =>
        void res.status(599).send(error.code)) as express.ErrorRequestHandler,
    );
    const raw = await client(await serve(app));
    raw.write(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n${framing}\r\n\r\n`,
    );
    raw.write(bytes);
    return { response: await raw.readResponse(), request: origin.requests[0] };
  }

  test('is sent as it is now, and does not claim to be compressed', async () => {
    const { response, request } = await sent(`Content-Length: ${packed.length}`, packed);
    expect([response.status, bodyOf(request), request?.headers['content-encoding']]).toEqual([
      200,
      '{"a":1}',
      undefined,
    ]);
  });

  test('is refused when nothing tells which of the two it is', async () => {
    const chunk = Buffer.concat([
      Buffer.from(`${packed.length.toString(16)}\r\n`),
      packed,
      Buffer.from('\r\n0\r\n\r\n'),
    ]);
    const { response, request } = await sent('Transfer-Encoding: chunked', chunk);
    expect([response.status, response.body.toString(), request]).toEqual([599, 'body_already_read', undefined]);
  });
});
