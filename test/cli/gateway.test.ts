import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Agent, createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Gateway } from '../../src/cli/gateway.js';
import { Journal } from '../../src/cli/journal.js';
import { checkSettings } from '../../src/cli/settings.js';
import { listen } from '../mount/setting.js';
import { ownFolder } from './command.js';

/** A gateway on a unix socket of its own. */
async function openGateway(options: Record<string, unknown>): Promise<{ gateway: Gateway; socketPath: string }> {
  const socketPath = `${ownFolder()}/gateway.sock`;
  const given = Object.entries({ listen: socketPath, ...options });
  const checked = checkSettings(new Map(given.map(([name, value]) => [name, { value, label: name }])));
  if (checked.kind !== 'settings') throw new Error(checked.problems.join('\n'));
  const gateway = new Gateway(checked.settings, new Journal('silent', () => undefined));
  await gateway.open();
  return { gateway, socketPath };
}

test('a client has a minute for a head, as long as it takes for a body, and more than a minute between requests', async () => {
  const { gateway, socketPath } = await openGateway({ origins: ['http://127.0.0.1:9'], drainTimeout: 1 });
  onTestFinished(async () => void (await gateway.close()));
  const served = new Promise<Server>((resolve) => {
    const listener = (message: unknown) => resolve((message as { server: Server }).server);
    subscribe('http.server.request.start', listener);
    onTestFinished(() => void unsubscribe('http.server.request.start', listener));
  });
  get({ socketPath, agent: false }, (res) => res.resume());
  const { headersTimeout, requestTimeout, keepAliveTimeout } = await served;
  expect([headersTimeout, requestTimeout, keepAliveTimeout]).toEqual([60_000, 0, 75_000]);
});

/** A gateway in front of this origin, and clients of it. Its farewell lasts until `pass()`. */
async function leavingGateway(origin: RequestListener, options: Record<string, unknown> = {}) {
  const { gateway, socketPath } = await openGateway({
    origins: [`http://127.0.0.1:${await listen(createServer(origin))}`],
    ...options,
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    gateway.destroy();
    vi.useRealTimers();
  });
  const client = () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    return async (path: string) => {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get({ socketPath, path, agent }, resolve).once('error', reject);
      });
      await once(response.resume(), 'end');
      return response.headers.connection;
    };
  };
  return { gateway, socketPath, client, pass: (ms = 1_000) => vi.advanceTimersByTime(ms) };
}

test('for a second after close() it serves what comes, and each answer ends its connection', async () => {
  let answer = () => {};
  const asked = new Promise<void>((resolve) => {
    answer = () => resolve();
  });
  let answerSlow = () => {};
  const { gateway, client, pass } = await leavingGateway((req, res) => {
    if (req.url !== '/slow') return void res.end();
    answerSlow = () => void res.end();
    answer();
  });
  const [kept, slow, fresh] = [client(), client(), client()];
  const before = await kept('/before');
  const begun = slow('/slow');
  await asked;
  const closed = gateway.close();
  const after = [await kept('/after'), await fresh('/fresh')];
  answerSlow();
  expect([before, ...after, await begun]).toEqual(['keep-alive', 'close', 'close', 'close']);
  pass();
  expect(await closed).toBe(true);
  await expect(client()('/late')).rejects.toMatchObject({ code: 'ENOENT' });
});

/** Resolves when a server of this process has read the head of a request for `path`. */
function headRead(path: string): Promise<void> {
  return new Promise((resolve) => {
    const listener = (message: unknown) => {
      if ((message as { request: IncomingMessage }).request.url === path) resolve();
    };
    subscribe('http.server.request.start', listener);
    onTestFinished(() => void unsubscribe('http.server.request.start', listener));
  });
}

test('what is pipelined behind the last response of a connection is not passed on', async () => {
  const asked: (string | undefined)[] = [];
  let answer = () => {};
  const begun = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let answerFirst = () => {};
  const { gateway, socketPath, pass } = await leavingGateway((req, res) => {
    asked.push(req.url);
    if (req.url !== '/first') return void res.end();
    answerFirst = () => void res.end();
    answer();
  });
  const socket = connect(socketPath);
  socket.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
  await begun;
  const closed = gateway.close();
  const behind = headRead('/behind');
  socket.write('GET /behind HTTP/1.1\r\nHost: a\r\n\r\n');
  await behind;
  answerFirst();
  await text(socket);
  const next = connect(socketPath);
  next.write('GET /second HTTP/1.1\r\nHost: a\r\n\r\nGET /behind-second HTTP/1.1\r\nHost: a\r\n\r\n');
  await text(next);
  expect(asked).toEqual(['/first', '/second']);
  pass();
  expect(await closed).toBe(true);
});

test('what is in progress has half of drainTimeout after the farewell', async () => {
  let answer = () => {};
  let asked = () => {};
  const begun = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { gateway, client, pass } = await leavingGateway(
    (_, res) => {
      answer = () => void res.end();
      asked();
    },
    { drainTimeout: 1_000 },
  );
  const response = client()('/');
  await begun;
  const closed = gateway.close();
  await new Promise((resolve) => setImmediate(resolve)); // it has looked for clients
  pass(500);
  answer();
  expect([await response, await closed]).toEqual(['close', true]);
});

const ASK = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A connection that sends nothing yet. */
async function silent(socketPath: string): Promise<Socket> {
  const socket = connect(socketPath);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

test('connections that wait to be accepted at the end of the farewell are served', async () => {
  const { gateway, socketPath, client, pass } = await leavingGateway((_, res) => res.end());
  const first = await silent(socketPath);
  const closed = gateway.close();
  expect(await client()('/')).toBe('close'); // the farewell has begun
  const last = Array.from({ length: 5 }, () => connect(socketPath)); // connected at once, accepted in turns to come
  for (const socket of last) socket.write(ASK);
  pass();
  const answers = await Promise.all(last.map((socket) => text(socket)));
  expect(answers.map((answer) => answer.slice(0, 15))).toEqual(last.map(() => 'HTTP/1.1 200 OK'));
  first.destroy();
  expect(await closed).toBe(true);
});

test('a client that has connected in the farewell is served, though its request comes after the end of listening', async () => {
  const { gateway, socketPath, client, pass } = await leavingGateway((_, res) => res.end());
  const last = await silent(socketPath);
  const closed = gateway.close();
  expect(await client()('/')).toBe('close');
  pass();
  while (existsSync(socketPath)) await new Promise((resolve) => setImmediate(resolve));
  last.write(ASK);
  expect(await text(last)).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  expect(await closed).toBe(true);
});

test('a client that never sends anything does not hold it back, neither there nor at the status page', async () => {
  const status = `./${relative(process.cwd(), ownFolder())}/status.sock`;
  const { gateway, socketPath, client, pass } = await leavingGateway((_, res) => res.end(), { status });
  await Promise.all([silent(socketPath), silent(status)]);
  const closed = gateway.close();
  expect(await client()('/')).toBe('close');
  pass();
  while (existsSync(socketPath)) await new Promise((resolve) => setImmediate(resolve));
  pass(100); // of the five seconds for the last bytes, nothing passes
  expect(await closed).toBe(true);
});

test('offers to upgrade leave nothing on a connection, however many requests make one', async () => {
  const { socketPath } = await leavingGateway((_, res) => res.end());
  const listeners: number[] = [];
  const count = (message: unknown) => {
    const { server, socket } = message as { server: Server; socket: Socket };
    if (server.address() === socketPath) listeners.push(socket.listenerCount('close'));
  };
  subscribe('http.server.request.start', count);
  onTestFinished(() => void unsubscribe('http.server.request.start', count));
  const socket = connect(socketPath);
  onTestFinished(() => void socket.destroy());
  for (let n = 0; n < 3; n += 1) {
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    await once(socket, 'data');
  }
  expect(new Set(listeners).size).toBe(1);
});

test('without clients close() takes no second', async () => {
  const { gateway } = await leavingGateway((_, res) => res.end());
  expect(await gateway.close()).toBe(true);
});
