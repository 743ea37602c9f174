import { expect, test } from 'vitest';
import { House } from '../../house.js';

test('a pool entry remembers how long it was idle when it was lent, which a close in silence teaches', async () => {
  const house = await House.open();
  for (const _ of [1, 2]) {
    const peer = await house.idle();
    await house.advance(10_000);
    const caller = await house.sent({ method: 'POST', nonIdempotent: 'any' });
    await house.advance(3_000);
    peer.reset(); // 13 s after it was handed back, but the origin gave it 10 s
    await house.settle();
    expect(caller.outcome).toBe('connection_terminated');
  }
  expect(house.originStats().idleLimitMs.learned).toBe(10_000);
});
