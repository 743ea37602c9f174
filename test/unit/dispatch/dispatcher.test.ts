import { expect, test } from 'vitest';
import { House } from '../../house.js';

test('a GET goes over a dialled connection and the next over the same', async () => {
  const house = await House.open();
  const a = await house.sent();
  const peer = await house.accept();
  expect(peer.requests).toEqual(['GET /1']);
  peer.answer();
  await house.settle();
  expect([a.outcome, a.body, [...a.contexts]]).toEqual([200, 'ok', ['r1']]);
  const b = await house.sent();
  peer.answer();
  await house.settle();
  expect([b.outcome, house.dials.length, [...b.contexts]]).toEqual([200, 1, ['r2']]);
  house.checkAtRest();
});

test('the dial that ends a back-off makes way for all who wait, not for one', async () => {
  const house = await House.open();
  const callers = [house.send(), house.send(), house.send()];
  await house.settle();
  while (house.dialling.length > 0) await house.refuse();
  await house.advance(30);
  const trials = house.dialling.length;
  await house.accept();
  expect([trials, house.dialling.length, house.peerOf(callers[0] ?? house.send())]).toEqual([1, 2, house.peers[0]]);
});

test('where the kernel cannot be asked, a POST does not wait for the check of a connection that it may not ride', async () => {
  const house = await House.open({ maxConnections: 2, spareConnections: false });
  await house.sent();
  await house.sent();
  for (const peer of [await house.accept({ asks: false }), await house.accept({ asks: false })]) peer.answer();
  await house.settle();
  house.send();
  await house.post();
  expect([house.queue.length, house.dialling.length]).toEqual([1, 1]);
});
