import { describe, expect, test } from 'vitest';
import { BackendError } from '../../../src/errors.js';
import { DialBackoff } from '../../../src/origin/dial-backoff.js';
import { Dialler } from '../../../src/origin/dialler.js';
import type { PoolEntry } from '../../../src/origin/pool-entry.js';
import { Pool } from '../../../src/pool/pool.js';
import { ManualClock } from '../../../src/testing/index.js';
import type { Timer } from '../../../src/time/clock.js';
import { Deadlines } from '../../../src/time/deadlines.js';
import { MemoryBackend, requester } from '../../memory-backend.js';

test('a dial that is under way counts as dialling, and as nothing once its origin is closed', async () => {
  const backend = await MemoryBackend.open();
  await backend.sent();
  const before = backend.originStats().connections.dialling;
  backend.destroy();
  expect([before, backend.originStats().connections.dialling, backend.dials[0]?.state]).toEqual([1, 0, 'abandoned']);
});

test('a dial is made in the context of the backend: its socket must not keep that of the request which needed it', async () => {
  const contexts: (string | undefined)[] = [];
  const startDial = () => {
    contexts.push(requester.getStore());
    return { abandon: () => undefined };
  };
  const backend = await MemoryBackend.open({ startDial });
  await backend.sent();
  expect(contexts).toEqual([undefined]);
});

/** Node counts in whole milliseconds, so that timers fire up to two of them early. */
class EarlyClock extends ManualClock {
  override after(ms: number, call: () => void): Timer {
    return super.after(Math.max(1, Math.floor(ms)) - 0.9, call);
  }
}

test('the wait after a failed dial ends with another dial though timers fire early', async () => {
  const backend = await MemoryBackend.open({ clock: new EarlyClock() });
  await backend.sent();
  await backend.refuse();
  await backend.advance(26);
  expect(backend.dialling.length).toBe(1);
});

test('once a dial is refused nothing rides a spare: who listens no more ends those next', async () => {
  const backend = await MemoryBackend.open({ minConnections: 2 });
  await backend.accept();
  await backend.accept();
  const get = await backend.sent();
  backend.peerOf(get)?.reset();
  await backend.settle();
  await backend.refuse();
  const post = await backend.post();
  expect([get.outcome, post.outcome, backend.originStats().connections.open]).toEqual(['waiting', 'waiting', 0]);
});

test('an origin that goes on refusing some dials keeps its spares: they are not closed and dialled without end', async () => {
  const backend = await MemoryBackend.open({ minConnections: 3 });
  const open: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    while (backend.originStats().connections.open < 2) {
      await backend.accept();
      await backend.settle();
    }
    await backend.refuse();
    open.push(backend.originStats().connections.open);
    await backend.advance(1_000);
  }
  expect(open).toEqual([0, 2, 2]);
});

test.each(['ETIMEDOUT', 'EADDRNOTAVAIL'])('a dial that fails with %s says nothing of spares', async (code) => {
  const backend = await MemoryBackend.open({ minConnections: 2 });
  await backend.accept();
  await backend.refuse(code);
  expect(backend.originStats().connections.spare).toBe(1);
});

test('dials for no request are those for stock, and those that no request waits for any more', async () => {
  const clock = new ManualClock();
  const pool = new Pool<PoolEntry>({ size: 9, onFree: () => undefined });
  await new Promise((resolve) => setImmediate(resolve));
  const failing: ((error: BackendError) => void)[] = [];
  const dialler = new Dialler(
    {
      startDial: (_target, _session, _deadlines, { failed }) => {
        failing.push(failed);
        return { abandon: () => undefined };
      },
      deadlines: new Deadlines(clock),
      options: { maxDialling: 9 },
    },
    { protocol: 'http:', hostname: 'a.test', port: 80 } as never,
    pool,
    new DialBackoff(
      clock,
      () => 0,
      () => undefined,
    ),
    {
      othersCanServe: true,
      isHome: true,
      dialled: () => undefined,
      dialFailed: (slot) => pool.release(slot),
      dialGivenUp: () => undefined,
      waitOver: () => undefined,
      dialAllowed: () => undefined,
    },
  );
  const counts: [number, number][] = [];
  const count = () => counts.push([dialler.dialling, dialler.stocking]);
  const waiter = { travel: 'any', anyWouldDo: false, opened: () => true, failed: () => undefined } as const;
  for (const purpose of ['stock', 'demand', waiter, 'stock', 'demand'] as const) dialler.dial(purpose);
  count();
  dialler.takeWaiter(() => true);
  count();
  for (const index of [0, 1]) failing[index]?.(new BackendError('connection_refused', 'refused'));
  count();
  dialler.giveUpStock();
  count();
  clock.advance(2_000); // the last one is late
  count();
  dialler.stop();
  count();
  expect(counts).toEqual([
    [5, 2],
    [5, 3],
    [3, 2],
    [2, 1],
    [2, 2],
    [0, 0],
  ]);
});

describe('maxDialling', () => {
  test('no more dials are under way at once, and each that ends makes room for another', async () => {
    const backend = await MemoryBackend.open({ maxDialling: 2 });
    for (let sent = 0; sent < 5; sent += 1) await backend.sent();
    const before = backend.dialling.length;
    await backend.accept();
    expect([before, backend.dialling.length, backend.dials.length, backend.queue.length]).toEqual([2, 2, 3, 4]);
  });

  test('a re-send waits for a dial that is under way when no more may begin', async () => {
    const backend = await MemoryBackend.open({ maxDialling: 1, maxConnections: 5 });
    const caller = await backend.sent();
    const peer = await backend.accept();
    await backend.sent();
    peer.reset();
    await backend.settle();
    const dials = backend.dialling.length;
    (await backend.accept()).answer();
    (await backend.accept()).answer();
    await backend.settle();
    expect([dials, caller.outcome]).toEqual([1, 200]);
  });

  test('the minimum is reached all the same', async () => {
    const backend = await MemoryBackend.open({ maxDialling: 1, minConnections: 3 });
    for (let dialled = 0; dialled < 3; dialled += 1) await backend.accept();
    expect(backend.originStats().connections).toMatchObject({ open: 3, dialling: 0 });
  });
});

test('an origin that refuses sees one dial for each wait, however many requests wait', async () => {
  const backend = await MemoryBackend.open();
  for (let sent = 0; sent < 50; sent += 1) backend.send();
  await backend.settle();
  while (backend.dialling.length > 0) await backend.refuse();
  const atFirst = backend.dials.length;
  for (let ms = 0; ms < 3_000; ms += 10) {
    await backend.advance(10);
    if (backend.dialling.length > 1) throw new Error(`${backend.dialling.length} dials at once`);
    if (backend.dialling.length > 0) await backend.refuse();
  }
  expect([atFirst, backend.dials.length - atFirst]).toEqual([50, 10]);
});
