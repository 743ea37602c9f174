import { expect, test } from 'vitest';
import { House, requester } from '../../house.js';

const TWO = ['http://a.test:80', 'http://b.test:80'];

/** Sends one GET and answers it, over whatever connection it comes by. */
async function exchange(house: House): Promise<string | undefined> {
  const caller = await house.sent();
  if (house.dialling.length > 0) await house.accept();
  const peer = house.peerOf(caller);
  peer?.answer();
  await house.settle();
  return peer?.origin;
}

test.each(['least-busy', 'round-robin'] as const)(
  '%s opens one connection to each origin and then reuses them',
  async (balance) => {
    const house = await House.open({ origins: TWO, balance });
    const served: (string | undefined)[] = [];
    for (let count = 0; count < 10; count += 1) served.push(await exchange(house));
    expect(house.dials.length).toBe(2);
    // The second request rides what is idle while its dial is under way; from then on they take turns.
    expect(served.slice(2).filter((origin) => origin === served[0])).toHaveLength(4);
    house.checkAtRest();
  },
);

test.each(['least-busy', 'round-robin'] as const)(
  '%s takes even turns from the first request on where a minimum is open',
  async (balance) => {
    const house = await House.open({ origins: TWO, balance, minConnections: 1 });
    for (const _ of TWO) await house.accept();
    const served: (string | undefined)[] = [];
    for (let count = 0; count < 6; count += 1) served.push(await exchange(house));
    expect(served).toEqual([served[0], served[1], served[0], served[1], served[0], served[1]]);
    expect(new Set(served).size).toBe(2);
  },
);

test('a request that only waits for its own dial takes no place in the queue', async () => {
  const house = await House.open({ maxConnections: 2, maxQueue: 0 });
  const [first, second, third] = [await house.sent(), await house.sent(), await house.sent()];
  expect(third.outcome).toBe('connection_limit_reached');
  for (const peer of [await house.accept(), await house.accept()]) peer.answer();
  await house.settle();
  expect([first.outcome, second.outcome]).toEqual([200, 200]);
});

test('a request that finds all slots dialled for minConnections takes no place in the queue', async () => {
  const house = await House.open({ maxConnections: 2, minConnections: 2, maxQueue: 0 });
  const [first, second, third] = [await house.sent(), await house.sent(), await house.sent()];
  expect(third.outcome).toBe('connection_limit_reached');
  for (const peer of [await house.accept(), await house.accept()]) peer.answer();
  await house.settle();
  expect([first.outcome, second.outcome]).toEqual([200, 200]);
});

test('a request takes a place in the queue if only another origin than its home is dialled for minConnections', async () => {
  const house = await House.open({
    origins: TWO,
    maxConnections: 1,
    minConnections: 1,
    maxQueue: 0,
    sticky: { cookie: 'at' },
  });
  const atA = { boundTo: 'http://a.test:80' };
  house.dials[0]?.open();
  await house.settle();
  expect((await house.sent(atA)).outcome).toBe('waiting');
  expect((await house.sent(atA)).outcome).toBe('connection_limit_reached');
  expect((await house.sent()).outcome).toBe('waiting');
});

test.each([
  ['that is bound to its origin', {}, { boundTo: 'http://a.test:80' }],
  ['of a balancer that keeps requests', { balance: { type: 'hash', key: 'path' } }, {}],
] as const)('a request %s, whose dial fails, is not refused for a full queue', async (_, options, sending) => {
  const house = await House.open({ origins: ['http://a.test', 'http://b.test'], maxQueue: 0, ...options });
  const caller = await house.sent(sending);
  await house.refuse();
  (await house.accept()).answer();
  await house.settle();
  expect(caller.outcome).toBe(200);
});

test('a request whose dial leads to an origin of weight 0 by now goes to another, though sessions are served there', async () => {
  const house = await House.open({ origins: TWO, balance: { type: 'hash', key: 'path' }, sticky: { cookie: 'at' } });
  const caller = await house.sent();
  const [dial] = house.dialling;
  const name = dial?.target.origin ?? '';
  house.fleet.setWeight(name, 0);
  await house.accept();
  (await house.accept()).answer();
  await house.settle();
  expect(caller.dispatch?.attempts.map(({ origin }) => origin === name)).toEqual([false]);
  expect(caller.outcome).toBe(200);
});

test('a session keeps its dial to an origin of weight 0', async () => {
  const house = await House.open({ origins: TWO, sticky: { cookie: 'at' } });
  const caller = await house.sent({ boundTo: 'http://a.test:80' });
  house.fleet.setWeight('http://a.test:80', 0);
  await house.accept();
  expect(house.peerOf(caller)?.origin).toBe('http://a.test:80');
});

test('a primary that could not be dialled takes its requests back from the backup', async () => {
  const house = await House.open({ origins: ['http://a.test:80', { url: 'http://b.test:80', backup: true }] });
  const caller = await house.sent();
  await house.refuse();
  await house.accept();
  expect(house.peerOf(caller)?.origin).toBe('http://b.test:80');
  house.peerOf(caller)?.answer();
  await house.advance(30);
  expect(await exchange(house)).toBe('http://b.test:80'); // beside it the primary is dialled, without a request
  expect(await exchange(house)).toBe('http://a.test:80');
});

test('a balancer that picks nobody costs no request, and is told of', async () => {
  const house = await House.open({ origins: TWO, balance: { pick: () => 7 } });
  expect(await exchange(house)).toBe('http://a.test:80');
  expect(house.eventsOf('balanceFailed').length).toBeGreaterThan(0);
});

test('whoever listens for the end of a request is called in the context of its requester', async () => {
  const house = await House.open({ maxConnections: 1 });
  const contexts: unknown[] = [];
  house.emitter.on('request', ({ path }) => contexts.push([path, requester.getStore()]));
  await exchange(house);
  await exchange(house);
  expect(contexts).toEqual([
    ['/1', 'r1'],
    ['/2', 'r2'],
  ]);
});

test('while a server goes, a re-send waits until what its backlog took is dropped, and then for a dial', async () => {
  const house = await House.open();
  const callers = [await house.sent(), await house.sent()];
  for (const peer of [await house.accept(), await house.accept()]) peer.fin();
  await house.settle();
  for (const peer of [await house.accept(), await house.accept()]) peer.reset();
  await house.settle();
  await house.advance(51);
  expect(callers.map((caller) => caller.outcome)).toEqual(['waiting', 'waiting']);
  for (const _ of callers) (await house.accept()).answer();
  await house.settle();
  expect(callers.map((caller) => [caller.outcome, caller.dispatch?.attempts.length])).toEqual([
    [200, 2],
    [200, 2],
  ]);
});
