import { describe, expect, test } from 'vitest';
import { House } from '../../house.js';

describe('an origin that speaks before it is asked', () => {
  test('is dialled again after a back-off, not in a loop, and its requests keep waiting', async () => {
    const house = await House.open();
    const caller = await house.sent();
    await house.accept({ spokeFirst: true });
    const atOnce = house.dialling.length;
    await house.advance(26);
    expect([atOnce, house.dialling.length, caller.outcome]).toEqual([0, 1, 'waiting']);
    expect(house.originStats()).toMatchObject({ dialled: 0, dialsFailed: 1, poisoned: 1, connections: { open: 0 } });
  });

  test('does not strand the request that had a dial of its own', async () => {
    const house = await House.open();
    const caller = await house.sent();
    const peer = await house.accept();
    peer.reset();
    await house.settle();
    await house.accept({ spokeFirst: true });
    await house.advance(26);
    (await house.accept()).answer();
    await house.settle();
    expect(caller.outcome).toBe(200);
  });
});
