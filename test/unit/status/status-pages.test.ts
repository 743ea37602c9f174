import { expect, test } from 'vitest';
import { StatusPages } from '../../../src/status/status-pages.js';
import { ManualClock } from '../../../src/testing/manual-clock.js';
import { collectGarbage } from '../../garbage.js';
import { Source } from './setting.js';

const NO_ORIGINS = {
  drain: () => Promise.resolve(),
  ready: () => undefined,
  setWeight: () => undefined,
};

test('handlers that are made for one request each are not kept', async () => {
  const pages = new StatusPages(new Source(), NO_ORIGINS, new ManualClock());
  await collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 3_000; i += 1) pages.handler({});
  await collectGarbage();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
  pages.close();
});
