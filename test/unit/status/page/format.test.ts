import { expect, test } from 'vitest';
import { bytes, count, duration, limit, percent, plural, rate } from '../../../../src/status/page/format.js';

test.each<[string, string]>([
  [count(1234), '1,234'],
  [count(12_345_678), '12.3 M'],
  [rate(0.04), '0'],
  [rate(3.14), '3.1'],
  [rate(1234.4), '1,234'],
  [rate(250_000), '250 k'],
  [percent(1), '100 %'],
  [percent(0.99999), '99.9 %'],
  [percent(0.953), '95.3 %'],
  [duration(0.4), '0.4 ms'],
  [duration(3), '3 ms'],
  [duration(140.2), '140 ms'],
  [duration(4_200), '4.2 s'],
  [duration(42_000), '42 s'],
  [duration(60_000), '1 min'],
  [duration(200_000), '3 min 20 s'],
  [duration(1_200_000), '20 min'],
  [duration(7_500_000), '2 h 5 min'],
  [duration(300_000_000), '3 d'],
  [duration(null), 'no limit'],
  [limit(null), 'no limit'],
  [limit(10_000), '10,000'],
  [bytes(512), '512 B'],
  [bytes(67_108_864), '64 MiB'],
  [bytes(1536), '1.5 KiB'],
  [plural(1, 'origin'), '1 origin'],
  [plural(2, 'origin'), '2 origins'],
])('%s', (shown, wanted) => {
  expect(shown).toBe(wanted);
});
