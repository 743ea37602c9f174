import { expect, test } from 'vitest';
import { MemoryBackend } from '../../memory-backend.js';

test('a pool entry remembers how long it was idle when it was lent, which a close in silence teaches', async () => {
  const backend = await MemoryBackend.open();
  for (const _ of [1, 2]) {
    const peer = await backend.idle();
    await backend.advance(10_000);
    const caller = await backend.sent({ method: 'POST', nonIdempotent: 'any' });
    await backend.advance(3_000);
    peer.reset(); // 13 s after it was handed back, but the origin gave it 10 s
    await backend.settle();
    expect(caller.outcome).toBe('connection_terminated');
  }
  expect(backend.originStats().idleLimitMs.learned).toBe(10_000);
});
