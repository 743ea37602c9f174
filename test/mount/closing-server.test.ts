/** A server that was told to close while clients keep their connections: they are told to come again elsewhere. */

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import express, { type ErrorRequestHandler } from 'express';
import { BackendError } from 'pooled-backend';
import { answer, close, execute, hold, type ScriptedOrigin, send } from 'pooled-backend/testing';
import { expect, onTestFinished, test } from 'vitest';
import type { RawClient } from '../wire/raw-client.js';
import { client, listen, startBackend, startOrigin } from './setting.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A client whose requests are under way at the origin. */
async function underWay(origin: ScriptedOrigin, listener: RequestListener, requests = GET) {
  const server = createServer(listener);
  const raw = await client(await listen(server));
  raw.write(requests);
  const count = requests.split('HTTP/1.1').length - 1;
  await origin.until(() => origin.requests.length === count);
  return { server, raw };
}

async function connectionOf(raw: RawClient): Promise<string | undefined> {
  return (await raw.readResponse()).headers.connection;
}

test('what is under way is answered, and ends its connection', async () => {
  const origin = await startOrigin({ script: () => [hold(), execute(), answer()] });
  const { server, raw } = await underWay(origin, startBackend(origin).handler());
  server.close();
  await origin.release();
  expect([await connectionOf(raw), await raw.ended()]).toEqual(['close', 'fin']);
});

test('what had its head before ends its connection, too, so that nobody comes again to a backend that is closing', async () => {
  const begun = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe';
  const origin = await startOrigin({ script: () => [execute(), send(begun), hold(), send('llo')] });
  const { server, raw } = await underWay(origin, startBackend(origin).handler());
  await raw.bytes(1);
  server.keepAliveTimeout = 0; // of itself it would wait for ever
  server.close();
  await origin.release();
  expect([(await raw.readResponse()).body.toString(), await raw.ended()]).toEqual(['hello', 'fin']);
});

test('so is what fails', async () => {
  const origin = await startOrigin({ script: () => [hold(), close()] });
  const backend = startBackend(origin, { maxAttempts: 1 });
  const { server, raw } = await underWay(origin, backend.handler());
  server.close();
  await origin.release();
  const { status, headers } = await raw.readResponse();
  expect([status, headers.connection, await raw.ended()]).toEqual([502, 'close', 'fin']);
});

test('so is what fails and is answered by an error handler of Express', async () => {
  const origin = await startOrigin({ script: () => [hold(), close()] });
  const app = express().use(startBackend(origin, { maxAttempts: 1 }).handler());
  app.use(((_error, _req, res, _next) => void res.status(502).send('sorry')) satisfies ErrorRequestHandler);
  const { server, raw } = await underWay(origin, app);
  server.close();
  await origin.release();
  const { status, headers } = await raw.readResponse();
  expect([status, headers.connection, await raw.ended()]).toEqual([502, 'close', 'fin']);
});

test('a pipeline is answered to its end', async () => {
  const origin = await startOrigin({ script: () => [hold(), execute(), answer()] });
  const { server, raw } = await underWay(origin, startBackend(origin).handler(), GET + GET);
  server.close();
  await origin.release();
  await origin.release();
  expect([await connectionOf(raw), await connectionOf(raw), await raw.ended()]).toEqual(['keep-alive', 'close', 'fin']);
});

test.each([
  ['was answered', 200, [hold(), execute(), answer({ body: 'whole' })]],
  ['has failed', 502, [hold(), close()]],
])('a session of HTTP/2 ends with what is under way on it, when that %s', async (_how, status, steps) => {
  const origin = await startOrigin({ script: () => steps });
  const server = createHttp2Server(startBackend(origin, { maxAttempts: 1 }).handler());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => session.destroy());
  const streams = ['/1', '/2'].map((path) => session.request({ ':path': path }));
  const answers = streams.map(async (stream) => {
    const [head] = await once(stream, 'response');
    await once(stream.resume(), 'close');
    return [head[':status'], stream.rstCode];
  });
  await origin.until(() => origin.requests.length === 2);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await origin.release();
  await origin.release();
  expect(await Promise.all(answers)).toEqual([
    [status, 0],
    [status, 0],
  ]);
  await closed;
});

test('a session of HTTP/2 ends with a request that was refused, and that somebody else answers', async () => {
  let refuse = (): void => {};
  const refused = new Promise<never>((_, reject) => {
    refuse = () => reject(new BackendError('http_request_error', 'not like this'));
  });
  const handle = startBackend(await startOrigin()).handler({ onRequestFields: () => refused });
  const server = createHttp2Server((req, res) => handle(req, res, () => res.writeHead(400).end()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':path': '/' });
  await once(server, 'request');
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  refuse();
  const [head] = await once(stream, 'response');
  expect(head[':status']).toBe(400);
  stream.resume();
  await closed;
});

test('a server that is given its connections by another, and never listens, keeps them', async () => {
  const origin = await startOrigin();
  const server = createServer(startBackend(origin).handler());
  const raw = await client(await listen(createTcpServer((socket) => void server.emit('connection', socket))));
  for (const path of ['/1', '/2']) expect((await raw.get(path)).headers.connection).toBe('keep-alive');
});
