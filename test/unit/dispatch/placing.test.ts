import { expect, test } from 'vitest';
import { MemoryBackend, requester } from '../../memory-backend.js';

const TWO = ['http://a.test:80', 'http://b.test:80'];

/** Sends one GET and answers it, over whatever connection it comes by. */
async function exchange(backend: MemoryBackend): Promise<string | undefined> {
  const caller = await backend.sent();
  if (backend.dialling.length > 0) await backend.accept();
  const peer = backend.peerOf(caller);
  peer?.answer();
  await backend.settle();
  return peer?.origin;
}

test.each(['least-busy', 'round-robin'] as const)(
  '%s opens one connection to each origin and then reuses them',
  async (balance) => {
    const backend = await MemoryBackend.open({ origins: TWO, balance });
    const served: (string | undefined)[] = [];
    for (let count = 0; count < 10; count += 1) served.push(await exchange(backend));
    expect(backend.dials.length).toBe(2);
    // The second request rides what is idle while its dial is under way; from then on they take turns.
    expect(served.slice(2).filter((origin) => origin === served[0])).toHaveLength(4);
    backend.checkAtRest();
  },
);

test.each(['least-busy', 'round-robin'] as const)(
  '%s takes even turns from the first request on where a minimum is open',
  async (balance) => {
    const backend = await MemoryBackend.open({ origins: TWO, balance, minConnections: 1 });
    for (const _ of TWO) await backend.accept();
    const served: (string | undefined)[] = [];
    for (let count = 0; count < 6; count += 1) served.push(await exchange(backend));
    expect(served).toEqual([served[0], served[1], served[0], served[1], served[0], served[1]]);
    expect(new Set(served).size).toBe(2);
  },
);

test('a request that only waits for its own dial takes no place in the queue', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 2, maxQueue: 0 });
  const [first, second, third] = [await backend.sent(), await backend.sent(), await backend.sent()];
  expect(third.outcome).toBe('connection_limit_reached');
  for (const peer of [await backend.accept(), await backend.accept()]) peer.answer();
  await backend.settle();
  expect([first.outcome, second.outcome]).toEqual([200, 200]);
});

test('a request that finds all slots dialled for minConnections takes no place in the queue', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 2, minConnections: 2, maxQueue: 0 });
  const [first, second, third] = [await backend.sent(), await backend.sent(), await backend.sent()];
  expect(third.outcome).toBe('connection_limit_reached');
  for (const peer of [await backend.accept(), await backend.accept()]) peer.answer();
  await backend.settle();
  expect([first.outcome, second.outcome]).toEqual([200, 200]);
});

test('a request takes a place in the queue if only another origin than its home is dialled for minConnections', async () => {
  const backend = await MemoryBackend.open({
    origins: TWO,
    maxConnections: 1,
    minConnections: 1,
    maxQueue: 0,
    sticky: { cookie: 'at' },
  });
  const atA = { boundTo: 'http://a.test:80' };
  backend.dials[0]?.open();
  await backend.settle();
  expect((await backend.sent(atA)).outcome).toBe('waiting');
  expect((await backend.sent(atA)).outcome).toBe('connection_limit_reached');
  expect((await backend.sent()).outcome).toBe('waiting');
});

test.each([
  ['that is bound to its origin', {}, { boundTo: 'http://a.test:80' }],
  ['of a balancer that keeps requests', { balance: { type: 'hash', key: 'path' } }, {}],
] as const)('a request %s, whose dial fails, is not refused for a full queue', async (_, options, sending) => {
  const backend = await MemoryBackend.open({ origins: ['http://a.test', 'http://b.test'], maxQueue: 0, ...options });
  const caller = await backend.sent(sending);
  await backend.refuse();
  (await backend.accept()).answer();
  await backend.settle();
  expect(caller.outcome).toBe(200);
});

test('a request whose dial leads to an origin of weight 0 by now goes to another, though sessions are served there', async () => {
  const backend = await MemoryBackend.open({
    origins: TWO,
    balance: { type: 'hash', key: 'path' },
    sticky: { cookie: 'at' },
  });
  const caller = await backend.sent();
  const [dial] = backend.dialling;
  const name = dial?.target.origin ?? '';
  backend.fleet.setWeight(name, 0);
  await backend.accept();
  (await backend.accept()).answer();
  await backend.settle();
  expect(caller.dispatch?.attempts.map(({ origin }) => origin === name)).toEqual([false]);
  expect(caller.outcome).toBe(200);
});

test('a session keeps its dial to an origin of weight 0', async () => {
  const backend = await MemoryBackend.open({ origins: TWO, sticky: { cookie: 'at' } });
  const caller = await backend.sent({ boundTo: 'http://a.test:80' });
  backend.fleet.setWeight('http://a.test:80', 0);
  await backend.accept();
  expect(backend.peerOf(caller)?.origin).toBe('http://a.test:80');
});

test('a primary that could not be dialled takes its requests back from the backup', async () => {
  const backend = await MemoryBackend.open({
    origins: ['http://a.test:80', { url: 'http://b.test:80', backup: true }],
  });
  const caller = await backend.sent();
  await backend.refuse();
  await backend.accept();
  expect(backend.peerOf(caller)?.origin).toBe('http://b.test:80');
  backend.peerOf(caller)?.answer();
  await backend.advance(30);
  expect(await exchange(backend)).toBe('http://b.test:80'); // beside it the primary is dialled, without a request
  expect(await exchange(backend)).toBe('http://a.test:80');
});

test('a balancer that picks nobody costs no request, and is told of', async () => {
  const backend = await MemoryBackend.open({ origins: TWO, balance: { pick: () => 7 } });
  expect(await exchange(backend)).toBe('http://a.test:80');
  expect(backend.eventsOf('balanceFailed').length).toBeGreaterThan(0);
});

test('whoever listens for the end of a request is called in the context of its requester', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 1 });
  const contexts: unknown[] = [];
  backend.emitter.on('request', ({ path }) => contexts.push([path, requester.getStore()]));
  await exchange(backend);
  await exchange(backend);
  expect(contexts).toEqual([
    ['/1', 'r1'],
    ['/2', 'r2'],
  ]);
});

test('while a server goes, a re-send waits until what its backlog took is dropped, and then for a dial', async () => {
  const backend = await MemoryBackend.open();
  const callers = [await backend.sent(), await backend.sent()];
  for (const peer of [await backend.accept(), await backend.accept()]) peer.fin();
  await backend.settle();
  for (const peer of [await backend.accept(), await backend.accept()]) peer.reset();
  await backend.settle();
  await backend.advance(51);
  expect(callers.map((caller) => caller.outcome)).toEqual(['waiting', 'waiting']);
  for (const _ of callers) (await backend.accept()).answer();
  await backend.settle();
  expect(callers.map((caller) => [caller.outcome, caller.dispatch?.attempts.length])).toEqual([
    [200, 2],
    [200, 2],
  ]);
});
