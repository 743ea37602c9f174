import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { closeServer, PooledBackend } from '../../src/index.js';
import { listen } from './setting.js';

/** A server in front of this origin, and clients of it. Time passes when a test says so. */
async function startServer(origin: RequestListener, ownRoute?: RequestListener) {
  const backend = new PooledBackend(`http://127.0.0.1:${await listen(createServer(origin))}`);
  const handler = backend.handler();
  const server = createServer((req, res) => (req.url === '/own' ? ownRoute?.(req, res) : handler(req, res)));
  const port = await listen(server);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
    backend.destroy();
    server.closeAllConnections();
  });
  const client = () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    return async (path: string, method = 'GET') => {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get({ host: '127.0.0.1', port, path, method, agent }, resolve).once('error', reject);
      });
      await once(response.resume(), 'end');
      return response.headers.connection;
    };
  };
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  return { backend, server, port, client, open, pass: (ms = 1_000) => vi.advanceTimersByTime(ms) };
}

/** Requests that wait until they are answered. */
class Held {
  #answer: (() => void) | undefined;
  #begun: (() => void) | undefined;
  readonly begun = new Promise<void>((resolve) => {
    this.#begun = resolve;
  });

  readonly listener: RequestListener = (_, res) => {
    this.#answer = () => void res.end();
    this.#begun?.();
  };

  answer(): void {
    this.#answer?.();
  }
}

async function stopsListening(server: Server): Promise<void> {
  while (server.listening) await turn();
}

/** Lets time pass until this is done. */
async function passUntil(done: Promise<void>): Promise<void> {
  let isDone = false;
  void done.then(() => {
    isDone = true;
  });
  for (; !isDone; await turn()) vi.advanceTimersByTime(100);
}

const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

test('for a second it serves what comes, and each answer ends its connection', async () => {
  const held = new Held();
  const { backend, server, client, pass } = await startServer((req, res) =>
    req.url === '/slow' ? held.listener(req, res as never) : res.end(),
  );
  const [kept, slow, fresh] = [client(), client(), client()];
  const before = await kept('/before');
  const begun = slow('/slow');
  await held.begun;
  const closed = closeServer(server, backend);
  const after = [await kept('/after'), await fresh('/fresh')];
  held.answer();
  expect([before, ...after, await begun]).toEqual(['keep-alive', 'close', 'close', 'close']);
  pass();
  await closed;
  await expect(client()('/late')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('what is pipelined behind a request in progress is answered, too, and ends the connection', async () => {
  const held = new Held();
  const asked: (string | undefined)[] = [];
  const { backend, server, open, pass } = await startServer((req, res) => {
    asked.push(req.url);
    if (req.url === '/first') held.listener(req, res as never);
    else res.end();
  });
  const socket = await open();
  socket.write(ask('/first'));
  await held.begun;
  const closed = closeServer(server, backend);
  socket.write(ask('/behind'));
  while (asked.length < 2) await turn();
  held.answer();
  const fields = (await text(socket)).match(/^connection: .*$/gim);
  expect(fields).toEqual(['Connection: keep-alive', 'Connection: close']);
  pass();
  await closed;
});

test("the app's own routes say so, too, and what is in progress there is answered after the backend is closed", async () => {
  const held = new Held();
  const { backend, server, client, pass } = await startServer(
    (_, res) => res.end(),
    (req, res) => (req.method === 'HEAD' ? res.end() : held.listener(req, res)),
  );
  const begun = client()('/own');
  await held.begun;
  const closed = closeServer(server, backend);
  expect(await client()('/own', 'HEAD')).toBe('close');
  pass();
  await stopsListening(server);
  for (; backend.stats().state !== 'closed'; await turn()) pass(100);
  held.answer();
  expect(await begun).toBe('close');
  await passUntil(closed);
});

test.each([
  ['with an answer of the backend', '/', 'close'],
  ['or, where another handler has begun, with its connection', '/own', 'ECONNRESET'],
])('what is not finished within the timeout is cut off, %s', async (_, path, expected) => {
  const held = new Held();
  const { backend, server, client } = await startServer(held.listener, held.listener);
  vi.useRealTimers();
  const result = client()(path).catch(({ code }) => code);
  await held.begun;
  await closeServer(server, backend, { timeout: 100 });
  expect(await result).toBe(expected);
});

test('connections that wait to be accepted at the end of the farewell are served', async () => {
  const { backend, server, port, client, open, pass } = await startServer((_, res) => res.end());
  await open();
  const closed = closeServer(server, backend);
  expect(await client()('/')).toBe('close'); // the farewell has begun
  const last = Array.from({ length: 5 }, () => connect(port, '127.0.0.1')); // connected at once, accepted in turns to come
  for (const socket of last) socket.write(ask('/'));
  pass();
  const answers = await Promise.all(last.map((socket) => text(socket)));
  expect(answers.map((answer) => answer.slice(0, 15))).toEqual(last.map(() => 'HTTP/1.1 200 OK'));
  await stopsListening(server);
  await passUntil(closed);
});

test('a client that has connected before is served, though its request comes after the end of listening', async () => {
  const { backend, server, client, open, pass } = await startServer((_, res) => res.end());
  const last = await open();
  const closed = closeServer(server, backend);
  expect(await client()('/')).toBe('close');
  pass();
  await stopsListening(server);
  for (let waits = 0; waits < 5; waits += 1, await turn()) pass(100);
  last.write(ask('/'));
  expect(await text(last)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  await passUntil(closed);
});

test('a client that never sends anything does not hold it back', async () => {
  const { backend, server, client, open, pass } = await startServer((_, res) => res.end());
  await open();
  const closed = closeServer(server, backend, { timeout: 1_000_000 });
  expect(await client()('/')).toBe('close');
  pass();
  await stopsListening(server);
  await passUntil(closed);
});

test('a client that has not taken all of a response when the server stops listening takes it to its end', async () => {
  const body = 'b'.repeat(8_000_000); // more than the kernel takes
  const { server, backend, open, pass } = await startServer(
    () => undefined,
    (_, res) => void res.end(body),
  );
  const socket = await open();
  socket.write('GET /own HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(server, 'request');
  const closed = closeServer(server, backend);
  await turn();
  pass();
  while (server.listening) await turn();
  pass(200);
  await turn();
  const received = text(socket);
  expect((await received).endsWith(`\r\n\r\n${body}`)).toBe(true);
  pass(100);
  await closed;
});

test('all backends of a server are closed', async () => {
  const { backend, server } = await startServer((_, res) => res.end());
  const other = new PooledBackend('http://127.0.0.1:9');
  await closeServer(server, [backend, other]);
  expect([backend.stats().state, other.stats().state]).toEqual(['closed', 'closed']);
});

test.each([
  ['rejects', () => Promise.reject(new Error('no'))],
  [
    'throws',
    () => {
      throw new Error('no');
    },
  ],
])(
  'the server and the other backends are closed, too, when the close of a backend %s, and the error is told',
  async (_how, close) => {
    const { server, backend, open } = await startServer((_, res) => res.end());
    const kept = await open();
    vi.useRealTimers();
    const closed = closeServer(server, [{ close }, backend], { timeout: 100 });
    await expect(closed).rejects.toThrow('no');
    await once(kept.resume(), 'close');
    expect([server.listening, backend.stats().state]).toEqual([false, 'closed']);
  },
);

test('without clients it takes no second', async () => {
  const { backend, server } = await startServer((_, res) => res.end());
  await closeServer(server, [backend]);
  expect(server.listening).toBe(false);
});

test('node:http still answers 100, if nobody else does', async () => {
  const { backend, server, client, open, pass } = await startServer((req, res) => void req.pipe(res as never));
  const kept = await open();
  const closed = closeServer(server, backend);
  expect(await client()('/')).toBe('close');
  kept.write('PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n');
  const [interim] = (await once(kept, 'data')) as [Buffer];
  expect(String(interim)).toMatch(/^HTTP\/1.1 100 Continue\r\n/);
  kept.write('x');
  expect(await text(kept)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  pass();
  await closed;
});

test('servers that share a backend leave it open for each other', async () => {
  const { backend, server, client, pass } = await startServer((_, res) => res.end());
  const unused = createServer(backend.handler());
  await listen(unused);
  const kept = client();
  await kept('/before');
  const closed = closeServer([unused, server], backend);
  expect(await kept('/after')).toBe('close');
  await turn();
  expect(backend.stats().state).toBe('open');
  pass();
  await closed;
});

test('a server that listens again keeps its connections', async () => {
  const { server, port, client } = await startServer(
    (_, res) => res.end(),
    (_, res) => res.end(),
  );
  await closeServer(server, []);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  expect([await client()('/own'), await client()('/')]).toEqual(['keep-alive', 'keep-alive']);
  expect(server.listenerCount('connection')).toBe(createServer().listenerCount('connection'));
});

test.each([
  [null, TypeError, 'the options of closeServer() must be an object, got null'],
  [{ timeOut: 1 }, TypeError, 'unknown option timeOut of closeServer(); known: timeout'],
  [{ timeout: 0 }, RangeError, 'timeout must be a number of milliseconds above 0, or Infinity, got 0'],
])('options %j are refused, and nothing is closed', async (options, kind, message) => {
  const { backend, server } = await startServer((_, res) => res.end());
  const refused = closeServer(server, backend, options as never);
  await expect(refused).rejects.toThrow(kind);
  await expect(refused).rejects.toThrow(message);
  expect([server.listening, backend.stats().state]).toEqual([true, 'open']);
});
