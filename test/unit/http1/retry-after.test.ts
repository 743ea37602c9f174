import { describe, expect, test } from 'vitest';
import { parseRetryAfter } from '../../../src/http1/retry-after.js';

describe('Retry-After', () => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 30);

  test.each<readonly [string, number | undefined]>([
    ['0', 0],
    ['1', 1000],
    ['120', 120_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 7000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 7000],
    ['Sun Nov  6 08:49:37 1994', 7000],
    ['Wed Nov 16 08:49:30 1994', 10 * 86_400_000],
    ['x Sun, 06 Nov 1994 08:49:37 GMT', undefined],
    ['Sun, 06 Nov 1994 08:49:37 GMT+1', undefined],
    ['x Sunday, 06-Nov-94 08:49:37 GMT', undefined],
    ['Sunday, 06-Nov-94 08:49:37 GMT+1', undefined],
    ['x Sun Nov  6 08:49:37 1994', undefined],
    ['Sun Nov  6 08:49:37 1994 GMT', undefined],
    ['Sun, 06 Nov 1994 08:49:00 GMT', 0],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['soon', undefined],
    ['1994-11-06', undefined],
    ['Sun, 99 Nov 1994 08:49:37 GMT', undefined],
    ['Sun, 06 Foo 1994 08:49:37 GMT', undefined],
  ])('%j is %s ms', (value, ms) => {
    expect(parseRetryAfter(value, now)).toBe(ms);
  });

  // RFC 9110 §5.6.7: all three forms are in UTC, and one of them does not say so.
  test('a date is in UTC wherever the machine stands', () => {
    const { TZ } = process.env;
    process.env.TZ = 'America/New_York';
    try {
      expect(parseRetryAfter('Sun Nov  6 08:49:37 1994', now)).toBe(7000);
    } finally {
      if (TZ === undefined) delete process.env.TZ;
      else process.env.TZ = TZ;
    }
  });
});
