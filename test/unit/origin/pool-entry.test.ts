import { expect, test } from 'vitest';
import { PoolEntry, type PoolEntryOwner } from '../../../src/origin/pool-entry.js';
import { Pool } from '../../../src/pool/pool.js';
import { House } from '../../house.js';

const OWNER: PoolEntryOwner = { reusable: () => undefined, closed: () => undefined, answered: () => undefined };

test('a pool entry without a connection says so', async () => {
  const pool = new Pool<PoolEntry>({ size: 1, onFree: () => undefined });
  await Promise.resolve().then(() => undefined);
  for (let turn = 0; turn < 20 && !pool.canCheckout('empty'); turn += 1) await Promise.resolve();
  const slot = pool.checkout('empty');
  if (slot === undefined) throw new Error('no slot');
  expect(() => new PoolEntry(slot, 0, Number.POSITIVE_INFINITY, OWNER).connection).toThrow('before it has one');
});

test('a pool entry remembers how long it was idle when it was lent, which a close in silence teaches', async () => {
  const house = await House.open();
  for (const _ of [1, 2]) {
    const peer = await house.idle();
    await house.advance(10_000);
    const caller = await house.sent({ method: 'POST', nonIdempotent: 'any' });
    await house.advance(3_000);
    peer.reset(); // 13 s after it was handed back, but the origin gave it 10 s
    await house.settle();
    expect(caller.outcome).toBe('connection_terminated');
  }
  expect(house.originStats().idleLimitMs.learned).toBe(10_000);
});
