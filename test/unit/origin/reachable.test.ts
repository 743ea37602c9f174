import { expect, test } from 'vitest';
import { MemoryBackend } from '../../memory-backend.js';

test('that an origin can be dialled again is told once, with how often it failed and for how long', async () => {
  const backend = await MemoryBackend.open();
  await backend.sent();
  await backend.refuse();
  await backend.advance(26);
  await backend.refuse();
  await backend.advance(51);
  await backend.accept();
  await backend.sent();
  await backend.accept();
  const told = backend.events.filter(([name]) => name === 'reachable').map(([, details]) => details);
  expect(told).toEqual([{ origin: 'http://a.test:80', failures: 2, afterMs: 77 }]);
});
