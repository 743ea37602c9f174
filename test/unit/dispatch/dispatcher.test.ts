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
