import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  createServer as createHttp2Server,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { answer, close, execute, hold, send } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { authority, cert, key } from '../wire/certificate.js';
import { RawClient } from '../wire/raw-client.js';
import { listen, startBackend, startOrigin } from './setting.js';

/** A frame (RFC 9113 §4.1) that ends its headers, when it has any, and no stream. */
function frame(type: number, stream: number, payload: string | Buffer): Buffer {
  const length = Buffer.byteLength(payload);
  return Buffer.concat([Buffer.from([0, 0, length, type, type === 1 ? 4 : 0, 0, 0, 0, stream]), Buffer.from(payload)]);
}

describe('over TLS', () => {
  async function secureClient(backend: ReturnType<typeof startBackend>) {
    const port = await listen(createHttpsServer({ key, cert }, backend.handler()));
    const raw = await RawClient.connect({ port, ca: authority });
    onTestFinished(() => raw.destroy());
    return raw;
  }

  test('the origin is told that the client came by https', async () => {
    const origin = await startOrigin();
    await (await secureClient(startBackend(origin))).get('/');
    expect(origin.requests[0]?.headers).toMatchObject({ 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' });
  });

  test('a response that is cut off ends the connection, also for HTTP/1.0', async () => {
    const script = () => [
      execute(),
      answer({ framing: 'chunked', body: 'hello world', cutBodyAt: 8 }),
      hold(),
      close(),
    ];
    const origin = await startOrigin({ script });
    const raw = await secureClient(startBackend(origin));
    raw.write('GET / HTTP/1.0\r\n\r\n');
    await raw.bytes(40);
    await origin.release();
    await raw.ended();
  });
});

describe('over HTTP/2', () => {
  async function serve(backend: ReturnType<typeof startBackend>) {
    const server = createHttp2Server(backend.handler());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return (server.address() as AddressInfo).port;
  }

  async function session(backend: ReturnType<typeof startBackend>) {
    const made = connectHttp2(`http://127.0.0.1:${await serve(backend)}`);
    onTestFinished(() => made.destroy());
    return made;
  }

  test('a stream that its client gives up ends the exchange, and no other', async () => {
    const origin = await startOrigin({
      script: ({ request }) =>
        request.path === '/long'
          ? [execute(), send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nstart')]
          : undefined,
    });
    const client = await session(startBackend(origin));
    const long = client.request({ ':path': '/long' });
    await new Promise((resolve) => long.once('data', resolve));
    long.close(constants.NGHTTP2_CANCEL);
    await origin.until(() => origin.connections[0]?.open === false);
    const other = client.request({ ':path': '/other' });
    expect(await new Promise((resolve) => other.on('response', (fields) => resolve(fields[':status'])).resume())).toBe(
      200,
    );
  });

  test('so does a HEAD', async () => {
    const origin = await startOrigin({ script: () => [hold()] });
    const head = (await session(startBackend(origin))).request({ ':method': 'HEAD', ':path': '/' });
    await origin.until(() => origin.requests.length === 1);
    head.close(constants.NGHTTP2_CANCEL);
    await origin.until(() => origin.connections[0]?.open === false);
  });

  test('an upload that its client gives up is not sent as if it were whole', async () => {
    const origin = await startOrigin();
    const client = await session(startBackend(origin, { requestBufferBytes: false }));
    const upload = client.request({ ':method': 'POST', ':path': '/' });
    upload.write('half');
    await origin.until(() => origin.requests[0]?.body.length === 4);
    upload.destroy();
    await origin.until(() => origin.connections[origin.requests[0]?.connection ?? 0]?.open === false);
    expect([origin.requests[0]?.complete, origin.executed.size]).toEqual([false, 0]);
  });

  // A client of node:http2 would end the body first.
  test('nor is that of a HEAD, which its client resets with NO_ERROR', async () => {
    const origin = await startOrigin();
    const port = await serve(startBackend(origin, { requestBufferBytes: false }));
    const { socket } = await RawClient.connect({ port });
    onTestFinished(() => void socket.destroy());
    const fields = Buffer.from('\x02\x04HEAD\x86\x84\x01\x01a', 'latin1'); // :method, :scheme, :path, :authority
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(Buffer.concat([frame(4, 0, ''), frame(1, 1, fields), frame(0, 1, 'half')]));
    await origin.until(() => origin.requests[0]?.body.length === 4);
    socket.write(frame(3, 1, Buffer.alloc(4)));
    await origin.until(() => origin.connections[0]?.open === false || origin.executed.size > 0);
    expect([origin.requests[0]?.complete, origin.executed.size]).toEqual([false, 0]);
  });

  // What is not sent of them node:http2 counts for ever: 10 MB of it, and the session has no room for a stream.
  test('a client that gives up one response after the other is never without a session for the next', async () => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: Buffer.alloc(250_000, 'x') })] });
    const port = await serve(startBackend(origin));
    let client: ClientHttp2Session | undefined;
    onTestFinished(() => client?.destroy());
    for (let given = 0; given < 250; ) {
      if (client === undefined || client.closed) client = connectHttp2(`http://127.0.0.1:${port}`);
      const stream = client.request({ ':path': '/' });
      const closed = new Promise((resolve) => stream.on('error', () => undefined).on('close', resolve));
      const answered = new Promise<true>((resolve) => stream.on('response', () => resolve(true)));
      if ((await Promise.race([answered, closed])) === true) {
        stream.close(constants.NGHTTP2_CANCEL);
        given += 1;
      } else if (stream.rstCode !== constants.NGHTTP2_REFUSED_STREAM) throw new Error(`reset with ${stream.rstCode}`);
      await closed;
    }
  });

  test('CONNECT is 501 where the upgrade handler listens for it', async () => {
    const backend = startBackend(await startOrigin());
    const server = createHttp2Server(backend.handler()).on('connect', backend.upgradeHandler());
    const client = connectHttp2(`http://127.0.0.1:${await listen(server)}`);
    onTestFinished(() => client.destroy());
    const stream = client.request({ ':method': 'CONNECT', ':authority': 'example.test:443' });
    const status = await new Promise((resolve, reject) => {
      stream.on('response', (fields) => resolve(fields[':status'])).on('error', reject);
    });
    expect(status).toBe(501);
  });

  test('a response that is larger than the window waits for its reader', async () => {
    const origin = await startOrigin({ script: () => [execute(), answer({ body: Buffer.alloc(4_000_000, 'x') })] });
    const backend = startBackend(origin, { spoolBytes: 65_536 });
    const stream = (await session(backend)).request({ ':path': '/' });
    await new Promise((resolve) => stream.once('response', resolve));
    await origin.until(() => origin.requests.length === 1);
    let bytes = 0;
    for await (const piece of stream) bytes += piece.length;
    expect([bytes, backend.stats().spool.bytes]).toEqual([4_000_000, 0]);
  });
});
