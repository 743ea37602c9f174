import { expect, test } from 'vitest';
import { EmptySlots } from '../../../src/pool/empty-slots.js';
import { KeptSlot } from '../../../src/pool/slot.js';

function emptySlots(count: number) {
  let opened = 0;
  const empty = new EmptySlots<string>(() => {
    opened += 1;
  });
  const slots = Array.from({ length: count }, (_, index) => new KeptSlot<string>(empty, index));
  for (const slot of slots) empty.push({ obj: slot });
  return { empty, slots, opened: () => opened };
}

test('a slot is opened once, when the ledger has made it', () => {
  const { empty, slots, opened } = emptySlots(2);
  const [first] = slots;
  if (first?.entry === undefined) throw new Error('it has no entry');
  empty.want(first);
  empty.push(empty.shift() ?? first.entry);
  expect([opened(), empty.length]).toEqual([2, 2]);
});

test('the one that came last is lent first', () => {
  const { empty, slots } = emptySlots(3);
  expect([empty.next, empty.last]).toEqual([slots[2], slots[0]]);
});

test('what is wanted comes out, wherever it stands', () => {
  const { empty, slots } = emptySlots(3);
  const [, middle] = slots;
  if (middle !== undefined) empty.want(middle);
  expect([empty.shift()?.obj, empty.length]).toEqual([middle, 2]);
});

test('a slot that nobody asked for is not lent', () => {
  const { empty } = emptySlots(1);
  expect(() => empty.shift()).toThrow('the ledger took a slot that nobody asked for');
  expect(empty.length).toBe(1);
});

test('the ledger finds nothing to evict by itself', () => {
  expect(emptySlots(1).empty.iterator().next().done).toBe(true);
});
