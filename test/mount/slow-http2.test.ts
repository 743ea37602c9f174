import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { PooledBackend } from 'pooled-backend';
import { answer, close, execute, hold } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startBackend, startOrigin, until } from './setting.js';

const BODY = Buffer.alloc(1_572_864, 'x');

async function sessionTo(backend: PooledBackend): Promise<ClientHttp2Session> {
  return sessionOf(backend.handler());
}

async function sessionOf(
  listener: (req: Http2ServerRequest, res: Http2ServerResponse) => void,
): Promise<ClientHttp2Session> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => session.destroy());
  await once(session, 'connect');
  return session;
}

/** Gives signs of life that belong to no stream, one after the other. */
function keepPinging(session: ClientHttp2Session): void {
  if (session.destroyed) return;
  session.ping((error) => {
    if (error === null) setImmediate(keepPinging, session);
  });
}

function ended(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    stream.on('error', () => undefined).on('close', () => resolve());
  });
}

describe('a stream of a client that pings', () => {
  test.each([
    ['of a small response', [execute(), answer({ body: 'hello' })]],
    ['not the end of an empty response', [execute(), answer({ body: '' })]],
    ['of the answer to a request that failed', [close()]],
  ])('is reset after clientTimeout when it takes nothing, %s', async (_of, steps) => {
    const origin = await startOrigin({ script: () => steps });
    const session = await sessionTo(startBackend(origin, { clientTimeout: 200 }));
    await new Promise<void>((resolve) => session.settings({ initialWindowSize: 0 }, () => resolve()));
    const stream = session.request({ ':path': '/', ':method': 'POST' }, { endStream: true });
    keepPinging(session);
    await ended(stream);
    expect([stream.rstCode, session.destroyed]).toEqual([constants.NGHTTP2_INTERNAL_ERROR, false]);
  });

  test('is reset after clientTimeout when it takes nothing of its response', async () => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: Buffer.alloc(16_000_000, 'x') })] });
    const session = await sessionTo(startBackend(origin, { clientTimeout: 200 }));
    const stream = session.request({ ':path': '/' });
    stream.pause();
    keepPinging(session);
    await origin.until(() => origin.connectionsAccepted === 1 && origin.openConnections === 0);
    stream.resume();
    await ended(stream);
    expect([stream.rstCode === 0, session.destroyed]).toEqual([false, false]);
  });

  test.each([65_536, false] as const)(
    'is reset when it gives a part of its request (requestBufferBytes %s)',
    async (requestBufferBytes) => {
      const origin = await startOrigin();
      const session = await sessionTo(startBackend(origin, { clientTimeout: 200, requestBufferBytes }));
      const stream = session.request({ ':path': '/', ':method': 'POST', 'content-length': 5 });
      stream.write('hel');
      keepPinging(session);
      await ended(stream.resume());
      expect([origin.executed.size, session.destroyed]).toEqual([0, false]);
    },
  );
});

describe('an upload that the app has answered itself', () => {
  async function answeredUpload(options: Parameters<typeof startBackend>[1]) {
    const origin = await startOrigin();
    const backend = startBackend(origin, options);
    const handler = backend.handler();
    const responses: Http2ServerResponse[] = [];
    const session = await sessionOf((req, res) => {
      responses.push(res);
      handler(req, res);
    });
    const stream = session.request({ ':path': '/', ':method': 'POST', 'content-length': 5 });
    stream.write('hel');
    if (options?.requestBufferBytes === false) await origin.until(() => origin.requests[0]?.body.length === 3);
    else await until(() => responses.length === 1);
    responses[0]?.writeHead(503).end('too late');
    await once(stream.resume(), 'end');
    return { origin, backend, session, stream };
  }

  test.each([65_536, false] as const)('is not sent to its end (requestBufferBytes %s)', async (requestBufferBytes) => {
    const { origin, backend, session, stream } = await answeredUpload({ requestBufferBytes });
    await until(() => backend.stats().inFlight === 0);
    stream.end('lo');
    await ended(stream);
    expect([origin.executed.size, session.destroyed]).toEqual([0, false]);
  });

  test('is reset after clientTimeout when its client gives no more', async () => {
    const { session, stream } = await answeredUpload({ clientTimeout: 200 });
    keepPinging(session);
    await ended(stream);
    expect(session.destroyed).toBe(false);
  });
});

// Such a stream node:http2 keeps as long as something waits in it.
describe('a stream that its client resets with NO_ERROR is over', () => {
  test.each([
    ['while its response waits', 250_000],
    ['while its response is read', 16_000_000],
  ])('%s', async (_when, bytes) => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: Buffer.alloc(bytes, 'x') })] });
    const handler = startBackend(origin).handler();
    let over = false;
    const session = await sessionOf((req, res) => {
      res.on('close', () => {
        over = true;
      });
      handler(req, res);
    });
    const stream = session.request({ ':path': '/' });
    stream.pause();
    await once(stream, 'response');
    await origin.until(() => origin.executed.size === 1);
    stream.close(constants.NGHTTP2_NO_ERROR);
    await until(() => over);
    expect(session.destroyed).toBe(false);
  });

  test('while its request waits for a connection', async () => {
    const origin = await startOrigin({ script: () => [hold()] });
    const handler = startBackend(origin, { maxConnections: 1 }).handler();
    const requests: Http2ServerRequest[] = [];
    let over = false;
    const session = await sessionOf((req, res) => {
      if (requests.push(req) === 2) {
        res.on('close', () => {
          over = true;
        });
      }
      handler(req, res);
    });
    session.request({ ':path': '/' }).on('error', () => undefined);
    await origin.until(() => origin.requests.length === 1);
    const stream = session.request({ ':path': '/', ':method': 'POST' });
    stream.write(Buffer.alloc(1_000_000));
    await until(() => requests[1]?.isPaused() === true);
    stream.close(constants.NGHTTP2_NO_ERROR);
    await until(() => over);
    expect(session.destroyed).toBe(false);
  });
});

// node:http2 writes frames without end to a client that makes room for a stream which was destroyed before it was closed.
test('an answer of the app, which then closes the stream, is whole though the upload ends before it was taken', async () => {
  const origin = await startOrigin({ script: () => [hold()] });
  const handler = startBackend(origin, { requestBufferBytes: false }).handler();
  const exchanges: [Http2ServerRequest, Http2ServerResponse][] = [];
  const session = await sessionOf((req, res) => {
    exchanges.push([req, res]);
    handler(req, res);
  });
  const stream = session.request({ ':path': '/', ':method': 'POST' });
  stream.pause();
  stream.write('half');
  await origin.until(() => origin.requests.length === 1);
  const [[req, res] = []] = exchanges;
  res?.writeHead(503).end(Buffer.alloc(1_000_000, 'x'));
  res?.stream.close();
  stream.end('rest');
  await until(() => req?.stream.readableEnded === true);
  await new Promise((resolve) => session.ping(resolve)); // some turns of both ends
  expect(res?.stream.destroyed).toBe(false);
  let bytes = 0;
  for await (const piece of stream) bytes += piece.length;
  expect([bytes, stream.rstCode]).toEqual([1_000_000, constants.NGHTTP2_NO_ERROR]);
});

test('a stream that takes nothing stops its origin also where a middleware looks at its bytes and says nothing', async () => {
  const origin = await startOrigin({ script: () => [execute(), answer({ body: Buffer.alloc(16_000_000, 'x') })] });
  const backend = startBackend(origin, { spoolBytes: 1_000_000 });
  const handler = backend.handler();
  const session = await sessionOf((req: Http2ServerRequest, res: Http2ServerResponse) => {
    const { write } = res;
    Object.assign(res, { write: (piece: Uint8Array) => void write.call(res, piece, 'latin1') });
    handler(req, res);
  });
  const stream = session.request({ ':path': '/' });
  stream.pause();
  await until(() => backend.stats().spool.bytes >= 1_000_000);
  expect([backend.stats().spool.bytes < 2_000_000, backend.stats().origins[0]?.connections.busy]).toEqual([true, 1]);
});

describe('a stream is not reset', () => {
  test('while its client takes a little now and then', async () => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: BODY })] });
    const backend = startBackend(origin, { clientTimeout: 1_000, spoolBytes: 2 * BODY.length });
    const session = await sessionTo(backend);
    const stream = session.request({ ':path': '/' });
    const start = performance.now();
    let taken = 0;
    await until(() => backend.stats().spool.bytes > BODY.length / 2);
    while (taken < BODY.length && !stream.destroyed) {
      await new Promise((resolve) => setTimeout(resolve, 40)); // its pace
      const piece: Buffer | null = stream.read(Math.min(BODY.length / 48, stream.readableLength));
      taken += piece?.length ?? 0;
    }
    expect([taken, performance.now() - start > 1_000]).toEqual([BODY.length, true]);
  });

  test('while its client gives a little now and then', async () => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: 'ok' })] });
    const session = await sessionTo(startBackend(origin, { clientTimeout: 1_000 }));
    const stream = session.request({ ':path': '/', ':method': 'POST' });
    for (let piece = 0; piece < 30; piece += 1) {
      await new Promise((resolve) => setTimeout(resolve, 40)); // its pace
      stream.write('x');
    }
    stream.end();
    const [head] = await once(stream, 'response');
    expect(head[':status']).toBe(200);
  });
});
