import { expect, test } from 'vitest';
import { FreeSlots } from '../../../src/pool/free-slots.js';
import { KeptSlot, type SlotState } from '../../../src/pool/slot.js';

/** Slots in the order of these states, pushed in that order. */
function freeSlots(...states: readonly SlotState[]) {
  let opened = 0;
  const free = new FreeSlots<string>(() => {
    opened += 1;
  });
  const slots = states.map((state, index) => Object.assign(new KeptSlot<string>(free, index), { state }));
  for (const slot of slots) free.push({ obj: slot });
  return { free, slots, opened: () => opened };
}

test('a slot is opened once, when the ledger has made it', () => {
  const { free, slots, opened } = freeSlots('empty', 'empty');
  const [first] = slots;
  if (first?.entry === undefined) throw new Error('it has no entry');
  free.want(first);
  free.push(free.shift() ?? first.entry);
  expect([opened(), free.length]).toEqual([2, 2]);
});

test('a slot that nobody asked for is not lent', () => {
  const { free } = freeSlots('empty');
  expect(() => free.shift()).toThrow('the ledger took a slot that nobody asked for');
  expect(free.length).toBe(1);
});

test('a slot that is lent is not free', () => {
  expect(() => freeSlots('busy')).toThrow('a busy slot is not free');
});

test('idle slots are those that have been idle longest first, and no other ones', () => {
  const { free, slots } = freeSlots('idle', 'empty', 'idle');
  const [first, , last] = slots;
  expect(free.idle()).toEqual([first, last]);
});

test('an eviction leaves the slot free and empty, and the slots beside it as they were', () => {
  const { free, slots } = freeSlots('idle', 'idle', 'idle');
  const [first, middle, last] = slots;
  if (middle !== undefined) free.evict(middle);
  expect([free.idle(), free.peek('empty'), free.peek('coldest'), free.peek('recent')]).toEqual([
    [first, last],
    middle,
    first,
    last,
  ]);
});

test('the ledger finds nothing to evict by itself', () => {
  expect(freeSlots('idle').free.iterator().next().done).toBe(true);
});
