/** Origins that get less than they could take: those that have just come back, and those that have become slow. */

import type { Balancer, Candidate } from 'pooled-backend';
import { describe, expect, test } from 'vitest';
import { House } from '../../house.js';

/** Picks the first, and remembers what it was shown. */
function watching(): Balancer & { seen: (readonly Candidate[])[] } {
  const seen: (readonly Candidate[])[] = [];
  return {
    seen,
    pick(candidates) {
      seen.push(candidates.map((one) => ({ ...one })));
      return 0;
    },
  };
}

describe('an origin that is back, with slowStart', () => {
  /** Two origins of ten connections; the first of them has just come back. */
  async function returned(options: object = {}) {
    const balance = watching();
    const origins = ['http://a.test', 'http://b.test'];
    const house = await House.open({ origins, balance, maxConnections: 10, slowStart: 10_000, ...options });
    const { standing } = house.origin(0);
    standing.eject('connection_refused');
    await house.advance(1_000);
    standing.begin();
    standing.answered(200, house.clock.now());
    return { house, balance };
  }

  test('is shown to the balancer with a weight that grows to the whole', async () => {
    const { house, balance } = await returned();
    const weights: unknown[] = [];
    for (const ms of [0, 5_000, 5_000]) {
      await house.advance(ms);
      await house.sent();
      weights.push(balance.seen.at(-1)?.map(({ weight }) => weight));
      if (house.dialling.length > 0) await house.accept();
      house.peers[0]?.answer();
      await house.settle();
    }
    expect(weights).toEqual([
      [0.1, 1],
      [0.5, 1],
      [1, 1],
    ]);
  });

  test('has no more connections busy than its share, while another has all of its own', async () => {
    const { house } = await returned();
    for (let n = 0; n < 5; n += 1) await house.sent();
    expect(house.dialling.map((dial) => dial.target.origin)).toEqual([
      'http://a.test:80',
      ...Array.from({ length: 4 }, () => 'http://b.test:80'),
    ]);
  });

  test('is not held back when no other has its whole share', async () => {
    const { house } = await returned();
    const other = house.origin(1).standing;
    other.eject('connection_refused');
    await house.advance(1_000);
    other.begin();
    other.answered(200, house.clock.now());
    for (let n = 0; n < 5; n += 1) await house.sent();
    expect(house.dialling.map((dial) => dial.target.origin)).toEqual(
      Array.from({ length: 5 }, () => 'http://a.test:80'),
    );
  });

  test('gets more of those who wait as its share grows, though nobody comes', async () => {
    const { house } = await returned();
    for (let n = 0; n < 15; n += 1) await house.sent();
    while (house.dialling.length > 0) await house.accept();
    const busy = [];
    for (const ms of [0, 2_000, 2_000]) {
      await house.advance(ms);
      while (house.dialling.length > 0) await house.accept();
      busy.push([house.origin(0).busy, house.queue.length]);
    }
    expect(busy).toEqual([
      [1, 4],
      [2, 3],
      [4, 1],
    ]);
  });

  test('carries who waits on its connection once that is known to be alive, where the kernel cannot be asked', async () => {
    const { house } = await returned({ maxConnections: 1, spareConnections: false });
    const [first, second] = [await house.sent(), await house.sent()];
    while (house.dialling.length > 0) await house.accept({ asks: false });
    for (const caller of [first, second]) house.peerOf(caller)?.answer();
    await house.settle();
    const waiting = [await house.sent(), await house.sent(), await house.sent()];
    for (let round = 0; round < 5; round += 1) {
      for (const peer of house.peers) if (peer.origin === 'http://a.test:80' && peer.owes > 0) peer.answer();
      await house.settle();
    }
    expect([waiting.filter(({ outcome }) => outcome === 200).length, house.queue.length]).toEqual([2, 0]);
  });

  test('shows its share', async () => {
    const { house } = await returned();
    await house.advance(2_500);
    expect([house.originStats(0).health.share, house.originStats(1).health.share]).toEqual([0.25, 1]);
  });
});

test('who waits gets the empty slots of an origin that is readmitted, though nobody comes', async () => {
  const house = await House.open({ origins: ['http://a.test', 'http://b.test'], maxConnections: 3 });
  const { standing } = house.origin(1);
  standing.eject('connection_refused');
  for (let n = 0; n < 7; n += 1) await house.sent();
  while (house.dialling.length > 0) await house.accept();
  await house.advance(1_000);
  const probe = await house.accept();
  expect([standing.state.name, house.queue.length]).toEqual(['probing', 3]);
  probe.answer();
  await house.settle();
  while (house.dialling.length > 0) await house.accept();
  expect([standing.state.name, house.origin(1).busy, house.queue.length]).toEqual(['healthy', 3, 0]);
});

test('at the start every origin has its whole share', async () => {
  const house = await House.open({ origins: ['http://a.test', 'http://b.test'], slowStart: 10_000 });
  expect(house.originStats(0).health.share).toBe(1);
});

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n';

async function openTunnels(house: House, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += 1) {
    Object.assign(house.send({ upgrade: 'chat' }), { onSwitch: () => undefined });
    await house.settle();
    (await house.accept()).send(SWITCH);
    await house.settle();
  }
}

describe('an origin that becomes slow, with adaptiveConcurrency', () => {
  /** Rounds of as many GETs as the origin takes at once, each answered after so many milliseconds. */
  async function rounds(house: House, count: number, latencyMs: number): Promise<number> {
    let most = 0;
    for (let round = 0; round < count; round += 1) {
      const callers = Array.from({ length: 20 }, () => house.send());
      await house.settle();
      while (house.dialling.length > 0) await house.accept();
      most = house.originStats().connections.busy;
      for (let left = callers.length; left > 0; ) {
        await house.advance(latencyMs);
        const owing = house.peers.filter((peer) => peer.owes > 0);
        for (const peer of owing) peer.answer();
        left -= owing.length;
        await house.settle();
        while (house.dialling.length > 0) await house.accept();
      }
    }
    return most;
  }

  test('gets fewer requests at once, and the others wait their turn', async () => {
    const house = await House.open({
      ...{ maxConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    const before = await rounds(house, 10, 100);
    const after = await rounds(house, 12, 1_000);
    const { concurrency } = house.originStats();
    expect(before).toBe(20);
    expect(after).toBeLessThan(15);
    expect(concurrency?.limit).toBeLessThanOrEqual(after);
    expect(house.eventsOf('concurrencyLimit').length).toBeGreaterThan(0);
    expect(house.callers.every((caller) => caller.outcome === 200)).toBe(true);
    house.checkAtRest();
  });

  test('gets no more of those who wait on connections that come back', async () => {
    const house = await House.open({
      ...{ maxConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(house, 10, 100);
    for (let waiting = 0; waiting < 1_000; waiting += 1) house.send();
    await house.settle();
    while (house.dialling.length > 0) await house.accept();
    const counts = () => {
      const { connections, concurrency } = house.originStats();
      return { busy: connections.busy, limit: concurrency?.limit ?? 0 };
    };
    const before = counts();
    for (let round = 0; round < 20; round += 1) {
      await house.advance(1_000);
      for (const peer of house.peers) if (peer.owes > 0) peer.answer();
      await house.settle();
    }
    const { busy, limit } = counts();
    expect([before.busy, limit < 15, busy <= limit, house.queue.length > 0]).toEqual([20, true, true, true]);
  });

  test('lets a waiting POST have its spare, and keeps the connection that comes back', async () => {
    const house = await House.open({
      ...{ maxConnections: 16, spareConnections: 1 },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(house, 12, 100);
    await rounds(house, 8, 1_000);
    const { limit = 0 } = house.originStats().concurrency ?? {};
    await house.post();
    await house.accept();
    await house.advance(2);
    const spare = await house.accept();
    const gets = [];
    for (let n = 1; n < limit; n += 1) gets.push(await house.sent());
    const post = await house.post();
    const before = [post.outcome, spare.requests, house.dialling.length, house.queue.length];
    const [get] = gets;
    const reused = get && house.peerOf(get);
    reused?.answer();
    await house.settle();
    expect(before).toEqual(['waiting', [], 0, 1]);
    expect([house.peerOf(post) === spare, reused?.closed, house.dialling.length]).toEqual([true, false, 0]);
  });

  test('has as many as it may again at once when it is faster, of those who wait already', async () => {
    const house = await House.open({
      ...{ maxConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(house, 10, 100);
    await rounds(house, 12, 1_000);
    const limit = () => house.originStats().concurrency?.limit ?? 0;
    const before = limit();
    for (let waiting = 0; waiting < 200; waiting += 1) house.send();
    await house.settle();
    while (limit() <= before) {
      await house.advance(10);
      for (const peer of house.peers) if (peer.owes > 0) peer.answer();
      await house.settle();
    }
    expect([house.originStats().connections.busy, house.queue.length > 0]).toEqual([limit(), true]);
  });

  test('is not kept from its requests by tunnels, however many there are', async () => {
    const house = await House.open({ maxConnections: 10, adaptiveConcurrency: { window: 100, min: 2 } });
    await openTunnels(house, 6);
    const tunnels = new Set(house.peers);
    for (const latencyMs of [...Array(40).fill(10), ...Array(200).fill(100)]) {
      for (let waiting = 0; waiting < 4; waiting += 1) house.send();
      await house.settle();
      while (house.dialling.length > 0) await house.accept();
      await house.advance(latencyMs);
      for (const peer of house.peers) if (!tunnels.has(peer) && peer.owes > 0) peer.answer();
      await house.settle();
    }
    expect(house.originStats().tunnels.open).toBe(6);
    expect(house.callers.slice(6).filter(({ outcome }) => outcome !== 200)).toEqual([]);
  });

  test('is not kept from its requests by dials that no request waits for', async () => {
    const house = await House.open({
      ...{ maxConnections: 20, minConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(house, 10, 100);
    await rounds(house, 12, 1_000);
    const [kept, ...others] = house.peers;
    for (const peer of others) peer.fin();
    await house.settle();
    const caller = await house.sent();
    expect(house.dialling.length).toBe(19);
    expect(house.originStats().concurrency?.limit).toBeLessThan(15);
    expect(house.peerOf(caller) === kept).toBe(true);
  });

  test('lets no more requests wait for what is dialled for minConnections than it may have', async () => {
    const house = await House.open({
      ...{ maxConnections: 20, minConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(house, 10, 100);
    await rounds(house, 12, 1_000);
    void house.update({ maxQueue: 0 });
    for (const peer of house.peers) peer.fin();
    await house.settle();
    const callers = Array.from({ length: 20 }, () => house.send());
    await house.settle();
    const waiting = callers.filter((caller) => caller.outcome === 'waiting');
    expect([house.dialling.length, waiting.length]).toEqual([20, house.originStats().concurrency?.limit]);
  });

  test('is not found busy for its tunnels: one slow request at a time teaches nothing', async () => {
    const house = await House.open({ maxConnections: 10, adaptiveConcurrency: { window: 100, min: 2 } });
    await openTunnels(house, 6);
    for (const latencyMs of [...Array(40).fill(10), ...Array(20).fill(1_000)]) {
      house.send();
      await house.settle();
      if (house.dialling.length > 0) await house.accept();
      await house.advance(latencyMs);
      house.peers.find((peer) => peer.owes > 0)?.answer();
      await house.settle();
    }
    expect(house.originStats().concurrency?.limit).toBe(10);
  });

  test('may have one request more when one has become a tunnel', async () => {
    const house = await House.open({
      ...{ maxConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(house, 10, 100);
    await rounds(house, 12, 1_000);
    const limit = house.originStats().concurrency?.limit ?? 0;
    const upgrade = house.send({ upgrade: 'chat' });
    Object.assign(upgrade, { onSwitch: () => undefined });
    for (let others = 0; others < limit; others += 1) house.send();
    await house.settle();
    while (house.dialling.length > 0) await house.accept();
    const before = house.stats.queue.length;
    house.peerOf(upgrade)?.send(SWITCH);
    await house.settle();
    while (house.dialling.length > 0) await house.accept();
    expect([before, house.stats.queue.length]).toEqual([1, 0]);
  });
});
