import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { expect, onTestFinished, test, vi } from 'vitest';
import { closeServer, PooledBackend } from '../../src/index.js';
import { authority, cert, key } from '../wire/certificate.js';
import { listen, until } from './setting.js';

test('a session of HTTP/2 ends with what is in progress on it', async () => {
  const asked: ServerResponse[] = [];
  const origin = createServer((_, res) => void asked.push(res));
  const backend = new PooledBackend(`http://127.0.0.1:${await listen(origin)}`);
  onTestFinished(() => backend.destroy());
  const server = createHttp2Server(backend.handler() as never);
  await listen(server as never);
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':path': '/' });
  await until(() => asked.length > 0);
  const ended = once(session, 'close');
  const closed = closeServer(server, backend);
  await until(() => !server.listening);
  asked[0]?.end();
  expect(await text(stream)).toBe('');
  await Promise.all([ended, closed]);
});

test('an idle session of HTTP/2 ends with the farewell', async () => {
  const backend = new PooledBackend(`http://127.0.0.1:${await listen(createServer((_, res) => res.end()))}`);
  const server = createHttp2Server(backend.handler() as never);
  await listen(server as never);
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => session.destroy());
  await text(session.request({ ':path': '/' }));
  const ended = once(session, 'close');
  await Promise.all([ended, closeServer(server, backend, { timeout: 1_000_000 })]);
});

test('a session of HTTP/2 that only uses routes of the app is ended, too', async () => {
  const server = createHttp2Server((_, res) => res.end());
  await listen(server as never);
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => session.destroy());
  await text(session.request({ ':path': '/before' }));
  const ended = once(session, 'goaway');
  const closed = closeServer(server, []);
  await text(session.request({ ':path': '/after' }));
  expect(server.listening).toBe(true);
  await Promise.all([ended, closed]);
});

test('a stream of HTTP/2 that a route of the app has begun is cut off at the end', async () => {
  const server = createHttp2Server(() => {});
  await listen(server as never);
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`).on('error', () => {});
  const stream = session.request({ ':path': '/' }).on('error', () => {});
  await once(server, 'stream');
  const gone = once(stream, 'close');
  await closeServer(server, [], { timeout: 100 });
  await gone;
});

test.each([
  ['a handshake of TLS', () => createHttpsServer(), '\x16\x03\x01\x02\0'],
  [
    'a WebSocket of the app',
    () => createServer().on('upgrade', () => {}),
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n',
  ],
])('%s is cut off at the end', async (_, create, opening) => {
  const server: Server = create();
  const socket = connect(await listen(server), '127.0.0.1').on('error', () => {});
  socket.write(opening, 'latin1');
  await once(server, 'connection');
  const gone = once(socket.resume(), 'close');
  await closeServer(server, [], { timeout: 100 });
  await gone;
});

test('a client that only connects to a server of TLS does not hold it back', async () => {
  const server = createHttpsServer();
  const socket = connect(await listen(server), '127.0.0.1');
  await once(server, 'connection');
  const gone = once(socket.resume(), 'close');
  await closeServer(server, [], { timeout: 1_000_000 });
  await gone;
});

test('a handshake of TLS may take half a second beyond the end of listening', async () => {
  const backend = new PooledBackend(`http://127.0.0.1:${await listen(createServer((_, res) => res.end()))}`);
  const server = createHttpsServer({ key, cert }, backend.handler());
  const socket = connect(await listen(server), '127.0.0.1');
  await once(server, 'connection');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const closed = closeServer(server, backend);
  const late = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(server, 'connection');
  socket.destroy();
  for (; server.listening; await turn()) vi.advanceTimersByTime(100);
  for (let waits = 0; waits < 5; waits += 1, await turn()) vi.advanceTimersByTime(100);
  const client = connectTls({ socket: late, ca: authority, servername: 'localhost' });
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await text(client)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  vi.useRealTimers();
  await closed;
});

test('until it is done, it keeps the process alive, even if nothing else does', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const closed = closeServer(createServer(), []);
  const during = timers();
  await closed;
  expect([during, timers()]).toEqual([before + 1, before]);
});

test.each([
  [
    'an application instead of its server',
    () => [function app() {}, new PooledBackend('http://127.0.0.1:9')],
    /^the first argument of closeServer\(\) must be a server of .*, got \[Function: app\]$/,
  ],
  [
    'them the wrong way round',
    () => [new PooledBackend('http://127.0.0.1:9'), createServer()],
    /first argument .*, got \[PooledBackend\]$/,
  ],
  [
    'no backend',
    () => [createServer()],
    /^the second argument of closeServer\(\) must be a PooledBackend, or a list of them, got undefined$/,
  ],
  ['a server as a backend', () => [createServer(), [createServer()]], /second argument .*, got \[Server\]$/],
])('given %s, it says what it needs', async (_, args, message) => {
  const refused = closeServer(...(args() as unknown as Parameters<typeof closeServer>));
  await expect(refused).rejects.toThrow(TypeError);
  await expect(refused).rejects.toThrow(message);
});

test('on a unix socket, where clients have no address, each handshake of TLS is waited for by itself', async () => {
  const backend = new PooledBackend(`http://127.0.0.1:${await listen(createServer((_, res) => res.end()))}`);
  const server = createHttpsServer({ key, cert }, backend.handler());
  const path = join(mkdtempSync(join(tmpdir(), 'close-')), 'socket');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const open = async () => {
    const socket = connect(path);
    await once(server, 'connection');
    return socket;
  };
  const ask = (socket: Socket) => {
    const client = connectTls({ socket, ca: authority, servername: 'localhost' });
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    return text(client);
  };
  const first = await open();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const closed = closeServer(server, backend);
  const [quick, slow] = [await open(), await open()];
  expect(await ask(quick)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  first.destroy();
  for (; server.listening; await turn()) vi.advanceTimersByTime(100);
  for (let waits = 0; waits < 5; waits += 1, await turn()) vi.advanceTimersByTime(100);
  expect(await ask(slow)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  vi.useRealTimers();
  await closed;
});

test.each([[['/mounted', '/mounted/2']], [['/own', '/own/2']], [['/own', '/mounted']], [['/mounted', '/own']]])(
  'of %s in one pipeline the last ends the connection',
  async (paths) => {
    const asked: ServerResponse[] = [];
    const origin = createServer((_, res) => void asked.push(res));
    const backend = new PooledBackend(`http://127.0.0.1:${await listen(origin)}`);
    const handler = backend.handler();
    const server = createServer((req, res) => {
      if (req.url?.startsWith('/own')) asked.push(res);
      else handler(req, res);
    });
    const socket = connect(await listen(server), '127.0.0.1');
    await once(server, 'connection');
    const closed = closeServer(server, backend);
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    await until(() => asked.length === 2);
    for (const res of asked) res.end();
    const [, ...heads] = (await text(socket)).split('HTTP/1.1 200 OK');
    expect(heads.map((head) => head.includes('Connection: close'))).toEqual([false, true]);
    await closed;
  },
);

test('two routes of the app in one pipeline that have begun before are both answered', async () => {
  const asked: ServerResponse[] = [];
  const server = createServer((_, res) => void asked.push(res));
  const socket = connect(await listen(server), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2));
  await until(() => asked.length === 2);
  const closed = closeServer(server, []);
  for (const res of asked) res.end();
  expect((await text(socket)).match(/^HTTP.*$|HTTP\/1.1 200 OK/gm)).toHaveLength(2);
  await closed;
});
