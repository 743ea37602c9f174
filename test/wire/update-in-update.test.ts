/** What a listener changes in the midst of a change holds. */

import type { OptionChanges, PooledBackend } from 'pooled-backend';
import { expect, test } from 'vitest';
import { startBackend, startOrigin } from './setting.js';

test.each<[string, (url: string) => OptionChanges]>([
  ['that lowers them', () => ({ maxConnections: 5, minConnections: 1 })],
  ['by which one leaves', (url) => ({ origins: [url] })],
])('the limits of all origins, while a change %s closes connections of one', async (_what, changes) => {
  const [a, b] = [await startOrigin(), await startOrigin()];
  const backend = startBackend([a, b], { maxConnections: 10, minConnections: 6 });
  await backend.ready();
  backend.once('disconnect', () => void backend.update({ maxConnections: 3, minConnections: 1 }));
  await backend.update(changes(b.url));
  expect(backend.stats().origins.at(-1)?.connections).toMatchObject({ max: 3, open: 3 });
});

test.each<[string, (backend: PooledBackend, b: string, c: string) => unknown, string]>([
  ['another set', (backend, _b, c) => backend.update({ origins: [c] }), 'c'],
  ['the removal of one that stays', (backend, b) => backend.origins.remove(b), 'd'],
  ['another weight of one that stays', (backend, b) => backend.origins.setWeight(b, 7), 'b 7, d'],
])('%s, while an origin leaves', async (_what, change, left) => {
  const [a, b, c, d] = [await startOrigin(), await startOrigin(), await startOrigin(), await startOrigin()];
  const names = new Map([a, b, c, d].map(({ url }, index) => [url, 'abcd'.charAt(index)]));
  const backend = startBackend([a, b]);
  backend.once('originChanged', () => void change(backend, b.url, c.url));
  await backend.update({ origins: [b.url, d.url] });
  const told = backend
    .stats()
    .origins.map(({ origin, weight }) => names.get(origin) + (weight === 1 ? '' : ` ${weight}`));
  expect(told.join(', ')).toBe(left);
});

test('the removal of an origin, while connections of it are closed', async () => {
  const [a, b] = [await startOrigin(), await startOrigin()];
  const backend = startBackend([a, b], { minConnections: 2 });
  await backend.ready();
  backend.once('disconnect', () => void backend.origins.remove(b.url));
  await backend.update({ origins: [b.url, a.url], maxConnections: 1, minConnections: 1 });
  expect(backend.origins.names).toEqual([a.url]);
});
