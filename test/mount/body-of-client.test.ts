/** The request of a client as the body of `backend.request()` or `backend.fetch()`. */

import { once } from 'node:events';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer } from 'node:http2';
import { text } from 'node:stream/consumers';
import type { PooledBackend } from 'pooled-backend';
import { answer, close, execute, hold, type Step, send } from 'pooled-backend/testing';
import { expect, onTestFinished, test } from 'vitest';
import { client, listen, serve, startBackend, startOrigin, until } from './setting.js';

// More than the buffers of the sockets on its way to an origin that reads nothing of it.
const LONG = Buffer.alloc(8_000_000, 'x');

/** An origin that answers a POST before its body has come. */
const early = (...steps: readonly Step[]) =>
  startOrigin({ rules: [{ when: { method: 'POST' }, at: 'head', steps: [execute(), ...steps] }] });

/** Answers with what the backend answers, and 502 when it fails. */
async function passOn(backend: PooledBackend, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    const body = req.method === 'POST' ? req : undefined;
    const { statusCode, body: answered } = await backend.request({ method: req.method, path: req.url ?? '', body });
    const bytes = await answered.text();
    res.writeHead(statusCode, { 'Content-Length': bytes.length }).end(bytes);
  } catch {
    res.writeHead(502, { 'Content-Length': 0 }).end();
  }
}

test.each([
  ['answered', 200, [answer({ body: 'early' })]],
  ['lost', 502, [close()]],
  ['answered with what is not HTTP', 502, [send('220 mail.example ESMTP ready\r\n')]],
] as const)(
  'a request that was %s before its body had come does not block the next one',
  async (_how, status, steps) => {
    const backend = startBackend(await early(...steps));
    const asked = await client(await serve((req, res) => void passOn(backend, req, res)));
    asked.write(`POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: ${LONG.length}\r\n\r\n`);
    asked.write(LONG);
    expect((await asked.readResponse()).status).toBe(status);
    expect((await asked.get('/second')).status).toBe(200);
  },
);

test('a stream of HTTP/2 that was answered before its body had come is closed', async () => {
  const backend = startBackend(await early(answer({ body: 'early' })));
  const server = createServer((req, res) => void passOn(backend, req as never, res as never));
  const session = connect(`http://127.0.0.1:${await listen(server as never)}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': '/' });
  stream.end(LONG);
  expect(await text(stream)).toBe('early');
  await once(stream, 'close');
  expect(stream.rstCode).toBe(0);
});

test('a body that others listen to, and that was not sent, does not block the next request', async () => {
  const origin = await startOrigin({ rules: [{ steps: [hold()] }] });
  const backend = startBackend(origin, { maxConnections: 1 });
  backend.request({ path: '/busy' }).catch(() => {});
  const came: IncomingMessage[] = [];
  const port = await serve((req, res) => {
    came.push(req);
    req.on('data', () => {});
    void passOn(backend, req, res);
  });
  const asked = await client(port);
  asked.write('POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let i = 0; i < 200; i += 1) asked.write(`1000\r\n${'x'.repeat(4_096)}\r\n`);
  asked.write('0\r\n\r\n');
  await until(() => came.some(({ readableLength }) => readableLength > 0));
  backend.destroy();
  expect((await asked.readResponse()).status).toBe(502);
  expect((await asked.get('/second')).status).toBe(502);
});

test('a body that was not read is left to the app', async () => {
  const backend = startBackend(await startOrigin());
  await backend.close();
  const port = await serve(async (req, res) => {
    const failed = await backend.request({ method: 'POST', path: '/', body: req }).catch(({ code }) => code);
    res.end(`${failed}: ${await text(req)}`);
  });
  const asked = await client(port);
  asked.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
  expect(String((await asked.readResponse()).body)).toMatch(/: hello$/);
});

test('a response of node:http that is the body of a request is destroyed with it', async () => {
  const backend = startBackend(await early(answer({ body: 'early' })));
  const source = await startOrigin({ rules: [{ steps: [send('HTTP/1.1 200 OK\r\n\r\nendless')] }] });
  const [body] = (await once(get(source.url), 'response')) as [IncomingMessage];
  const { statusCode } = await backend.request({ method: 'POST', path: '/', body });
  expect(statusCode).toBe(200);
  await until(() => body.destroyed);
});
