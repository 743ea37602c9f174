import { expect, test } from 'vitest';
import { House } from '../../house.js';

test('that an origin can be dialled again is told once, with how often it failed and for how long', async () => {
  const house = await House.open();
  await house.sent();
  await house.refuse();
  await house.advance(26);
  await house.refuse();
  await house.advance(51);
  await house.accept();
  await house.sent();
  await house.accept();
  const told = house.events.filter(([name]) => name === 'reachable').map(([, details]) => details);
  expect(told).toEqual([{ origin: 'http://a.test:80', failures: 2, afterMs: 77 }]);
});
