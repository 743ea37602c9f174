/** A backend and its origins without a socket, and with no time but what the test gives. */

import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { BackendError, PooledBackend, type PooledBackendOptions } from '../../../src/index.js';
import {
  answer,
  checkStats,
  close,
  execute,
  ManualClock,
  MemoryNetwork,
  reset,
  ScriptedOrigin,
  type ScriptedOriginOptions,
  send,
  stall,
  wait,
  whenIdle,
} from '../../../src/testing/index.js';

interface Stage {
  readonly network: MemoryNetwork;
  readonly origin: ScriptedOrigin;
  readonly backend: PooledBackend;
  /** The status, or the code of the error with its delivery. */
  get(path: string, method?: string): Promise<string>;
}

async function stage(
  script: ScriptedOriginOptions = {},
  options: Omit<PooledBackendOptions, 'origins'> = {},
): Promise<Stage> {
  const network = new MemoryNetwork();
  const origin = await ScriptedOrigin.start({ network, ...script });
  const backend = new PooledBackend({ origins: [origin.url], ...options }, network);
  onTestFinished(async () => {
    backend.destroy();
    await origin.close();
  });
  const get = async (path: string, method = 'GET'): Promise<string> => {
    try {
      const response = await backend.request({ method, path });
      await response.body.text();
      return String(response.statusCode);
    } catch (error) {
      if (!BackendError.is(error)) throw error;
      return `${error.code}, ${error.delivery}`;
    }
  };
  return { network, origin, backend, get };
}

test('a request is answered without a socket and without time', async () => {
  const { backend, origin, network } = await stage({ script: () => [execute(), answer({ body: 'from memory' })] });
  const response = await backend.request({ path: '/' });
  expect([response.statusCode, await response.body.text()]).toEqual([200, 'from memory']);
  expect([origin.executions('/'), network.clock.now()]).toEqual([1, 0]);
});

test('a connection is kept and used again, after HEAD too, for which the event loop has to turn', async () => {
  const { backend, origin, get } = await stage();
  for (const method of ['GET', 'HEAD', 'HEAD', 'GET']) expect(await get('/', method)).toBe('200');
  expect(origin.connectionsAccepted).toBe(1);
  checkStats(backend.stats(), { atRest: true });
});

test('a transport that throws is a failed dial, once: the time for it is not waited for', async () => {
  const clock = new ManualClock();
  const transport = {
    connect: () => {
      throw new Error('no network');
    },
  };
  const options = { origins: ['http://a'], connectTimeout: 10, queueTimeout: 20 };
  const backend = new PooledBackend(options, { clock, transport, random: () => 0 });
  const outcome = backend.request({ path: '/' }).catch((error: unknown) => error);
  const failed = once(backend, 'dialFailed');
  clock.advance(0);
  await failed;
  clock.advance(20);
  expect(await outcome).toMatchObject({
    code: 'destination_unavailable',
    message: expect.stringContaining('no network'),
  });
  expect(backend.stats().origins[0]).toMatchObject({ dialsFailed: 1, connections: { dialling: 0, open: 0 } });
  backend.destroy();
});

test('a body of many windows arrives whole, both ways', async () => {
  const { backend, origin } = await stage({
    script: ({ request }) => [execute(), answer({ body: Buffer.from(request.body) })],
  });
  const body = Buffer.alloc(1_000_000, 'body ');
  const response = await backend.request({ method: 'PUT', path: '/', body });
  expect(Buffer.from(await response.body.arrayBuffer()).equals(body)).toBe(true);
  expect(origin.executions('/')).toBe(1);
});

test('a GET that is executed and lost is sent again, a POST is not', async () => {
  const script: ScriptedOriginOptions['script'] = ({ requestOnConnection }) =>
    requestOnConnection === 0 ? [execute(), answer()] : [execute(), close()];
  const { origin, get } = await stage({ script }, { nonIdempotent: 'any' });
  expect([await get('/first'), await get('/get')]).toEqual(['200', '200']);
  expect(await get('/post', 'POST')).toBe('connection_terminated, unknown');
  expect([origin.executions('/get'), origin.executions('/post')]).toEqual([2, 1]);
});

test('a response that nobody asked for is found in the kernel, before the event loop has read it', async () => {
  const { backend, origin, get } = await stage();
  await get('/first');
  // Nothing turns between the two: the response is under way when the next request picks its connection.
  void origin.play(0, [send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray')]);
  expect(await get('/next')).toBe('200');
  expect(backend.stats().origins[0]?.poisoned).toBe(1);
  expect(origin.connectionsAccepted).toBe(2);
});

test('waits pass as the test says: of the origin, of a Retry-After, of a timeout', async () => {
  const statuses = [503, 200];
  const { network, get } = await stage(
    {
      script: ({ request }) => {
        if (request.path === '/slow') return [wait(300), answer()];
        if (request.path === '/stall') return [stall()];
        const status = statuses.shift() ?? 200;
        return [answer({ status, fields: { 'Retry-After': '1' } })];
      },
    },
    { retryOn: [503], headersTimeout: 1_000 },
  );
  const ended: string[] = [];
  for (const path of ['/slow', '/busy', '/stall']) void get(path).then((outcome) => ended.push(`${path} ${outcome}`));
  await network.advance(299);
  expect(ended).toEqual([]);
  await network.advance(1);
  expect(ended).toEqual(['/slow 200']);
  await network.advance(700);
  expect(ended.sort()).toEqual(['/busy 200', '/slow 200', '/stall http_response_timeout, unknown']);
});

test('an origin that hangs up on idle connections does so in the time of the network', async () => {
  const { network, origin, get } = await stage({ rules: [{ at: 'connection', steps: [whenIdle(5_000, [close()])] }] });
  await get('/first');
  await network.advance(4_999);
  expect(origin.openConnections).toBe(1);
  await network.advance(1);
  expect(origin.openConnections).toBe(0);
});

test('whoever dials where nobody listens is refused, until somebody does', async () => {
  const { network, origin, get } = await stage({}, { queueTimeout: 2_000 });
  await origin.stopListening('reset');
  const outcomes: string[] = [];
  void get('/restart').then((outcome) => outcomes.push(outcome));
  await network.advance(500);
  expect(outcomes).toEqual([]);
  await origin.listen();
  await network.advance(1_000);
  expect(outcomes).toEqual(['200']);
  await origin.stopListening('reset');
  void get('/outage').then((outcome) => outcomes.push(outcome));
  await network.advance(2_500);
  expect(outcomes).toEqual(['200', 'connection_refused, unsent']);
});

test('origins are told apart by host and port, as they are written in the options', async () => {
  const network = new MemoryNetwork();
  const urls = ['http://one.test:8080', 'http://two.test:8080'];
  const origins = await Promise.all(
    ['one.test', 'two.test'].map((hostname) => ScriptedOrigin.start({ network, hostname, port: 8_080 })),
  );
  expect(origins.map((origin) => origin.url)).toEqual(urls);
  const backend = new PooledBackend({ origins: urls, balance: 'round-robin' }, network);
  for (let sent = 0; sent < 4; sent += 1) await (await backend.request({ path: '/' })).body.text();
  expect(origins.map((origin) => origin.executions('/') > 0)).toEqual([true, true]);
  backend.destroy();
});

test('a reset and a garbled answer are told as such', async () => {
  const script: ScriptedOriginOptions['script'] = ({ request }) =>
    request.path === '/reset' ? [reset()] : [send('\0garbage')];
  const { get } = await stage({ script });
  expect(await get('/reset', 'POST')).toBe('connection_terminated, unknown');
  expect(await get('/garbage', 'POST')).toMatch('http_protocol_error');
});

test('a clock of the test is the clock of the network', async () => {
  const clock = new ManualClock({ now: 70 });
  const network = new MemoryNetwork({ clock });
  await network.advance(30);
  expect([clock.now(), network.clock.now()]).toEqual([100, 100]);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('the time of the network does not move on by %d', async (ms) => {
  await expect(new MemoryNetwork().advance(ms)).rejects.toThrow(`cannot advance by ${ms} ms`);
});

test('two origins cannot listen in one place, and what a network cannot do is refused', async () => {
  const network = new MemoryNetwork();
  await ScriptedOrigin.start({ network, port: 9_001 });
  await expect(ScriptedOrigin.start({ network, port: 9_001 })).rejects.toThrow('127.0.0.1:9001 is taken');
  await expect(ScriptedOrigin.start({ network, thread: true })).rejects.toThrow(
    'network cannot be combined with thread',
  );
  await expect(ScriptedOrigin.start({ network, tls: { key: '', cert: '' } })).rejects.toThrow('no TLS');
  await expect(ScriptedOrigin.start({ hostname: 'one.test' })).rejects.toThrow('needs a network in memory');
});

test.each([
  ['Orders.Internal', 'Orders.Internal'],
  ['bücher.internal', 'bücher.internal'],
  ['::1', '[::1]'],
])('an origin is found by a name like %s', async (hostname, host) => {
  const network = new MemoryNetwork();
  const origin = await ScriptedOrigin.start({ network, hostname, port: 8080 });
  const backend = new PooledBackend({ origins: [`http://${host}:8080`] }, network);
  onTestFinished(() => backend.destroy());
  const { statusCode } = await backend.request({ path: '/' });
  expect([statusCode, origin.url]).toEqual([200, backend.stats().origins[0]?.origin]);
});

test('a port that the network chooses is a free one', async () => {
  const network = new MemoryNetwork();
  const first = await ScriptedOrigin.start({ network });
  await ScriptedOrigin.start({ network, port: first.port + 1 });
  const third = await ScriptedOrigin.start({ network });
  expect(third.port).toBe(first.port + 2);
});

test('what is left after close() is nothing', async () => {
  const { backend, origin, network, get } = await stage();
  await get('/');
  await backend.close();
  await network.settle();
  expect([origin.openConnections, backend.stats().origins[0]?.connections.open]).toEqual([0, 0]);
});

test("nothing of it waits for a test runner's fake timers", async () => {
  const { get } = await stage();
  vi.useFakeTimers();
  const answered = get('/').finally(() => vi.useRealTimers());
  onTestFinished(() => void vi.useRealTimers());
  expect(await answered).toBe('200');
});

test.each(['given', 'changed'])('a balancer that was %s draws from the random numbers of the network', async (when) => {
  const network = Object.assign(new MemoryNetwork(), { random: () => 0 });
  const origins = await Promise.all(['a.test', 'b.test', 'c.test'].map(start));
  function start(hostname: string) {
    return ScriptedOrigin.start({ network, hostname });
  }
  const urls = origins.map(({ url }) => url);
  const balance = { balance: 'two-choices' } as const;
  const backend = new PooledBackend({ origins: urls, ...(when === 'given' && balance) }, network);
  onTestFinished(() => backend.destroy());
  if (when === 'changed') backend.update(balance);
  for (let i = 0; i < 20; i++) await backend.request({ path: '/' }).then(({ body }) => body.text());
  expect(backend.stats().origins.map(({ requests }) => requests)).toEqual([20, 0, 0]);
});
