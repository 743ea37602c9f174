import { expect, test } from 'vitest';
import { ShareLedger } from '../../../src/fleet/share-ledger.js';

/** A ledger whose members have done what they were told. */
function settled(total: number, ...members: string[]): ShareLedger {
  const ledger = new ShareLedger();
  for (const member of members) ledger.join(member, total);
  ledger.takeOrders();
  return ledger;
}

test('the only member gets all', () => {
  const ledger = new ShareLedger();
  ledger.join('1', 10);
  expect(ledger.takeOrders()).toEqual([{ member: '1', share: 10, turn: 1 }]);
});

test('each order is given out once', () => {
  const ledger = settled(10, '1');
  expect(ledger.takeOrders()).toEqual([]);
});

test('members that join together get equal shares, the rest goes to the first', () => {
  const ledger = new ShareLedger();
  for (const member of ['1', '2', '3', '4']) ledger.join(member, 10);
  expect(ledger.takeOrders().map(({ share }) => share)).toEqual([3, 3, 2, 2]);
});

test('one that joins later waits until another has closed its sockets', () => {
  const ledger = settled(10, '1');
  ledger.join('2', 10);
  expect(ledger.takeOrders()).toEqual([{ member: '1', share: 5, turn: 2 }]);
  ledger.acknowledge('1', 2, 5);
  expect(ledger.takeOrders()).toEqual([{ member: '2', share: 5, turn: 1 }]);
});

test('what has been closed so far is given on at once', () => {
  const ledger = settled(10, '1');
  ledger.join('2', 10);
  ledger.takeOrders();
  ledger.acknowledge('1', 2, 8);
  expect(ledger.takeOrders()).toEqual([{ member: '2', share: 2, turn: 1 }]);
  ledger.acknowledge('1', 2, 5);
  expect(ledger.takeOrders()).toEqual([{ member: '2', share: 5, turn: 2 }]);
});

test('nobody has two before each has one', () => {
  const ledger = settled(9, '1');
  ledger.join('2', 9);
  ledger.join('3', 9);
  ledger.takeOrders();
  ledger.acknowledge('1', 2, 7);
  expect(ledger.takeOrders()).toEqual([
    { member: '2', share: 1, turn: 1 },
    { member: '3', share: 1, turn: 1 },
  ]);
});

// The member may still come to the second order, which lets it open as many again, when its answer to the first arrives.
test('an answer to an order that was followed by others says nothing', () => {
  const ledger = settled(10, '1');
  ledger.join('2', 10);
  ledger.takeOrders(); // turn 2: five
  ledger.leave('2');
  ledger.giveUpVacancies();
  ledger.takeOrders(); // turn 3: ten again
  ledger.join('3', 10);
  ledger.takeOrders(); // turn 4: five
  ledger.acknowledge('1', 2, 5);
  expect(ledger.takeOrders()).toEqual([]);
  expect(ledger.shares.get('1')).toEqual({ told: 5, held: 10 });
});

test('a member that never answers keeps what it may hold, and the others get nothing of it', () => {
  const ledger = settled(4, '1', '2');
  ledger.join('3', 4);
  ledger.join('4', 4);
  ledger.takeOrders();
  ledger.acknowledge('2', 2, 1);
  const held = [...ledger.shares.values()].map((share) => share.held);
  expect(ledger.takeOrders()).toEqual([{ member: '3', share: 1, turn: 1 }]);
  expect(held).toEqual([2, 1, 0, 0]);
});

test('a total below the number of members is refused', () => {
  const ledger = settled(2, '1', '2');
  expect(ledger.join('3', 2)).toBe(false);
  expect(ledger.takeOrders()).toEqual([]);
});

test('the place of a member that has left is kept for the next one', () => {
  const ledger = settled(10, '1', '2');
  ledger.leave('1');
  expect(ledger.takeOrders()).toEqual([]);
  ledger.join('3', 10);
  expect(ledger.takeOrders()).toEqual([{ member: '3', share: 5, turn: 1 }]);
});

test('a vacancy that is given up goes to the others', () => {
  const ledger = settled(10, '1', '2');
  ledger.leave('1');
  ledger.giveUpVacancies();
  expect(ledger.takeOrders()).toEqual([{ member: '2', share: 10, turn: 2 }]);
});

test('a vacancy keeps nobody out', () => {
  const ledger = settled(2, '1', '2');
  ledger.leave('1');
  expect([ledger.join('3', 2), ledger.join('4', 2)]).toEqual([true, false]);
});

test('one that was refused and comes again is taken in when there is a place', () => {
  const ledger = settled(1, '1');
  ledger.join('2', 1);
  ledger.leave('1');
  expect(ledger.join('2', 1)).toBe(true);
});

test('places are kept for members that are expected, until they are given up', () => {
  const ledger = new ShareLedger();
  ledger.join('1', 10);
  ledger.expect(4);
  expect(ledger.takeOrders()).toEqual([{ member: '1', share: 3, turn: 1 }]);
  ledger.giveUpVacancies();
  expect(ledger.takeOrders()).toEqual([{ member: '1', share: 10, turn: 2 }]);
});

test('members that do not agree share the least that one of them wants', () => {
  const ledger = settled(10, '1');
  ledger.join('2', 4);
  expect(ledger.takeOrders()).toEqual([{ member: '1', share: 2, turn: 2 }]);
  ledger.acknowledge('1', 2, 2);
  expect(ledger.takeOrders()).toEqual([{ member: '2', share: 2, turn: 1 }]);
  ledger.leave('2');
  ledger.giveUpVacancies();
  expect(ledger.takeOrders()).toEqual([{ member: '1', share: 10, turn: 3 }]);
});

test('a member that wants less than one for each is refused, and takes nothing from the others', () => {
  const ledger = settled(10, '1', '2');
  expect(ledger.join('3', 2)).toBe(false);
  expect(ledger.total).toBe(10);
  expect(ledger.takeOrders()).toEqual([]);
});
