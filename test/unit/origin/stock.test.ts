import { describe, expect, test } from 'vitest';
import { MemoryBackend, type Peer } from '../../memory-backend.js';

async function acceptAll(backend: MemoryBackend): Promise<Peer[]> {
  const peers: Peer[] = [];
  while (backend.dialling.length > 0) peers.push(await backend.accept());
  return peers;
}

function open(backend: MemoryBackend): number {
  return backend.originStats().connections.open;
}

/** One POST was answered, and two spares for the next are there. */
async function withSpares(): Promise<MemoryBackend> {
  const backend = await MemoryBackend.open({ spareConnections: 2 });
  await backend.post();
  (await backend.accept()).answer();
  await backend.settle();
  await acceptAll(backend);
  return backend;
}

describe('spares', () => {
  test('are dialled, four of them, once a POST is seen, and none for GETs', async () => {
    const backend = await MemoryBackend.open();
    await backend.sent();
    await backend.accept();
    const forGet = backend.dials.length;
    await backend.post();
    await backend.accept();
    await backend.advance(2);
    expect([forGet, backend.dials.length]).toEqual([1, 6]);
    await acceptAll(backend);
    expect(backend.originStats().connections).toMatchObject({ spare: 4, busy: 2 });
  });

  test('are as many as the owner wants', async () => {
    const backend = await MemoryBackend.open({ spareConnections: 7 });
    await backend.post();
    await backend.accept();
    await backend.advance(2);
    await acceptAll(backend);
    expect(backend.originStats().connections.spare).toBe(7);
  });

  test('are dialled again a second after the origin hung up, with no request in between', async () => {
    const backend = await MemoryBackend.open({ spareConnections: 1 });
    await backend.post();
    await backend.accept();
    await backend.advance(2);
    const [spare] = await acceptAll(backend);
    spare?.fin();
    await backend.settle();
    const before = backend.dialling.length;
    await backend.advance(1_000);
    expect([before, backend.dialling.length]).toEqual([0, 1]);
  });

  test('are replaced when one is taken, as soon as its request is answered', async () => {
    const backend = await withSpares();
    const post = await backend.post();
    const before = backend.dialling.length;
    backend.peerOf(post)?.answer();
    await backend.settle();
    expect([before, backend.dialling.length, post.outcome]).toEqual([0, 1, 200]);
  });

  test('that were taken together are replaced when the last of their requests is answered', async () => {
    const backend = await MemoryBackend.open({ spareConnections: 3 });
    await backend.post();
    (await backend.accept()).answer();
    await backend.settle();
    await acceptAll(backend);
    const posts = [await backend.post(), await backend.post()];
    const dialling: number[] = [];
    for (const post of posts) {
      backend.peerOf(post)?.answer();
      await backend.settle();
      dialling.push(backend.dialling.length);
    }
    expect(dialling).toEqual([0, 2]);
  });

  test('are replaced as soon as one of their requests is answered when there is none left', async () => {
    const backend = await withSpares();
    const first = await backend.post();
    await backend.post();
    backend.peerOf(first)?.answer();
    await backend.settle();
    expect(backend.originStats().connections).toMatchObject({ busy: 1, dialling: 2 });
  });

  test('are dialled one in a turn of the event loop', async () => {
    const backend = await MemoryBackend.open();
    const post = await backend.post();
    await backend.accept();
    backend.peerOf(post)?.answer();
    const dialling: number[] = [];
    for (let turn = 0; turn < 6; turn += 1) {
      backend.clock.runSoon();
      dialling.push(backend.dialling.length);
    }
    expect(dialling.filter((count, turn) => count > 1 + (dialling[turn - 1] ?? 0))).toEqual([]);
    expect(dialling.at(-1)).toBe(4);
  });

  test('are replaced when one is taken whose answer takes its time', async () => {
    const backend = await withSpares();
    await backend.post();
    await backend.advance(2);
    expect(backend.originStats().connections).toMatchObject({ spare: 1, busy: 1, dialling: 1 });
  });

  test('are not dialled after a request that the origin left without an answer', async () => {
    const backend = await MemoryBackend.open();
    await backend.post();
    (await backend.accept()).reset();
    await backend.settle();
    await backend.advance(2);
    expect(backend.dialling.length).toBe(0);
  });

  test('leave no timer behind when the backend is closed before they are dialled', async () => {
    const backend = await MemoryBackend.open();
    await backend.post();
    await backend.accept();
    backend.destroy();
    await backend.settle();
    expect([backend.dials.length, backend.deadlines.size]).toEqual([1, 0]);
  });

  test('live five seconds, and none follows where no such request was seen for as long', async () => {
    const backend = await MemoryBackend.open();
    await backend.post();
    const used = await backend.accept();
    used.answer();
    await backend.settle();
    await acceptAll(backend);
    await backend.advance(4_999);
    const before = backend.originStats().connections.spare;
    await backend.advance(1);
    expect([before, backend.originStats().connections, backend.originStats().closed]).toEqual([
      4,
      { open: 1, idle: 1, busy: 0, dialling: 0, spare: 0, checking: 0, max: 100 },
      { 'spare-expired': 4 },
    ]);
  });

  /** A POST is answered, and the spare that follows it is returned. */
  async function nextSpare(backend: MemoryBackend): Promise<Peer | undefined> {
    const post = await backend.post();
    await acceptAll(backend);
    backend.peerOf(post)?.answer();
    await backend.settle();
    await acceptAll(backend);
    return backend.peers.findLast(({ requests }) => requests.length === 0);
  }

  test('live less long where the origin closes them sooner, once that was seen twice', async () => {
    const backend = await MemoryBackend.open({ spareConnections: 1 });
    for (const _ of ['seen once', 'seen twice']) {
      const spare = await nextSpare(backend);
      await backend.advance(3_000);
      spare?.fin();
      await backend.settle();
    }
    await nextSpare(backend);
    await backend.advance(1_999);
    const before = backend.originStats().closed;
    await backend.advance(1);
    expect([before, backend.originStats().closed]).toEqual([{ stale: 2 }, { stale: 2, 'spare-expired': 1 }]);
  });

  test('are not dialled over and over where the origin closes them at once', async () => {
    const backend = await MemoryBackend.open({ spareConnections: 1 });
    for (const _ of ['seen once', 'seen twice']) {
      const spare = await nextSpare(backend);
      await backend.advance(10);
      spare?.fin();
      await backend.settle();
      await backend.advance(1_000);
    }
    await nextSpare(backend);
    const before = backend.dials.length;
    for (let ms = 0; ms < 2_900; ms += 1) {
      await backend.advance(1);
      await acceptAll(backend);
    }
    expect([backend.originStats().closed, backend.dials.length - before]).toEqual([
      { stale: 2, 'spare-expired': 3 },
      2,
    ]);
  });

  test('do not live less long because some were closed, if another was used at a greater age', async () => {
    const backend = await MemoryBackend.open({ spareConnections: 1 });
    for (const closed of [true, false, true]) {
      const spare = await nextSpare(backend);
      await backend.advance(closed ? 1_000 : 3_000);
      if (closed) spare?.fin();
      await backend.settle();
      await backend.advance(1_000);
    }
    await nextSpare(backend);
    await backend.advance(4_999);
    expect(backend.originStats().closed).toEqual({ stale: 2 });
  });

  test('are known to live shortly as soon as the origin has answered one with 408', async () => {
    const backend = await MemoryBackend.open({ spareConnections: 1 });
    const spare = await nextSpare(backend);
    await backend.advance(3_000);
    spare?.send('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
    await backend.settle();
    await nextSpare(backend);
    await backend.advance(2_000);
    expect(backend.originStats().closed).toEqual({ poisoned: 1, 'spare-expired': 1 });
  });

  test('of the minimum are not replaced at once, where the origin closes them so soon that they are no use for a POST', async () => {
    const backend = await MemoryBackend.open({ minConnections: 5, spareConnections: false });
    const [spare] = await acceptAll(backend);
    await backend.advance(20);
    spare?.send('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
    await backend.advance(1_000);
    await acceptAll(backend);
    await backend.advance(15);
    const before = backend.dials.length;
    await backend.post();
    await acceptAll(backend);
    await backend.advance(999);
    const after = backend.dials.length;
    await backend.advance(1);
    expect([after - before, backend.dials.length - before, backend.originStats().closed]).toEqual([
      1,
      5,
      { poisoned: 1, 'spare-expired': 5 },
    ]);
  });

  test('are renewed at the end of their life while such requests are being seen', async () => {
    const backend = await withSpares();
    await backend.advance(3_000);
    await backend.post();
    await backend.advance(2);
    await acceptAll(backend);
    await backend.advance(1_998);
    expect(backend.originStats().connections.dialling).toBe(1);
  });

  test('are not dialled while somebody waits for a slot', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 2 });
    await backend.post();
    await backend.post();
    await backend.post();
    await acceptAll(backend);
    expect([backend.dials.length, backend.queue.length]).toEqual([2, 1]);
  });

  test('are not dialled while somebody waits who may not travel fresh yet', async () => {
    const backend = await MemoryBackend.open({ maxFreshConnections: 1 });
    for (const _ of [1, 2, 3]) await backend.post();
    await backend.accept();
    await backend.advance(2);
    expect([backend.dials.length, backend.queue.length]).toEqual([1, 2]);
  });

  test('are replaced though such requests keep coming and none is answered', async () => {
    const backend = await withSpares();
    await backend.post();
    await backend.advance(1);
    await backend.post();
    await backend.advance(1);
    expect(backend.dialling.length).toBe(2);
  });

  test.each<[string, number, object]>([
    [
      'take the slot of the coldest connection when all slots are taken, as long as no fewer have been used',
      4,
      { 'made-room': 4 },
    ],
    ['close no connection when there are slots for them', 12, {}],
  ])('%s', async (_what, maxConnections, expected) => {
    const backend = await MemoryBackend.open({ maxConnections });
    for (const _ of [1, 2, 3, 4]) await backend.sent();
    for (const peer of await acceptAll(backend)) peer.answer();
    await backend.settle();
    for (let posts = 0; posts < 2; posts += 1) {
      const post = await backend.post();
      await acceptAll(backend);
      backend.peerOf(post)?.answer();
      await backend.settle();
      await acceptAll(backend);
    }
    const { connections, closed } = backend.originStats();
    expect([connections.spare, closed]).toEqual([maxConnections === 4 ? 2 : 4, expected]);
  });

  test('are dialled for no request that may ride a proven connection', async () => {
    const backend = await MemoryBackend.open({ nonIdempotent: 'verified' });
    await backend.post();
    await backend.accept();
    expect(backend.dials.length).toBe(1);
  });
});

describe('minConnections', () => {
  test('are opened when the origin can be dialled again, though requests wait for others just then', async () => {
    const origins = ['http://a.test:80', 'http://b.test:80'];
    const backend = await MemoryBackend.open({ origins, minConnections: 1, maxConnections: 2, random: () => 0 });
    await backend.refuse();
    const serving = await backend.accept();
    const { origin } = serving;
    await backend.sent();
    const waiting = await backend.sent();
    const dialled = backend.dialling.map((dial) => dial.target.origin);
    expect([dialled, waiting.outcome]).toEqual([[origin], 'waiting']);
    await backend.advance(1_010);
    expect(backend.dialling.map((dial) => dial.target.origin)).toContain(
      origin === origins[0] ? origins[1] : origins[0],
    );
  });

  test('are dialled at the start, and anew when one is lost', async () => {
    const backend = await MemoryBackend.open({ minConnections: 3 });
    const peers = await acceptAll(backend);
    await backend.advance(2_000);
    peers[0]?.fin();
    await backend.settle();
    expect([peers.length, open(backend), backend.dialling.length]).toEqual([3, 2, 1]);
  });

  test('are replaced when they are too old to be reused', async () => {
    const backend = await MemoryBackend.open({ minConnections: 1, keepAliveTimeout: 10_000 });
    await backend.accept();
    await backend.advance(10_000);
    expect([backend.originStats().closed, backend.dialling.length]).toEqual([{ 'idle-timeout': 1 }, 1]);
  });

  test('are no more than the minimum when more were needed for a while', async () => {
    const backend = await MemoryBackend.open({ minConnections: 1, keepAliveTimeout: 10_000 });
    await backend.sent();
    await backend.sent();
    for (const peer of await acceptAll(backend)) peer.answer();
    await backend.advance(10_000);
    expect([open(backend), backend.dialling.length]).toEqual([0, 1]);
  });

  test.each<[string, (peer: Peer) => void]>([
    ['hangs up', (peer) => peer.fin()],
    ['resets', (peer) => peer.reset()],
    ['talks', (peer) => peer.send('220 mail.test ESMTP\r\n')],
  ])(
    'are dialled once a second, not in a loop, to an origin that %s as soon as it is connected',
    async (_name, leave) => {
      const backend = await MemoryBackend.open({ minConnections: 1 });
      for (let tries = 0; tries < 20; tries += 1) {
        for (const peer of await acceptAll(backend)) leave(peer);
        await backend.advance(100);
      }
      expect([2, 3]).toContain(backend.dials.length);
    },
  );

  test('are given up while they are dialled, as far as a lower limit leaves no room', async () => {
    const backend = await MemoryBackend.open({ minConnections: 2, maxConnections: 2 });
    const before = backend.dialling.length;
    await backend.update({ minConnections: 1, maxConnections: 1 });
    expect([before, backend.dialling.length]).toEqual([2, 1]);
    await backend.accept();
    expect(open(backend)).toBe(1);
    backend.checkAtRest();
  });

  test('are dialled anew a second after the origin hung up, whatever is looked at before', async () => {
    const backend = await MemoryBackend.open({ minConnections: 1 });
    for (const afterMs of [4_500, 0]) {
      const [peer] = await acceptAll(backend);
      await backend.advance(afterMs);
      peer?.fin();
      await backend.settle();
    }
    await backend.advance(1_000);
    expect(backend.dialling.length).toBe(1);
  });

  test('leave no timer behind when the backend is closed while the origin hangs up on them', async () => {
    const backend = await MemoryBackend.open({ minConnections: 1 });
    const [, peer] = [await backend.sent(), await backend.accept()];
    peer.answer();
    await backend.settle();
    await backend.update({ minConnections: 2, maxConnections: 2 });
    for (const opened of await acceptAll(backend)) opened.fin();
    await backend.settle();
    backend.destroy();
    expect([open(backend), backend.deadlines.size]).toEqual([0, 0]);
  });

  test('are dialled again as soon as the origin can be reached, when they were closed because it refused a dial', async () => {
    const backend = await MemoryBackend.open({ minConnections: 2 });
    await acceptAll(backend);
    void backend.update({ minConnections: 3 });
    await backend.settle();
    await backend.refuse();
    await backend.advance(100);
    await backend.accept();
    expect([backend.originStats().closed, backend.dialling.length]).toEqual([{ 'spare-expired': 2 }, 2]);
  });

  test('are dialled with back-off to an origin that refuses', async () => {
    const backend = await MemoryBackend.open({ minConnections: 2 });
    for (let passed = 0; passed < 10_000; passed += 100) {
      while (backend.dialling.length > 0) await backend.refuse();
      await backend.advance(100);
    }
    expect(backend.dials.length).toBeGreaterThan(10);
    expect(backend.dials.length).toBeLessThan(40);
  });
});

describe('ages', () => {
  test('a connection that is idle for too long is closed without being asked for', async () => {
    const backend = await MemoryBackend.open({ keepAliveTimeout: 5_000 });
    await backend.idle();
    await backend.advance(4_999);
    const before = open(backend);
    await backend.advance(1);
    expect([before, open(backend), backend.originStats().closed]).toEqual([1, 0, { 'idle-timeout': 1 }]);
  });

  test('an idle connection is closed at its greatest age, though it was used just before', async () => {
    const backend = await MemoryBackend.open({ maxConnectionAge: 10_000 });
    const peer = await backend.idle();
    await backend.advance(9_000);
    await backend.sent();
    peer.answer();
    await backend.settle();
    await backend.advance(500); // shortened by a twentieth: the random numbers here are all one half
    expect(backend.originStats().closed).toEqual({ 'max-age': 1 });
  });

  test('at rest there is nothing to wait for but the end of what is idle', async () => {
    const backend = await MemoryBackend.open();
    await backend.idle();
    await backend.advance(60_000);
    expect([open(backend), backend.deadlines.size]).toEqual([0, 0]);
  });
});
