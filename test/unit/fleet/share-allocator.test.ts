import { expect, test } from 'vitest';
import { ShareAllocator } from '../../../src/fleet/share-allocator.js';

/** A allocator whose members have done what they were told. */
function settled(total: number, ...members: string[]): ShareAllocator {
  const allocator = new ShareAllocator();
  for (const member of members) allocator.join(member, total);
  allocator.takeOrders();
  return allocator;
}

test('the only member gets all', () => {
  const allocator = new ShareAllocator();
  allocator.join('1', 10);
  expect(allocator.takeOrders()).toEqual([{ member: '1', share: 10, turn: 1 }]);
});

test('each order is given out once', () => {
  const allocator = settled(10, '1');
  expect(allocator.takeOrders()).toEqual([]);
});

test('members that join together get equal shares, the rest goes to the first', () => {
  const allocator = new ShareAllocator();
  for (const member of ['1', '2', '3', '4']) allocator.join(member, 10);
  expect(allocator.takeOrders().map(({ share }) => share)).toEqual([3, 3, 2, 2]);
});

test('one that joins later waits until another has closed its sockets', () => {
  const allocator = settled(10, '1');
  allocator.join('2', 10);
  expect(allocator.takeOrders()).toEqual([{ member: '1', share: 5, turn: 2 }]);
  allocator.acknowledge('1', 2, 5);
  expect(allocator.takeOrders()).toEqual([{ member: '2', share: 5, turn: 1 }]);
});

test('what has been closed so far is given on at once', () => {
  const allocator = settled(10, '1');
  allocator.join('2', 10);
  allocator.takeOrders();
  allocator.acknowledge('1', 2, 8);
  expect(allocator.takeOrders()).toEqual([{ member: '2', share: 2, turn: 1 }]);
  allocator.acknowledge('1', 2, 5);
  expect(allocator.takeOrders()).toEqual([{ member: '2', share: 5, turn: 2 }]);
});

test('nobody has two before each has one', () => {
  const allocator = settled(9, '1');
  allocator.join('2', 9);
  allocator.join('3', 9);
  allocator.takeOrders();
  allocator.acknowledge('1', 2, 7);
  expect(allocator.takeOrders()).toEqual([
    { member: '2', share: 1, turn: 1 },
    { member: '3', share: 1, turn: 1 },
  ]);
});

// The member may still come to the second order, which lets it open as many again, when its answer to the first arrives.
test('an answer to an order that was followed by others says nothing', () => {
  const allocator = settled(10, '1');
  allocator.join('2', 10);
  allocator.takeOrders(); // turn 2: five
  allocator.leave('2');
  allocator.giveUpVacancies();
  allocator.takeOrders(); // turn 3: ten again
  allocator.join('3', 10);
  allocator.takeOrders(); // turn 4: five
  allocator.acknowledge('1', 2, 5);
  expect(allocator.takeOrders()).toEqual([]);
  expect(allocator.shares.get('1')).toEqual({ told: 5, held: 10 });
});

test('a member that never answers keeps what it may hold, and the others get nothing of it', () => {
  const allocator = settled(4, '1', '2');
  allocator.join('3', 4);
  allocator.join('4', 4);
  allocator.takeOrders();
  allocator.acknowledge('2', 2, 1);
  const held = [...allocator.shares.values()].map((share) => share.held);
  expect(allocator.takeOrders()).toEqual([{ member: '3', share: 1, turn: 1 }]);
  expect(held).toEqual([2, 1, 0, 0]);
});

test('a total below the number of members is refused', () => {
  const allocator = settled(2, '1', '2');
  expect(allocator.join('3', 2)).toBe(false);
  expect(allocator.takeOrders()).toEqual([]);
});

test('the place of a member that has left is kept for the next one', () => {
  const allocator = settled(10, '1', '2');
  allocator.leave('1');
  expect(allocator.takeOrders()).toEqual([]);
  allocator.join('3', 10);
  expect(allocator.takeOrders()).toEqual([{ member: '3', share: 5, turn: 1 }]);
});

test('a vacancy that is given up goes to the others', () => {
  const allocator = settled(10, '1', '2');
  allocator.leave('1');
  allocator.giveUpVacancies();
  expect(allocator.takeOrders()).toEqual([{ member: '2', share: 10, turn: 2 }]);
});

test('a vacancy keeps nobody out', () => {
  const allocator = settled(2, '1', '2');
  allocator.leave('1');
  expect([allocator.join('3', 2), allocator.join('4', 2)]).toEqual([true, false]);
});

test('one that was refused and comes again is taken in when there is a place', () => {
  const allocator = settled(1, '1');
  allocator.join('2', 1);
  allocator.leave('1');
  expect(allocator.join('2', 1)).toBe(true);
});

test('places are kept for members that are expected, until they are given up', () => {
  const allocator = new ShareAllocator();
  allocator.join('1', 10);
  allocator.expect(4);
  expect(allocator.takeOrders()).toEqual([{ member: '1', share: 3, turn: 1 }]);
  allocator.giveUpVacancies();
  expect(allocator.takeOrders()).toEqual([{ member: '1', share: 10, turn: 2 }]);
});

test('members that do not agree share the least that one of them wants', () => {
  const allocator = settled(10, '1');
  allocator.join('2', 4);
  expect(allocator.takeOrders()).toEqual([{ member: '1', share: 2, turn: 2 }]);
  allocator.acknowledge('1', 2, 2);
  expect(allocator.takeOrders()).toEqual([{ member: '2', share: 2, turn: 1 }]);
  allocator.leave('2');
  allocator.giveUpVacancies();
  expect(allocator.takeOrders()).toEqual([{ member: '1', share: 10, turn: 3 }]);
});

test('a member that wants less than one for each is refused, and takes nothing from the others', () => {
  const allocator = settled(10, '1', '2');
  expect(allocator.join('3', 2)).toBe(false);
  expect(allocator.total).toBe(10);
  expect(allocator.takeOrders()).toEqual([]);
});
