import { expect, test } from 'vitest';
import { whyNoMetrics } from '../../../src/cli/metrics-page.js';

test('without prom-client it is said how to get it', async () => {
  const missing = () => Promise.reject(new Error("Cannot find package 'prom-client'"));
  expect(await whyNoMetrics(missing)).toMatch(/^--metrics needs prom-client: npm install prom-client/);
  expect(await whyNoMetrics()).toBeUndefined();
});
