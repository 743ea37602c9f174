import { expect, test } from 'vitest';
import { IdleSlots } from '../../../src/pool/idle-slots.js';
import { KeptSlot } from '../../../src/pool/slot.js';

/** Idle slots, fresh or used in this order. */
function idleSlots(...fresh: readonly boolean[]) {
  const idle = new IdleSlots<string>();
  const slots = fresh.map((isFresh, index) => Object.assign(new KeptSlot<string>(idle, index), { fresh: isFresh }));
  for (const slot of slots) idle.add(slot);
  return { idle, slots };
}

test('all are there, those that have been idle longest first', () => {
  const { idle, slots } = idleSlots(true, false, true);
  expect([idle.all(), idle.length, idle.freshCount]).toEqual([slots, 3, 2]);
});

test('a slot that is taken out leaves those beside it as they were', () => {
  const { idle, slots } = idleSlots(false, false, false);
  const [first, middle, last] = slots;
  if (middle !== undefined) idle.remove(middle);
  expect([idle.all(), idle.peek('coldest'), idle.peek('recent'), idle.peek('fresh')]).toEqual([
    [first, last],
    first,
    last,
    undefined,
  ]);
});

test('a slot that comes back is the one that was idle last', () => {
  const { idle, slots } = idleSlots(false, false);
  const [first, second] = slots;
  if (first === undefined) throw new Error('there is no slot');
  idle.remove(first);
  idle.add(first);
  expect([idle.all(), idle.peek('recent')]).toEqual([[second, first], first]);
});
