/** A dial that takes long keeps nobody waiting where there is another origin. */

import { describe, expect, test } from 'vitest';
import { House, type HouseOptions } from '../../house.js';

const [A, B] = ['http://a.test:80', 'http://b.test:80'] as const;

/** A backend whose first origin takes no dial and refuses none. */
async function darkFirst(options: HouseOptions = {}) {
  const house = await House.open({ origins: [A, B], spareConnections: false, ...options });
  const places = () => house.dialling.map((dial) => dial.target.origin);
  async function acceptAt(origin: string) {
    const peer = house.dialling.find((dial) => dial.target.origin === origin)?.open();
    if (peer !== undefined) house.peers.push(peer);
    await house.settle();
    return peer;
  }
  return { house, places, acceptAt };
}

test.each([{}, { method: 'POST', body: 'x' }])(
  'after a second another is dialled for who waits (%o)',
  async (request) => {
    const { house, places, acceptAt } = await darkFirst();
    const caller = await house.sent(request);
    await house.advance(999);
    const before = places();
    await house.advance(1);
    expect([before, places()]).toEqual([[A], [A, B]]);
    (await acceptAt(B))?.answer();
    await house.settle();
    expect(caller.outcome).toBe(200);
  },
);

test('the next ones are dialled for at the other at once, and nobody is refused for want of a queue', async () => {
  const { house, places, acceptAt } = await darkFirst({ maxQueue: 0 });
  await house.sent();
  await house.advance(1_000);
  await house.sent();
  await house.sent();
  expect(places()).toEqual([A, B, B, B]);
  while (places().includes(B)) await acceptAt(B);
  for (const peer of house.peers) if (peer.owes > 0) peer.answer();
  await house.settle();
  expect(house.callers.map(({ outcome }) => outcome)).toEqual([200, 200, 200]);
});

test('where the other is full, they wait for what comes first', async () => {
  const { house, places, acceptAt } = await darkFirst({ maxConnections: 1 });
  const first = await house.sent();
  await house.sent();
  const peer = await acceptAt(B); // the first has it
  await house.advance(1_000);
  expect(places()).toEqual([A]);
  (await acceptAt(A))?.answer();
  peer?.answer();
  await house.settle();
  expect([first.outcome, ...house.callers.map(({ outcome }) => outcome)]).toEqual([200, 200, 200]);
  house.checkAtRest();
});

test('an origin that answers a dial late is dialled as before from then on', async () => {
  const { house, places, acceptAt } = await darkFirst({ balance: 'first' });
  await house.sent();
  await house.advance(1_000);
  (await acceptAt(B))?.answer();
  await acceptAt(A);
  await house.sent();
  await house.sent();
  await house.sent();
  expect(places()).toEqual([A]);
});

test('an origin that is added while the only one takes long is dialled for who waits', async () => {
  const { house, places } = await darkFirst({ origins: [A] });
  await house.sent();
  await house.advance(500);
  house.fleet.add(B);
  await house.advance(500);
  expect(places()).toEqual([A, B]);
});

test('the only origin is not dialled again for a dial that takes long', async () => {
  const { house, places } = await darkFirst({ origins: [A] });
  await house.sent();
  await house.advance(3_000);
  expect(places()).toEqual([A]);
});

test('each dial has a second of its own, though others begin meanwhile', async () => {
  const { house, places } = await darkFirst({ balance: 'first' });
  await house.sent();
  await house.advance(600);
  await house.sent();
  await house.advance(400);
  expect(places()).toEqual([A, A, B]);
});

test('no more are dialled for when the other cannot be dialled by then', async () => {
  const { house, places } = await darkFirst({ random: () => 0 });
  await house.sent();
  await house.sent();
  await house.advance(900);
  house.dialling.find((dial) => dial.target.origin === B)?.refuse();
  await house.advance(100);
  expect(places()).toEqual([A, A]);
});

test('a dial for one request alone stays its own, however late those beside it are', async () => {
  const { house, acceptAt } = await darkFirst({ balance: 'first' });
  const bound = await house.sent({ boundTo: A });
  await house.sent();
  await house.advance(1_000);
  (await acceptAt(A))?.answer();
  await house.settle();
  expect(bound.outcome).toBe(200);
});

test.each([{}, { balance: { type: 'hash', key: 'path' } } as const])(
  'a dial for a request that is bound to an origin keeps it no longer when that is ejected (%o)',
  async (options) => {
    const { house, places, acceptAt } = await darkFirst({ ejection: { time: 10_000 }, ...options });
    const bound = await house.sent({ boundTo: A });
    const [home = A] = places();
    const other = home === A ? B : A;
    const { standing } = house.origins.find(({ name }) => name === home) ?? house.origin();
    standing.eject('connection_refused');
    await house.advance(1_000);
    (await acceptAt(other))?.answer();
    await house.settle();
    expect([bound.outcome, house.peerOf(bound)?.origin]).toEqual([200, other]);
  },
);

test.each([1, 0])(
  'nor while that dial is the probe of the ejected origin (of weight %i), which is dialled once',
  async (weight) => {
    const origins = [{ url: A, weight }, B];
    const { house, places, acceptAt } = await darkFirst({ origins, sticky: { cookie: 'at' }, ejection: { time: 500 } });
    house.origin().standing.eject('connection_refused');
    await house.advance(500);
    const bound = await house.sent({ boundTo: A });
    await house.advance(1_000);
    expect(places()).toEqual([A, B]);
    (await acceptAt(B))?.answer();
    await house.settle();
    expect(bound.outcome).toBe(200);
  },
);

test('where all are ejected, it waits for its own dial as if none were, and is dialled for once', async () => {
  const { house, places, acceptAt } = await darkFirst({ ejection: { time: 10_000 } });
  for (const { standing } of house.origins) standing.eject('connection_refused');
  const bound = await house.sent({ boundTo: A });
  await house.advance(3_000);
  expect(places()).toEqual([A]);
  (await acceptAt(A))?.answer();
  await house.settle();
  expect(bound.outcome).toBe(200);
});

describe('a request that is sent again', () => {
  /** Under way at the second origin, on a connection that was reused; the first has not been asked for anything. */
  async function underWay(options: HouseOptions = {}) {
    const dark = await darkFirst({ balance: { pick: (all) => all.length - 1 }, ...options });
    const { house } = dark;
    const peer = await house.idle();
    return { ...dark, peer, caller: await house.sent() };
  }

  async function isAnswered({ house, acceptAt, caller }: Awaited<ReturnType<typeof underWay>>) {
    (await acceptAt(B))?.answer();
    await house.settle();
    return caller.outcome;
  }

  test.each([
    ['whose connection was closed', false, false],
    ['for its status', true, false],
    ['for its status, with a balancer that keeps requests', true, true],
  ])('%s goes back when another origin takes no dial for a second', async (_, isForStatus, keeps) => {
    const world = await underWay({ retryOn: [503], balance: { pick: (all) => all.length - 1, keeps } });
    const { house, places, peer } = world;
    if (isForStatus) peer.answer({ status: 503, close: true });
    else peer.fin();
    await house.settle();
    const before = places();
    await house.advance(1_000);
    expect([before, places(), await isAnswered(world)]).toEqual([[A], [A, B], 200]);
  });

  test('passes over an origin whose dials take long', async () => {
    const world = await underWay({ origins: [A, { url: B, maxConnections: 1 }], retryOn: [503] });
    const { house, places, peer } = world;
    await house.sent();
    await house.advance(1_000);
    peer.answer({ status: 503, close: true });
    await house.settle();
    expect([places(), await isAnswered(world)]).toEqual([[A, B], 200]);
  });

  test('gives its share of fresh connections back when its dial is late', async () => {
    const { house } = await darkFirst({ balance: { pick: (all) => all.length - 1 }, minConnections: 1 });
    const [, spare] = house.dialling;
    const peer = spare?.open();
    peer?.near.refuseNextWrite();
    await house.settle();
    await house.post();
    const left = house.origin(0).freshShareLeft;
    await house.advance(1_000);
    expect(house.origin(0).freshShareLeft).toBe(left + 1);
  });
});

test('an origin whose late dials were given up, as it was drained, is dialled as before when it is ready', async () => {
  const { house, places, acceptAt } = await darkFirst({ balance: 'first' });
  await house.sent();
  await house.advance(1_000);
  (await acceptAt(B))?.answer();
  await house.settle();
  void house.fleet.drain(A);
  house.fleet.ready(A);
  await house.sent();
  expect(places()).toEqual([A]);
});

test('where the other is full, another is dialled for at the late one, and nobody is refused for want of a queue', async () => {
  const { house, places, acceptAt } = await darkFirst({ maxConnections: 2, maxQueue: 0, balance: 'first' });
  await house.sent();
  await house.advance(1_000);
  await acceptAt(B);
  await house.sent();
  await acceptAt(B);
  const last = await house.sent();
  expect([places(), last.outcome]).toEqual([[A, A], 'waiting']);
});

test('a POST takes no slot of an idle connection at the origin of its key while dials there are late', async () => {
  const { house, places, acceptAt } = await darkFirst({
    balance: { pick: ([, second]) => (second?.origin === A ? 1 : 0), keeps: true },
    maxConnections: 2,
    nonIdempotent: 'fresh',
  });
  for (let sent = 0; sent < 5; sent += 1) await house.sent();
  await acceptAt(A);
  (await acceptAt(A))?.reset();
  await acceptAt(B);
  await acceptAt(B);
  await house.advance(1_000);
  for (let round = 0; round < 3; round += 1) {
    for (const peer of house.peers) if (peer.owes > 0) peer.answer();
    await house.settle();
    if (places().includes(B)) await acceptAt(B);
  }
  const post = await house.post();
  while (places().includes(B)) await acceptAt(B);
  house.peerOf(post)?.answer();
  await house.settle();
  expect([post.outcome, house.peerOf(post)?.origin, house.originStats().connections.idle]).toEqual([200, B, 1]);
});
