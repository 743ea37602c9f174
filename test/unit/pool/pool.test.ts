import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Pool } from '../../../src/pool/pool.js';
import type { Slot } from '../../../src/pool/slot.js';
import { collectGarbage } from '../../garbage.js';

async function opened(size: number, onFree: () => void = () => {}): Promise<Pool<string>> {
  const pool = new Pool<string>({ size, onFree });
  await turn();
  return pool;
}

function lend<T>(pool: Pool<T>, choice: 'recent' | 'fresh' | 'empty' | 'coldest'): Slot<T> {
  const slot = pool.checkout(choice);
  if (slot === undefined) throw new Error(`no ${choice} slot`);
  return slot;
}

/** A slot that holds `item`, lent. */
function dialled<T>(pool: Pool<T>, item: T): Slot<T> {
  const slot = lend(pool, 'empty');
  pool.startDial(slot);
  pool.fill(slot, item);
  return slot;
}

function idle(pool: Pool<string>, ...items: string[]): void {
  for (const slot of items.map((item) => dialled(pool, item))) pool.release(slot);
}

function idleAndUsed(pool: Pool<string>, ...items: string[]): void {
  for (const slot of items.map((item) => dialled(pool, item))) {
    pool.markUsed(slot);
    pool.release(slot);
  }
}

describe('start', () => {
  test('no slot can be had before the ledger has made it, and onFree tells of each', async () => {
    let told = 0;
    const pool = new Pool<string>({ size: 3, onFree: () => told++ });
    expect(pool.checkout('empty')).toBeUndefined();
    expect(pool.counts).toEqual({ size: 3, dialling: 0, idle: 0, fresh: 0, busy: 0 });
    await turn();
    expect(told).toBe(3);
    expect(pool.canCheckout('empty')).toBe(true);
  });

  test('a size that is not a whole number from 0 is refused', () => {
    for (const size of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => new Pool({ size, onFree: () => {} })).toThrow(RangeError);
    }
  });

  test('never more than size slots are lent', async () => {
    const pool = await opened(3);
    const lent = new Set([lend(pool, 'empty'), lend(pool, 'empty'), lend(pool, 'empty')]);
    await turn();
    expect(lent.size).toBe(3);
    expect(pool.checkout('empty')).toBeUndefined();
  });
});

describe('choice', () => {
  test('recent gives the used item that was released last', async () => {
    const pool = await opened(4);
    idleAndUsed(pool, 'a', 'b', 'c');
    expect(lend(pool, 'recent').item).toBe('c');
    expect(lend(pool, 'recent').item).toBe('b');
  });

  test('recent prefers a used item to a fresh one that was released later', async () => {
    const pool = await opened(4);
    idleAndUsed(pool, 'used');
    idle(pool, 'fresh');
    expect(lend(pool, 'recent').item).toBe('used');
    expect(lend(pool, 'recent').item).toBe('fresh');
    expect(pool.canCheckout('recent')).toBe(false);
  });

  test('fresh gives the newest item that was never used, and nothing else', async () => {
    const pool = await opened(4);
    idle(pool, 'a', 'b');
    idleAndUsed(pool, 'used');
    expect(lend(pool, 'fresh').item).toBe('b');
    expect(lend(pool, 'fresh').item).toBe('a');
    expect(pool.checkout('fresh')).toBeUndefined();
  });

  test('coldest gives the used item that has been idle longest, before any fresh one', async () => {
    const pool = await opened(4);
    idle(pool, 'f1', 'f2');
    idleAndUsed(pool, 'u1', 'u2');
    const order = [1, 2, 3, 4].map(() => lend(pool, 'coldest').item);
    expect(order).toEqual(['u1', 'u2', 'f1', 'f2']);
  });

  test('empty gives only slots without an item', async () => {
    const pool = await opened(2);
    idle(pool, 'a');
    expect(lend(pool, 'empty').item).toBeUndefined();
    expect(pool.checkout('empty')).toBeUndefined();
  });
});

describe('life of a slot', () => {
  test('a dialled item is fresh until it is marked used', async () => {
    const pool = await opened(1);
    const slot = dialled(pool, 'a');
    expect(slot.fresh).toBe(true);
    pool.markUsed(slot);
    expect(slot.fresh).toBe(false);
  });

  test('a slot whose dial failed is empty after its release', async () => {
    const pool = await opened(1);
    const slot = lend(pool, 'empty');
    pool.startDial(slot);
    expect(pool.counts.dialling).toBe(1);
    pool.release(slot);
    expect(pool.counts).toEqual({ size: 1, dialling: 0, idle: 0, fresh: 0, busy: 0 });
  });

  test('a lent slot that was cleared can be dialled again without giving it back', async () => {
    const pool = await opened(1);
    idleAndUsed(pool, 'old');
    const slot = lend(pool, 'coldest');
    pool.clear(slot);
    expect(slot.item).toBeUndefined();
    pool.startDial(slot);
    pool.fill(slot, 'new');
    expect([slot.item, slot.fresh]).toEqual(['new', true]);
  });

  test('an evicted slot is lent as an empty one', async () => {
    const pool = await opened(1);
    idle(pool, 'a');
    const [slot] = pool.idleSlots();
    if (slot === undefined) throw new Error('nothing idle');
    pool.evict(slot);
    expect([slot.state, slot.item, slot.fresh]).toEqual(['empty', undefined, false]);
    expect(pool.canCheckout('recent')).toBe(false);
    expect(lend(pool, 'empty')).toBe(slot);
  });

  test.each([
    ['filled', (pool: Pool<string>, slot: Slot<string>) => pool.fill(slot, 'x'), 'cannot fill a slot that is idle'],
    ['dialled', (pool: Pool<string>, slot: Slot<string>) => pool.startDial(slot), 'cannot start a dial in a slot'],
    ['cleared', (pool: Pool<string>, slot: Slot<string>) => pool.clear(slot), 'cannot clear a slot that is idle'],
    ['released', (pool: Pool<string>, slot: Slot<string>) => pool.release(slot), 'idle with a fresh item'],
    ['marked used', (pool: Pool<string>, slot: Slot<string>) => pool.markUsed(slot), 'cannot mark as used a slot'],
  ])('a slot that is not lent cannot be %s', async (_, act, message) => {
    const pool = await opened(1);
    const slot = dialled(pool, 'a');
    pool.release(slot);
    expect(() => act(pool, slot)).toThrow(message);
  });

  test('a lent slot cannot be evicted, nor a slot with an item dialled, nor an empty one marked used', async () => {
    const pool = await opened(2);
    const slot = dialled(pool, 'a');
    expect(() => pool.evict(slot)).toThrow('cannot evict a slot that is busy with a fresh item');
    expect(() => pool.startDial(slot)).toThrow('cannot start a dial in a slot that is busy with a fresh item');
    expect(() => pool.markUsed(lend(pool, 'empty'))).toThrow('busy without an item');
  });

  test('a slot of another pool is refused', async () => {
    const [one, other] = [await opened(1), await opened(1)];
    const slot = lend(one, 'empty');
    expect(() => other.release(slot)).toThrow('another pool');
  });
});

describe('onFree', () => {
  test('it is called once for a release and once for an eviction, and may check out at once', async () => {
    const taken: (string | undefined)[] = [];
    let eager = false;
    const pool: Pool<string> = await opened(1, () => {
      if (eager) taken.push((pool.checkout('recent') ?? pool.checkout('empty'))?.item ?? 'empty');
    });
    const slot = dialled(pool, 'a');
    eager = true;
    pool.release(slot);
    expect(taken).toEqual(['a']);
    expect(pool.counts.busy).toBe(1);
    eager = false;
    pool.release(slot);
    eager = true;
    pool.evict(slot);
    expect(taken).toEqual(['a', 'empty']);
  });
});

describe('idleSlots', () => {
  test('they come longest idle first, fresh and used mixed', async () => {
    const pool = await opened(4);
    idle(pool, 'a');
    idleAndUsed(pool, 'b');
    idle(pool, 'c');
    idleAndUsed(pool, 'd');
    expect([...pool.idleSlots()].map((slot) => slot.item)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('any of them may be evicted or lent meanwhile', async () => {
    const pool = await opened(4);
    idleAndUsed(pool, 'a', 'b', 'c', 'd');
    const seen: (string | undefined)[] = [];
    for (const slot of pool.idleSlots()) {
      seen.push(slot.item);
      if (slot.item === 'a') lend(pool, 'coldest'); // a itself
      if (slot.item === 'b') for (const other of pool.idleSlots()) if (other.item !== 'd') pool.evict(other);
    }
    expect(seen).toEqual(['a', 'b', 'd']);
  });
});

describe('resize', () => {
  /** The size, whether an empty slot can be had, and the slots that are idle and busy. */
  const counts = (pool: Pool<string>) => {
    const { size, idle, busy } = pool.counts;
    return [size, pool.canCheckout('empty'), idle, busy];
  };

  test('a pool that grows lends more, each new slot told to onFree', async () => {
    let told = 0;
    const pool = await opened(1, () => told++);
    dialled(pool, 'a');
    pool.resize(3);
    await turn();
    const lent = [lend(pool, 'empty'), lend(pool, 'empty')];
    expect([lent.length, pool.checkout('empty'), told]).toEqual([2, undefined, 3]);
  });

  test('a pool that shrinks loses empty slots first, and lent ones as they come back empty', async () => {
    const pool = await opened(4);
    const lent = [dialled(pool, 'a'), dialled(pool, 'b')];
    pool.resize(1);
    const before = [...counts(pool), pool.surplus];
    for (const slot of lent) {
      pool.clear(slot);
      pool.release(slot);
    }
    expect([before, counts(pool), pool.surplus]).toEqual([[1, false, 0, 2, 1], [1, true, 0, 0], 0]);
  });

  test('an idle slot that is too many stays until it is evicted', async () => {
    const pool = await opened(2);
    idle(pool, 'a', 'b');
    pool.resize(1);
    const before = pool.surplus;
    const [slot] = pool.idleSlots();
    if (slot !== undefined) pool.evict(slot);
    expect([before, pool.surplus, counts(pool)]).toEqual([1, 0, [1, false, 1, 0]]);
  });

  test('slots that were taken out of use come back when the pool grows again', async () => {
    const pool = await opened(3);
    pool.resize(1);
    pool.resize(2);
    const lent = [lend(pool, 'empty'), lend(pool, 'empty')];
    expect([lent.map(({ index }) => index).sort(), pool.checkout('empty')]).toEqual([[0, 1], undefined]);
  });

  test('slots that the ledger makes after the pool became smaller are not lent', async () => {
    const pool = new Pool<string>({ size: 5, onFree: () => {} });
    pool.resize(1);
    await turn();
    expect([lend(pool, 'empty').index, pool.checkout('empty')]).toEqual([0, undefined]);
  });

  test('a size that is not a whole number from 0 is refused', async () => {
    const pool = await opened(1);
    expect(() => pool.resize(-1)).toThrow(RangeError);
  });

  test('a pool of no slots lends none until it grows', async () => {
    const pool = await opened(0);
    const before = counts(pool);
    pool.resize(2);
    await new Promise(setImmediate);
    expect([before, counts(pool)]).toEqual([
      [0, false, 0, 0],
      [2, true, 0, 0],
    ]);
  });

  test('a pool that shrinks to none lends none, and is the same when it grows again', async () => {
    const pool = await opened(2);
    pool.resize(0);
    const before = counts(pool);
    pool.resize(1);
    expect([before, counts(pool)]).toEqual([
      [0, false, 0, 0],
      [1, true, 0, 0],
    ]);
  });
});

test('a slot with an item keeps nothing that whoever took it has in AsyncLocalStorage', async () => {
  const pool = await opened(1);
  const taken = () => {
    const store = {};
    new AsyncLocalStorage<object>().run(store, () => idle(pool, 'a'));
    return new WeakRef(store);
  };
  const store = taken();
  await collectGarbage();
  expect([store.deref(), pool.mostRecent]).toEqual([undefined, 'a']);
});
