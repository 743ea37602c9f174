/** Origins that get less than they could take: those that have just come back, and those that have become slow. */

import type { Balancer, Candidate } from 'pooled-backend';
import { describe, expect, test } from 'vitest';
import { MemoryBackend } from '../../memory-backend.js';

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
    const backend = await MemoryBackend.open({ origins, balance, maxConnections: 10, slowStart: 10_000, ...options });
    const { standing } = backend.origin(0);
    standing.eject('connection_refused');
    await backend.advance(1_000);
    standing.begin();
    standing.answered(200, backend.clock.now());
    return { backend, balance };
  }

  test('is shown to the balancer with a weight that grows to the whole', async () => {
    const { backend, balance } = await returned();
    const weights: unknown[] = [];
    for (const ms of [0, 5_000, 5_000]) {
      await backend.advance(ms);
      await backend.sent();
      weights.push(balance.seen.at(-1)?.map(({ weight }) => weight));
      if (backend.dialling.length > 0) await backend.accept();
      backend.peers[0]?.answer();
      await backend.settle();
    }
    expect(weights).toEqual([
      [0.1, 1],
      [0.5, 1],
      [1, 1],
    ]);
  });

  test('has no more connections busy than its share, while another has all of its own', async () => {
    const { backend } = await returned();
    for (let n = 0; n < 5; n += 1) await backend.sent();
    expect(backend.dialling.map((dial) => dial.target.origin)).toEqual([
      'http://a.test:80',
      ...Array.from({ length: 4 }, () => 'http://b.test:80'),
    ]);
  });

  test('is not held back when no other has its whole share', async () => {
    const { backend } = await returned();
    const other = backend.origin(1).standing;
    other.eject('connection_refused');
    await backend.advance(1_000);
    other.begin();
    other.answered(200, backend.clock.now());
    for (let n = 0; n < 5; n += 1) await backend.sent();
    expect(backend.dialling.map((dial) => dial.target.origin)).toEqual(
      Array.from({ length: 5 }, () => 'http://a.test:80'),
    );
  });

  test('gets more of those who wait as its share grows, though nobody comes', async () => {
    const { backend } = await returned();
    for (let n = 0; n < 15; n += 1) await backend.sent();
    while (backend.dialling.length > 0) await backend.accept();
    const busy = [];
    for (const ms of [0, 2_000, 2_000]) {
      await backend.advance(ms);
      while (backend.dialling.length > 0) await backend.accept();
      busy.push([backend.origin(0).busy, backend.queue.length]);
    }
    expect(busy).toEqual([
      [1, 4],
      [2, 3],
      [4, 1],
    ]);
  });

  test('carries who waits on its connection once that is known to be alive, where the kernel cannot be asked', async () => {
    const { backend } = await returned({ maxConnections: 1, spareConnections: false });
    const [first, second] = [await backend.sent(), await backend.sent()];
    while (backend.dialling.length > 0) await backend.accept({ asks: false });
    for (const caller of [first, second]) backend.peerOf(caller)?.answer();
    await backend.settle();
    const waiting = [await backend.sent(), await backend.sent(), await backend.sent()];
    for (let round = 0; round < 5; round += 1) {
      for (const peer of backend.peers) if (peer.origin === 'http://a.test:80' && peer.owes > 0) peer.answer();
      await backend.settle();
    }
    expect([waiting.filter(({ outcome }) => outcome === 200).length, backend.queue.length]).toEqual([2, 0]);
  });

  test('shows its share', async () => {
    const { backend } = await returned();
    await backend.advance(2_500);
    expect([backend.originStats(0).health.share, backend.originStats(1).health.share]).toEqual([0.25, 1]);
  });
});

test('who waits gets the empty slots of an origin that is readmitted, though nobody comes', async () => {
  const backend = await MemoryBackend.open({ origins: ['http://a.test', 'http://b.test'], maxConnections: 3 });
  const { standing } = backend.origin(1);
  standing.eject('connection_refused');
  for (let n = 0; n < 7; n += 1) await backend.sent();
  while (backend.dialling.length > 0) await backend.accept();
  await backend.advance(1_000);
  const probe = await backend.accept();
  expect([standing.state.name, backend.queue.length]).toEqual(['probing', 3]);
  probe.answer();
  await backend.settle();
  while (backend.dialling.length > 0) await backend.accept();
  expect([standing.state.name, backend.origin(1).busy, backend.queue.length]).toEqual(['healthy', 3, 0]);
});

test('at the start every origin has its whole share', async () => {
  const backend = await MemoryBackend.open({ origins: ['http://a.test', 'http://b.test'], slowStart: 10_000 });
  expect(backend.originStats(0).health.share).toBe(1);
});

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n';

async function openTunnels(backend: MemoryBackend, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += 1) {
    Object.assign(backend.send({ upgrade: 'chat' }), { onSwitch: () => undefined });
    await backend.settle();
    (await backend.accept()).send(SWITCH);
    await backend.settle();
  }
}

describe('an origin that becomes slow, with adaptiveConcurrency', () => {
  /** Rounds of as many GETs as the origin takes at once, each answered after so many milliseconds. */
  async function rounds(backend: MemoryBackend, count: number, latencyMs: number): Promise<number> {
    let most = 0;
    for (let round = 0; round < count; round += 1) {
      const callers = Array.from({ length: 20 }, () => backend.send());
      await backend.settle();
      while (backend.dialling.length > 0) await backend.accept();
      most = backend.originStats().connections.busy;
      for (let left = callers.length; left > 0; ) {
        await backend.advance(latencyMs);
        const owing = backend.peers.filter((peer) => peer.owes > 0);
        for (const peer of owing) peer.answer();
        left -= owing.length;
        await backend.settle();
        while (backend.dialling.length > 0) await backend.accept();
      }
    }
    return most;
  }

  test('gets fewer requests at once, and the others wait their turn', async () => {
    const backend = await MemoryBackend.open({
      ...{ maxConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    const before = await rounds(backend, 10, 100);
    const after = await rounds(backend, 12, 1_000);
    const { concurrency } = backend.originStats();
    expect(before).toBe(20);
    expect(after).toBeLessThan(15);
    expect(concurrency?.limit).toBeLessThanOrEqual(after);
    expect(backend.eventsOf('concurrencyLimit').length).toBeGreaterThan(0);
    expect(backend.callers.every((caller) => caller.outcome === 200)).toBe(true);
    backend.checkAtRest();
  });

  test('gets no more of those who wait on connections that come back', async () => {
    const backend = await MemoryBackend.open({
      ...{ maxConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(backend, 10, 100);
    for (let waiting = 0; waiting < 1_000; waiting += 1) backend.send();
    await backend.settle();
    while (backend.dialling.length > 0) await backend.accept();
    const counts = () => {
      const { connections, concurrency } = backend.originStats();
      return { busy: connections.busy, limit: concurrency?.limit ?? 0 };
    };
    const before = counts();
    for (let round = 0; round < 20; round += 1) {
      await backend.advance(1_000);
      for (const peer of backend.peers) if (peer.owes > 0) peer.answer();
      await backend.settle();
    }
    const { busy, limit } = counts();
    expect([before.busy, limit < 15, busy <= limit, backend.queue.length > 0]).toEqual([20, true, true, true]);
  });

  test('lets a waiting POST have its spare, and keeps the connection that comes back', async () => {
    const backend = await MemoryBackend.open({
      ...{ maxConnections: 16, spareConnections: 1 },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(backend, 12, 100);
    await rounds(backend, 8, 1_000);
    const { limit = 0 } = backend.originStats().concurrency ?? {};
    await backend.post();
    await backend.accept();
    await backend.advance(2);
    const spare = await backend.accept();
    const gets = [];
    for (let n = 1; n < limit; n += 1) gets.push(await backend.sent());
    const post = await backend.post();
    const before = [post.outcome, spare.requests, backend.dialling.length, backend.queue.length];
    const [get] = gets;
    const reused = get && backend.peerOf(get);
    reused?.answer();
    await backend.settle();
    expect(before).toEqual(['waiting', [], 0, 1]);
    expect([backend.peerOf(post) === spare, reused?.closed, backend.dialling.length]).toEqual([true, false, 0]);
  });

  test('has as many as it may again at once when it is faster, of those who wait already', async () => {
    const backend = await MemoryBackend.open({
      ...{ maxConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(backend, 10, 100);
    await rounds(backend, 12, 1_000);
    const limit = () => backend.originStats().concurrency?.limit ?? 0;
    const before = limit();
    for (let waiting = 0; waiting < 200; waiting += 1) backend.send();
    await backend.settle();
    while (limit() <= before) {
      await backend.advance(10);
      for (const peer of backend.peers) if (peer.owes > 0) peer.answer();
      await backend.settle();
    }
    expect([backend.originStats().connections.busy, backend.queue.length > 0]).toEqual([limit(), true]);
  });

  test('is not kept from its requests by tunnels, however many there are', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 10, adaptiveConcurrency: { window: 100, min: 2 } });
    await openTunnels(backend, 6);
    const tunnels = new Set(backend.peers);
    for (const latencyMs of [...Array(40).fill(10), ...Array(200).fill(100)]) {
      for (let waiting = 0; waiting < 4; waiting += 1) backend.send();
      await backend.settle();
      while (backend.dialling.length > 0) await backend.accept();
      await backend.advance(latencyMs);
      for (const peer of backend.peers) if (!tunnels.has(peer) && peer.owes > 0) peer.answer();
      await backend.settle();
    }
    expect(backend.originStats().tunnels.open).toBe(6);
    expect(backend.callers.slice(6).filter(({ outcome }) => outcome !== 200)).toEqual([]);
  });

  test('is not kept from its requests by dials that no request waits for', async () => {
    const backend = await MemoryBackend.open({
      ...{ maxConnections: 20, minConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(backend, 10, 100);
    await rounds(backend, 12, 1_000);
    const [kept, ...others] = backend.peers;
    for (const peer of others) peer.fin();
    await backend.settle();
    const caller = await backend.sent();
    expect(backend.dialling.length).toBe(19);
    expect(backend.originStats().concurrency?.limit).toBeLessThan(15);
    expect(backend.peerOf(caller) === kept).toBe(true);
  });

  test('lets no more requests wait for what is dialled for minConnections than it may have', async () => {
    const backend = await MemoryBackend.open({
      ...{ maxConnections: 20, minConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(backend, 10, 100);
    await rounds(backend, 12, 1_000);
    void backend.update({ maxQueue: 0 });
    for (const peer of backend.peers) peer.fin();
    await backend.settle();
    const callers = Array.from({ length: 20 }, () => backend.send());
    await backend.settle();
    const waiting = callers.filter((caller) => caller.outcome === 'waiting');
    expect([backend.dialling.length, waiting.length]).toEqual([20, backend.originStats().concurrency?.limit]);
  });

  test('is not found busy for its tunnels: one slow request at a time teaches nothing', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 10, adaptiveConcurrency: { window: 100, min: 2 } });
    await openTunnels(backend, 6);
    for (const latencyMs of [...Array(40).fill(10), ...Array(20).fill(1_000)]) {
      backend.send();
      await backend.settle();
      if (backend.dialling.length > 0) await backend.accept();
      await backend.advance(latencyMs);
      backend.peers.find((peer) => peer.owes > 0)?.answer();
      await backend.settle();
    }
    expect(backend.originStats().concurrency?.limit).toBe(10);
  });

  test('may have one request more when one has become a tunnel', async () => {
    const backend = await MemoryBackend.open({
      ...{ maxConnections: 20, queueTimeout: Number.POSITIVE_INFINITY },
      adaptiveConcurrency: { window: 100, min: 2 },
    });
    await rounds(backend, 10, 100);
    await rounds(backend, 12, 1_000);
    const limit = backend.originStats().concurrency?.limit ?? 0;
    const upgrade = backend.send({ upgrade: 'chat' });
    Object.assign(upgrade, { onSwitch: () => undefined });
    for (let others = 0; others < limit; others += 1) backend.send();
    await backend.settle();
    while (backend.dialling.length > 0) await backend.accept();
    const before = backend.stats.queue.length;
    backend.peerOf(upgrade)?.send(SWITCH);
    await backend.settle();
    while (backend.dialling.length > 0) await backend.accept();
    expect([before, backend.stats.queue.length]).toEqual([1, 0]);
  });
});
