/** A dial that takes long keeps nobody waiting where there is another origin. */

import { describe, expect, test } from 'vitest';
import { MemoryBackend, type MemoryBackendOptions } from '../../memory-backend.js';

const [A, B] = ['http://a.test:80', 'http://b.test:80'] as const;

/** A backend whose first origin takes no dial and refuses none. */
async function darkFirst(options: MemoryBackendOptions = {}) {
  const backend = await MemoryBackend.open({ origins: [A, B], spareConnections: false, ...options });
  const places = () => backend.dialling.map((dial) => dial.target.origin);
  async function acceptAt(origin: string) {
    const peer = backend.dialling.find((dial) => dial.target.origin === origin)?.open();
    if (peer !== undefined) backend.peers.push(peer);
    await backend.settle();
    return peer;
  }
  return { backend, places, acceptAt };
}

test.each([{}, { method: 'POST', body: 'x' }])(
  'after a second another is dialled for who waits (%o)',
  async (request) => {
    const { backend, places, acceptAt } = await darkFirst();
    const caller = await backend.sent(request);
    await backend.advance(999);
    const before = places();
    await backend.advance(1);
    expect([before, places()]).toEqual([[A], [A, B]]);
    (await acceptAt(B))?.answer();
    await backend.settle();
    expect(caller.outcome).toBe(200);
  },
);

test('the next ones are dialled for at the other at once, and nobody is refused for want of a queue', async () => {
  const { backend, places, acceptAt } = await darkFirst({ maxQueue: 0 });
  await backend.sent();
  await backend.advance(1_000);
  await backend.sent();
  await backend.sent();
  expect(places()).toEqual([A, B, B, B]);
  while (places().includes(B)) await acceptAt(B);
  for (const peer of backend.peers) if (peer.owes > 0) peer.answer();
  await backend.settle();
  expect(backend.callers.map(({ outcome }) => outcome)).toEqual([200, 200, 200]);
});

test('where the other is full, they wait for what comes first', async () => {
  const { backend, places, acceptAt } = await darkFirst({ maxConnections: 1 });
  const first = await backend.sent();
  await backend.sent();
  const peer = await acceptAt(B); // the first has it
  await backend.advance(1_000);
  expect(places()).toEqual([A]);
  (await acceptAt(A))?.answer();
  peer?.answer();
  await backend.settle();
  expect([first.outcome, ...backend.callers.map(({ outcome }) => outcome)]).toEqual([200, 200, 200]);
  backend.checkAtRest();
});

test('an origin that answers a dial late is dialled as before from then on', async () => {
  const { backend, places, acceptAt } = await darkFirst({ balance: 'first' });
  await backend.sent();
  await backend.advance(1_000);
  (await acceptAt(B))?.answer();
  await acceptAt(A);
  await backend.sent();
  await backend.sent();
  await backend.sent();
  expect(places()).toEqual([A]);
});

test('an origin that is added while the only one takes long is dialled for who waits', async () => {
  const { backend, places } = await darkFirst({ origins: [A] });
  await backend.sent();
  await backend.advance(500);
  backend.fleet.add(B);
  await backend.advance(500);
  expect(places()).toEqual([A, B]);
});

test('the only origin is not dialled again for a dial that takes long', async () => {
  const { backend, places } = await darkFirst({ origins: [A] });
  await backend.sent();
  await backend.advance(3_000);
  expect(places()).toEqual([A]);
});

test('each dial has a second of its own, though others begin meanwhile', async () => {
  const { backend, places } = await darkFirst({ balance: 'first' });
  await backend.sent();
  await backend.advance(600);
  await backend.sent();
  await backend.advance(400);
  expect(places()).toEqual([A, A, B]);
});

test('no more are dialled for when the other cannot be dialled by then', async () => {
  const { backend, places } = await darkFirst({ random: () => 0 });
  await backend.sent();
  await backend.sent();
  await backend.advance(900);
  backend.dialling.find((dial) => dial.target.origin === B)?.refuse();
  await backend.advance(100);
  expect(places()).toEqual([A, A]);
});

test('a dial for one request alone stays its own, however late those beside it are', async () => {
  const { backend, acceptAt } = await darkFirst({ balance: 'first' });
  const bound = await backend.sent({ boundTo: A });
  await backend.sent();
  await backend.advance(1_000);
  (await acceptAt(A))?.answer();
  await backend.settle();
  expect(bound.outcome).toBe(200);
});

test.each([{}, { balance: { type: 'hash', key: 'path' } } as const])(
  'a dial for a request that is bound to an origin keeps it no longer when that is ejected (%o)',
  async (options) => {
    const { backend, places, acceptAt } = await darkFirst({ ejection: { time: 10_000 }, ...options });
    const bound = await backend.sent({ boundTo: A });
    const [home = A] = places();
    const other = home === A ? B : A;
    const { standing } = backend.origins.find(({ name }) => name === home) ?? backend.origin();
    standing.eject('connection_refused');
    await backend.advance(1_000);
    (await acceptAt(other))?.answer();
    await backend.settle();
    expect([bound.outcome, backend.peerOf(bound)?.origin]).toEqual([200, other]);
  },
);

test.each([1, 0])(
  'nor while that dial is the probe of the ejected origin (of weight %i), which is dialled once',
  async (weight) => {
    const origins = [{ url: A, weight }, B];
    const { backend, places, acceptAt } = await darkFirst({
      origins,
      sticky: { cookie: 'at' },
      ejection: { time: 500 },
    });
    backend.origin().standing.eject('connection_refused');
    await backend.advance(500);
    const bound = await backend.sent({ boundTo: A });
    await backend.advance(1_000);
    expect(places()).toEqual([A, B]);
    (await acceptAt(B))?.answer();
    await backend.settle();
    expect(bound.outcome).toBe(200);
  },
);

test('where all are ejected, it waits for its own dial as if none were, and is dialled for once', async () => {
  const { backend, places, acceptAt } = await darkFirst({ ejection: { time: 10_000 } });
  for (const { standing } of backend.origins) standing.eject('connection_refused');
  const bound = await backend.sent({ boundTo: A });
  await backend.advance(3_000);
  expect(places()).toEqual([A]);
  (await acceptAt(A))?.answer();
  await backend.settle();
  expect(bound.outcome).toBe(200);
});

describe('a request that is sent again', () => {
  /** Under way at the second origin, on a connection that was reused; the first has not been asked for anything. */
  async function underWay(options: MemoryBackendOptions = {}) {
    const dark = await darkFirst({ balance: { pick: (all) => all.length - 1 }, ...options });
    const { backend } = dark;
    const peer = await backend.idle();
    return { ...dark, peer, caller: await backend.sent() };
  }

  async function isAnswered({ backend, acceptAt, caller }: Awaited<ReturnType<typeof underWay>>) {
    (await acceptAt(B))?.answer();
    await backend.settle();
    return caller.outcome;
  }

  test.each([
    ['whose connection was closed', false, false],
    ['for its status', true, false],
    ['for its status, with a balancer that keeps requests', true, true],
  ])('%s goes back when another origin takes no dial for a second', async (_, isForStatus, keeps) => {
    const world = await underWay({ retryOn: [503], balance: { pick: (all) => all.length - 1, keeps } });
    const { backend, places, peer } = world;
    if (isForStatus) peer.answer({ status: 503, close: true });
    else peer.fin();
    await backend.settle();
    const before = places();
    await backend.advance(1_000);
    expect([before, places(), await isAnswered(world)]).toEqual([[A], [A, B], 200]);
  });

  test('passes over an origin whose dials take long', async () => {
    const world = await underWay({ origins: [A, { url: B, maxConnections: 1 }], retryOn: [503] });
    const { backend, places, peer } = world;
    await backend.sent();
    await backend.advance(1_000);
    peer.answer({ status: 503, close: true });
    await backend.settle();
    expect([places(), await isAnswered(world)]).toEqual([[A, B], 200]);
  });

  test('gives its share of fresh connections back when its dial is late', async () => {
    const { backend } = await darkFirst({ balance: { pick: (all) => all.length - 1 }, minConnections: 1 });
    const [, spare] = backend.dialling;
    const peer = spare?.open();
    peer?.near.refuseNextWrite();
    await backend.settle();
    await backend.post();
    const left = backend.origin(0).freshShareLeft;
    await backend.advance(1_000);
    expect(backend.origin(0).freshShareLeft).toBe(left + 1);
  });
});

test('an origin whose late dials were given up, as it was drained, is dialled as before when it is ready', async () => {
  const { backend, places, acceptAt } = await darkFirst({ balance: 'first' });
  await backend.sent();
  await backend.advance(1_000);
  (await acceptAt(B))?.answer();
  await backend.settle();
  void backend.fleet.drain(A);
  backend.fleet.ready(A);
  await backend.sent();
  expect(places()).toEqual([A]);
});

test('where the other is full, another is dialled for at the late one, and nobody is refused for want of a queue', async () => {
  const { backend, places, acceptAt } = await darkFirst({ maxConnections: 2, maxQueue: 0, balance: 'first' });
  await backend.sent();
  await backend.advance(1_000);
  await acceptAt(B);
  await backend.sent();
  await acceptAt(B);
  const last = await backend.sent();
  expect([places(), last.outcome]).toEqual([[A, A], 'waiting']);
});

test('a POST takes no slot of an idle connection at the origin of its key while dials there are late', async () => {
  const { backend, places, acceptAt } = await darkFirst({
    balance: { pick: ([, second]) => (second?.origin === A ? 1 : 0), keeps: true },
    maxConnections: 2,
    nonIdempotent: 'fresh',
  });
  for (let sent = 0; sent < 5; sent += 1) await backend.sent();
  await acceptAt(A);
  (await acceptAt(A))?.reset();
  await acceptAt(B);
  await acceptAt(B);
  await backend.advance(1_000);
  for (let round = 0; round < 3; round += 1) {
    for (const peer of backend.peers) if (peer.owes > 0) peer.answer();
    await backend.settle();
    if (places().includes(B)) await acceptAt(B);
  }
  const post = await backend.post();
  while (places().includes(B)) await acceptAt(B);
  backend.peerOf(post)?.answer();
  await backend.settle();
  expect([post.outcome, backend.peerOf(post)?.origin, backend.originStats().connections.idle]).toEqual([200, B, 1]);
});
