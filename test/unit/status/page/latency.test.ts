import { describe, expect, test } from 'vitest';
import { inWords, quantile, rangeOf, sumOf } from '../../../../src/status/page/latency.js';
import { binOf, type Latency } from '../../../../src/status/report.js';

const of = (ms: number, count: number): Latency => ({ from: binOf(ms), counts: [count] });

describe('a quantile', () => {
  test('is within a bin of the true one', () => {
    const latency = sumOf([of(10, 98), of(200, 1), of(3000, 1)]);
    expect(quantile(latency, 0.5)).toBeGreaterThan(7);
    expect(quantile(latency, 0.5)).toBeLessThanOrEqual(11.4);
    expect(quantile(latency, 0.99)).toBeLessThanOrEqual(260);
    expect(quantile(latency, 1)).toBeGreaterThan(2000);
  });

  test('of nothing is undefined', () => {
    expect(quantile({ from: 0, counts: [] }, 0.5)).toBeUndefined();
  });
});

test('a latency is told in words, if there is one', () => {
  expect(inWords(sumOf([of(1000, 100)]))).toMatch(/^half within \d+ ms, 99 % within 1\.?\d* s$/);
  expect(inWords({ from: 0, counts: [] })).toBeUndefined();
});

test('the range is from the first to the last bin with something in it', () => {
  expect([rangeOf(sumOf([of(1, 1), of(64, 2)])), rangeOf({ from: 0, counts: [] })]).toEqual([
    [binOf(1), binOf(64)],
    undefined,
  ]);
});
