import { expect, test } from 'vitest';
import { slowStartConnections, slowStartShare } from '../../../src/origin/health/slow-start.js';

test.each([
  [0, 0.1],
  [500, 0.1],
  [2_500, 0.25],
  [5_000, 0.5],
  [9_999, 0.9999],
  [10_000, 1],
  [Number.POSITIVE_INFINITY, 1],
])('%d ms after it came back, of 10,000, its share is %d', (sinceMs, share) => {
  expect(slowStartShare(sinceMs, 10_000)).toBe(share);
});

test.each([
  [0.1, 100, 10],
  [0.25, 10, 3],
  [0.1, 2, 1],
  [1, 7, 7],
])('a share of %d of %d connections is %d, at least one', (share, most, connections) => {
  expect(slowStartConnections(share, most)).toBe(connections);
});
