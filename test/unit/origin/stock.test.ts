import { describe, expect, test } from 'vitest';
import { House, type Peer } from '../../house.js';

async function acceptAll(house: House): Promise<Peer[]> {
  const peers: Peer[] = [];
  while (house.dialling.length > 0) peers.push(await house.accept());
  return peers;
}

function open(house: House): number {
  return house.originStats().connections.open;
}

/** One POST was answered, and two spares for the next are there. */
async function withSpares(): Promise<House> {
  const house = await House.open({ spareConnections: 2 });
  await house.post();
  (await house.accept()).answer();
  await house.settle();
  await acceptAll(house);
  return house;
}

describe('spares', () => {
  test('are dialled, four of them, once a POST is seen, and none for GETs', async () => {
    const house = await House.open();
    await house.sent();
    await house.accept();
    const forGet = house.dials.length;
    await house.post();
    await house.accept();
    await house.advance(2);
    expect([forGet, house.dials.length]).toEqual([1, 6]);
    await acceptAll(house);
    expect(house.originStats().connections).toMatchObject({ spare: 4, busy: 2 });
  });

  test('are as many as the owner wants', async () => {
    const house = await House.open({ spareConnections: 7 });
    await house.post();
    await house.accept();
    await house.advance(2);
    await acceptAll(house);
    expect(house.originStats().connections.spare).toBe(7);
  });

  test('are dialled again a second after the origin hung up, with no request in between', async () => {
    const house = await House.open({ spareConnections: 1 });
    await house.post();
    await house.accept();
    await house.advance(2);
    const [spare] = await acceptAll(house);
    spare?.fin();
    await house.settle();
    const before = house.dialling.length;
    await house.advance(1_000);
    expect([before, house.dialling.length]).toEqual([0, 1]);
  });

  test('are replaced when one is taken, as soon as its request is answered', async () => {
    const house = await withSpares();
    const post = await house.post();
    const before = house.dialling.length;
    house.peerOf(post)?.answer();
    await house.settle();
    expect([before, house.dialling.length, post.outcome]).toEqual([0, 1, 200]);
  });

  test('that were taken together are replaced when the last of their requests is answered', async () => {
    const house = await House.open({ spareConnections: 3 });
    await house.post();
    (await house.accept()).answer();
    await house.settle();
    await acceptAll(house);
    const posts = [await house.post(), await house.post()];
    const dialling: number[] = [];
    for (const post of posts) {
      house.peerOf(post)?.answer();
      await house.settle();
      dialling.push(house.dialling.length);
    }
    expect(dialling).toEqual([0, 2]);
  });

  test('are replaced as soon as one of their requests is answered when there is none left', async () => {
    const house = await withSpares();
    const first = await house.post();
    await house.post();
    house.peerOf(first)?.answer();
    await house.settle();
    expect(house.originStats().connections).toMatchObject({ busy: 1, dialling: 2 });
  });

  test('are dialled one in a turn of the event loop', async () => {
    const house = await House.open();
    const post = await house.post();
    await house.accept();
    house.peerOf(post)?.answer();
    const dialling: number[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      house.clock.runSoon();
      dialling.push(house.dialling.length);
    }
    expect(dialling.filter((count, turn) => count > 1 + (dialling[turn - 1] ?? 0))).toEqual([]);
    expect(dialling.at(-1)).toBe(4);
  });

  test('are replaced when one is taken whose answer takes its time', async () => {
    const house = await withSpares();
    await house.post();
    await house.advance(2);
    expect(house.originStats().connections).toMatchObject({ spare: 1, busy: 1, dialling: 1 });
  });

  test('are not dialled after a request that the origin left without an answer', async () => {
    const house = await House.open();
    await house.post();
    (await house.accept()).reset();
    await house.settle();
    await house.advance(2);
    expect(house.dialling.length).toBe(0);
  });

  test('leave no timer behind when the backend is closed before they are dialled', async () => {
    const house = await House.open();
    await house.post();
    await house.accept();
    house.destroy();
    await house.settle();
    expect([house.dials.length, house.deadlines.size]).toEqual([1, 0]);
  });

  test('live five seconds, and none follows where no such request was seen for as long', async () => {
    const house = await House.open();
    await house.post();
    const used = await house.accept();
    used.answer();
    await house.settle();
    await acceptAll(house);
    await house.advance(4_999);
    const before = house.originStats().connections.spare;
    await house.advance(1);
    expect([before, house.originStats().connections, house.originStats().closed]).toEqual([
      4,
      { open: 1, idle: 1, busy: 0, dialling: 0, spare: 0, checking: 0, max: 100 },
      { 'spare-expired': 4 },
    ]);
  });

  /** A POST is answered, and the spare that follows it is returned. */
  async function nextSpare(house: House): Promise<Peer | undefined> {
    const post = await house.post();
    await acceptAll(house);
    house.peerOf(post)?.answer();
    await house.settle();
    await acceptAll(house);
    return house.peers.findLast(({ requests }) => requests.length === 0);
  }

  test('live less long where the origin closes them sooner, once that was seen twice', async () => {
    const house = await House.open({ spareConnections: 1 });
    for (const _ of ['seen once', 'seen twice']) {
      const spare = await nextSpare(house);
      await house.advance(3_000);
      spare?.fin();
      await house.settle();
    }
    await nextSpare(house);
    await house.advance(1_999);
    const before = house.originStats().closed;
    await house.advance(1);
    expect([before, house.originStats().closed]).toEqual([{ stale: 2 }, { stale: 2, 'spare-expired': 1 }]);
  });

  test('are not dialled over and over where the origin closes them at once', async () => {
    const house = await House.open({ spareConnections: 1 });
    for (const _ of ['seen once', 'seen twice']) {
      const spare = await nextSpare(house);
      await house.advance(10);
      spare?.fin();
      await house.settle();
      await house.advance(1_000);
    }
    await nextSpare(house);
    const before = house.dials.length;
    for (let ms = 0; ms < 2_900; ms += 1) {
      await house.advance(1);
      await acceptAll(house);
    }
    expect([house.originStats().closed, house.dials.length - before]).toEqual([{ stale: 2, 'spare-expired': 3 }, 2]);
  });

  test('do not live less long because some were closed, if another was used at a greater age', async () => {
    const house = await House.open({ spareConnections: 1 });
    for (const closed of [true, false, true]) {
      const spare = await nextSpare(house);
      await house.advance(closed ? 1_000 : 3_000);
      if (closed) spare?.fin();
      await house.settle();
      await house.advance(1_000);
    }
    await nextSpare(house);
    await house.advance(4_999);
    expect(house.originStats().closed).toEqual({ stale: 2 });
  });

  test('are known to live shortly as soon as the origin has answered one with 408', async () => {
    const house = await House.open({ spareConnections: 1 });
    const spare = await nextSpare(house);
    await house.advance(3_000);
    spare?.send('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
    await house.settle();
    await nextSpare(house);
    await house.advance(2_000);
    expect(house.originStats().closed).toEqual({ poisoned: 1, 'spare-expired': 1 });
  });

  test('of the minimum are not replaced at once, where the origin closes them so soon that they are no use for a POST', async () => {
    const house = await House.open({ minConnections: 5, spareConnections: false });
    const [spare] = await acceptAll(house);
    await house.advance(20);
    spare?.send('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
    await house.advance(1_000);
    await acceptAll(house);
    await house.advance(15);
    const before = house.dials.length;
    await house.post();
    await acceptAll(house);
    await house.advance(999);
    const after = house.dials.length;
    await house.advance(1);
    expect([after - before, house.dials.length - before, house.originStats().closed]).toEqual([
      1,
      5,
      { poisoned: 1, 'spare-expired': 5 },
    ]);
  });

  test('are renewed at the end of their life while such requests are being seen', async () => {
    const house = await withSpares();
    await house.advance(3_000);
    await house.post();
    await house.advance(2);
    await acceptAll(house);
    await house.advance(1_998);
    expect(house.originStats().connections.dialling).toBe(1);
  });

  test('are not dialled while somebody waits for a slot', async () => {
    const house = await House.open({ maxConnections: 2 });
    await house.post();
    await house.post();
    await house.post();
    await acceptAll(house);
    expect([house.dials.length, house.queue.length]).toEqual([2, 1]);
  });

  test('are not dialled while somebody waits who may not travel fresh yet', async () => {
    const house = await House.open({ maxFreshConnections: 1 });
    for (const _ of [1, 2, 3]) await house.post();
    await house.accept();
    await house.advance(2);
    expect([house.dials.length, house.queue.length]).toEqual([1, 2]);
  });

  test('are replaced though such requests keep coming and none is answered', async () => {
    const house = await withSpares();
    await house.post();
    await house.advance(1);
    await house.post();
    await house.advance(1);
    expect(house.dialling.length).toBe(2);
  });

  test.each<[string, number, object]>([
    [
      'take the slot of the coldest connection when all slots are taken, as long as no fewer have been used',
      4,
      { 'made-room': 4 },
    ],
    ['close no connection when there are slots for them', 12, {}],
  ])('%s', async (_what, maxConnections, expected) => {
    const house = await House.open({ maxConnections });
    for (const _ of [1, 2, 3, 4]) await house.sent();
    for (const peer of await acceptAll(house)) peer.answer();
    await house.settle();
    for (let posts = 0; posts < 2; posts += 1) {
      const post = await house.post();
      await acceptAll(house);
      house.peerOf(post)?.answer();
      await house.settle();
      await acceptAll(house);
    }
    const { connections, closed } = house.originStats();
    expect([connections.spare, closed]).toEqual([maxConnections === 4 ? 2 : 4, expected]);
  });

  test('are dialled for no request that may ride a proven connection', async () => {
    const house = await House.open({ nonIdempotent: 'verified' });
    await house.post();
    await house.accept();
    expect(house.dials.length).toBe(1);
  });
});

describe('minConnections', () => {
  test('are opened when the origin can be dialled again, though requests wait for others just then', async () => {
    const origins = ['http://a.test:80', 'http://b.test:80'];
    const house = await House.open({ origins, minConnections: 1, maxConnections: 2, random: () => 0 });
    await house.refuse();
    const serving = await house.accept();
    const { origin } = serving;
    await house.sent();
    const waiting = await house.sent();
    const dialled = house.dialling.map((dial) => dial.target.origin);
    expect([dialled, waiting.outcome]).toEqual([[origin], 'waiting']);
    await house.advance(1_010);
    expect(house.dialling.map((dial) => dial.target.origin)).toContain(origin === origins[0] ? origins[1] : origins[0]);
  });

  test('are dialled at the start, and anew when one is lost', async () => {
    const house = await House.open({ minConnections: 3 });
    const peers = await acceptAll(house);
    await house.advance(2_000);
    peers[0]?.fin();
    await house.settle();
    expect([peers.length, open(house), house.dialling.length]).toEqual([3, 2, 1]);
  });

  test('are replaced when they are too old to be reused', async () => {
    const house = await House.open({ minConnections: 1, keepAliveTimeout: 10_000 });
    await house.accept();
    await house.advance(10_000);
    expect([house.originStats().closed, house.dialling.length]).toEqual([{ 'idle-timeout': 1 }, 1]);
  });

  test('are no more than the minimum when more were needed for a while', async () => {
    const house = await House.open({ minConnections: 1, keepAliveTimeout: 10_000 });
    await house.sent();
    await house.sent();
    for (const peer of await acceptAll(house)) peer.answer();
    await house.advance(10_000);
    expect([open(house), house.dialling.length]).toEqual([0, 1]);
  });

  test.each<[string, (peer: Peer) => void]>([
    ['hangs up', (peer) => peer.fin()],
    ['resets', (peer) => peer.reset()],
    ['talks', (peer) => peer.send('220 mail.test ESMTP\r\n')],
  ])(
    'are dialled once a second, not in a loop, to an origin that %s as soon as it is connected',
    async (_name, leave) => {
      const house = await House.open({ minConnections: 1 });
      for (let tries = 0; tries < 20; tries += 1) {
        for (const peer of await acceptAll(house)) leave(peer);
        await house.advance(100);
      }
      expect([2, 3]).toContain(house.dials.length);
    },
  );

  test('are given up while they are dialled, as far as a lower limit leaves no room', async () => {
    const house = await House.open({ minConnections: 2, maxConnections: 2 });
    const before = house.dialling.length;
    await house.update({ minConnections: 1, maxConnections: 1 });
    expect([before, house.dialling.length]).toEqual([2, 1]);
    await house.accept();
    expect(open(house)).toBe(1);
    house.checkAtRest();
  });

  test('are dialled anew a second after the origin hung up, whatever is looked at before', async () => {
    const house = await House.open({ minConnections: 1 });
    for (const afterMs of [4_500, 0]) {
      const [peer] = await acceptAll(house);
      await house.advance(afterMs);
      peer?.fin();
      await house.settle();
    }
    await house.advance(1_000);
    expect(house.dialling.length).toBe(1);
  });

  test('leave no timer behind when the backend is closed while the origin hangs up on them', async () => {
    const house = await House.open({ minConnections: 1 });
    const [, peer] = [await house.sent(), await house.accept()];
    peer.answer();
    await house.settle();
    await house.update({ minConnections: 2, maxConnections: 2 });
    for (const opened of await acceptAll(house)) opened.fin();
    await house.settle();
    house.destroy();
    expect([open(house), house.deadlines.size]).toEqual([0, 0]);
  });

  test('are dialled again as soon as the origin can be reached, when they were closed because it refused a dial', async () => {
    const house = await House.open({ minConnections: 2 });
    await acceptAll(house);
    void house.update({ minConnections: 3 });
    await house.settle();
    await house.refuse();
    await house.advance(100);
    await house.accept();
    expect([house.originStats().closed, house.dialling.length]).toEqual([{ 'spare-expired': 2 }, 2]);
  });

  test('are dialled with back-off to an origin that refuses', async () => {
    const house = await House.open({ minConnections: 2 });
    for (let passed = 0; passed < 10_000; passed += 100) {
      while (house.dialling.length > 0) await house.refuse();
      await house.advance(100);
    }
    expect(house.dials.length).toBeGreaterThan(10);
    expect(house.dials.length).toBeLessThan(40);
  });
});

describe('ages', () => {
  test('a connection that is idle for too long is closed without being asked for', async () => {
    const house = await House.open({ keepAliveTimeout: 5_000 });
    await house.idle();
    await house.advance(4_999);
    const before = open(house);
    await house.advance(1);
    expect([before, open(house), house.originStats().closed]).toEqual([1, 0, { 'idle-timeout': 1 }]);
  });

  test('an idle connection is closed at its greatest age, though it was used just before', async () => {
    const house = await House.open({ maxConnectionAge: 10_000 });
    const peer = await house.idle();
    await house.advance(9_000);
    await house.sent();
    peer.answer();
    await house.settle();
    await house.advance(500); // shortened by a twentieth: the random numbers here are all one half
    expect(house.originStats().closed).toEqual({ 'max-age': 1 });
  });

  test('at rest there is nothing to wait for but the end of what is idle', async () => {
    const house = await House.open();
    await house.idle();
    await house.advance(60_000);
    expect([open(house), house.deadlines.size]).toEqual([0, 0]);
  });
});
