import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Agent, createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { relative } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
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
  await turn(); // it has looked for clients
  pass(500);
  answer();
  expect([await response, await closed]).toEqual(['close', true]);
});

/** A connection that sends nothing yet. */
async function silent(socketPath: string): Promise<Socket> {
  const socket = connect(socketPath);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

test('a client that never sends anything does not hold it back, neither there nor at the status page', async () => {
  const status = `./${relative(process.cwd(), ownFolder())}/status.sock`;
  const { gateway, socketPath, client, pass } = await leavingGateway((_, res) => res.end(), { status });
  await Promise.all([silent(socketPath), silent(status)]);
  const closed = gateway.close();
  expect(await client()('/')).toBe('close');
  pass();
  let isClosed = false;
  void closed.finally(() => {
    isClosed = true;
  });
  // Where it no longer listens, it waits for the first request of a new connection.
  for (; !isClosed; await turn()) if (!existsSync(socketPath)) pass(100);
  expect(await closed).toBe(true);
});

test('a client that has sent half a head holds it back for five seconds, however long requests may take', async () => {
  const { gateway, socketPath, pass } = await leavingGateway((_, res) => res.end(), { drainTimeout: Infinity });
  const half = await silent(socketPath);
  half.write('GET / HTTP/1.1\r\nHost:');
  const closed = gateway.close();
  await turn(); // it has looked for clients
  pass();
  while (existsSync(socketPath)) await turn();
  half.resume();
  for (let seconds = 0; seconds < 10 && !half.destroyed; seconds += 1) {
    pass();
    for (let turns = 0; turns < 10; turns += 1) await turn();
  }
  expect(half.destroyed).toBe(true);
  expect(await closed).toBe(true);
});

test('without clients close() takes no second', async () => {
  const { gateway } = await leavingGateway((_, res) => res.end());
  expect(await gateway.close()).toBe(true);
});
