import { expect, test } from 'vitest';
import { House } from '../../house.js';

test('a dial that is under way counts as dialling, and as nothing once its origin is closed', async () => {
  const house = await House.open();
  await house.sent();
  const before = house.originStats().connections.dialling;
  house.destroy();
  expect([before, house.originStats().connections.dialling, house.dials[0]?.state]).toEqual([1, 0, 'abandoned']);
});
