import { describe, expect, test } from 'vitest';
import { GradientLimit } from '../../../src/origin/gradient-limit.js';
import { ManualClock } from '../../../src/testing/index.js';

const OPTIONS = { min: 4, tolerance: 1.5, window: 1_000 };

function limitOf({ most = 100, ...options }: Partial<typeof OPTIONS> & { most?: number } = {}) {
  const clock = new ManualClock();
  const limit = new GradientLimit({ ...OPTIONS, ...options }, most, clock);
  /** So many windows of ten answers each, with as much under way as the limit allows. */
  const windows = (count: number, latencyMs: number, busy = Number.POSITIVE_INFINITY): void => {
    for (let n = 0; n < count; n += 1) {
      clock.advance(1_000);
      for (let sample = 0; sample < 10; sample += 1) limit.observe(latencyMs, Math.min(busy, limit.limit));
    }
  };
  return { clock, limit, windows };
}

test('it begins with the most that is allowed, and stays there while answers are as fast as usual', () => {
  const { limit, windows } = limitOf();
  windows(50, 20);
  expect(limit.snapshot).toEqual({ limit: 100, latencyMs: 20, usualLatencyMs: 20 });
});

test('before the first window has ended nothing is known', () => {
  expect(limitOf().limit.snapshot).toEqual({ limit: 100, latencyMs: null, usualLatencyMs: null });
});

describe('when the origin slows down', () => {
  test('the limit shrinks window by window, to where half the gradient and the allowed queue are in balance', () => {
    const { limit, windows } = limitOf();
    windows(10, 20);
    const seen = [1, 1, 1, 40].map((count) => {
      windows(count, 200);
      return limit.limit;
    });
    expect(seen).toEqual([90, 82, 75, 8]);
  });

  test('within the tolerance it does not', () => {
    const { limit, windows } = limitOf();
    windows(10, 20);
    windows(20, 29);
    expect(limit.limit).toBe(100);
  });

  test('never below the least', () => {
    const { limit, windows } = limitOf({ min: 30 });
    windows(10, 20);
    windows(100, 2_000);
    expect(limit.limit).toBe(30);
  });

  test('not while less than half of the limit is used', () => {
    const { limit, windows } = limitOf();
    windows(10, 20);
    windows(50, 2_000, 49);
    const unused = limit.limit;
    windows(1, 2_000, 50);
    expect([unused, limit.limit]).toEqual([100, 90]);
  });
});

test('when it is fast again the limit grows by less than one a window', () => {
  const { limit, windows } = limitOf();
  windows(10, 20);
  windows(40, 200);
  const slow = limit.limit;
  windows(10, 20);
  const after10 = limit.limit;
  windows(200, 20);
  expect([slow, after10, limit.limit]).toEqual([9, 17, 100]);
});

test('what lasts becomes usual, and what was slow is forgotten sooner', () => {
  const { limit, windows } = limitOf();
  windows(10, 100);
  windows(600, 200);
  const slowIsUsual = limit.snapshot.usualLatencyMs ?? 0;
  windows(20, 20);
  const fastIsUsual = limit.snapshot.usualLatencyMs ?? 0;
  expect(slowIsUsual).toBeGreaterThan(180);
  expect(fastIsUsual).toBeLessThan(75);
});

describe('a window', () => {
  test('goes on until it has ten samples', () => {
    const { clock, limit } = limitOf();
    clock.advance(5_000);
    for (let sample = 0; sample < 9; sample += 1) limit.observe(20, 100);
    const withNine = limit.snapshot.latencyMs;
    limit.observe(20, 100);
    expect([withNine, limit.snapshot.latencyMs]).toEqual([null, 20]);
  });

  test('goes on until its time is over, and says whether the limit is another', () => {
    const { clock, limit, windows } = limitOf();
    windows(10, 20);
    clock.advance(999);
    const early = Array.from({ length: 100 }, () => limit.observe(200, 100));
    clock.advance(1);
    expect([early.includes(true), limit.observe(200, 100), limit.limit]).toEqual([false, true, 90]);
  });
});

describe('other bounds', () => {
  test('an origin that is not limited gets all of them', () => {
    const { limit } = limitOf();
    limit.configure(OPTIONS, 200);
    expect(limit.limit).toBe(200);
  });

  test('one that is limited stays so, within them', () => {
    const { limit, windows } = limitOf();
    windows(10, 20);
    windows(40, 200);
    limit.configure(OPTIONS, 200);
    const grown = limit.limit;
    limit.configure(OPTIONS, 3);
    expect([grown, limit.limit]).toEqual([9, 3]);
  });

  test('what was learned outlives a maximum that is lower for a while, as the share of a worker may be', () => {
    const { limit, windows } = limitOf();
    windows(10, 20);
    windows(40, 200);
    const learned = limit.limit;
    for (const most of [2, 0, 100]) limit.configure(OPTIONS, most);
    expect([learned, limit.limit]).toEqual([9, 9]);
  });

  test('what was learned outlives a larger least, too', () => {
    const { limit, windows } = limitOf();
    windows(10, 20);
    windows(40, 200);
    limit.configure({ ...OPTIONS, min: 50 }, 100);
    const raised = limit.limit;
    limit.configure(OPTIONS, 100);
    expect([raised, limit.limit]).toEqual([50, 9]);
  });
});

test('beside an origin that serves 20 at once in 10 ms each, the limit settles near what it can do', () => {
  const { clock, limit } = limitOf({ most: 400 });
  const at20 = 10;
  for (let n = 0; n < 20; n += 1) {
    clock.advance(1_000);
    for (let sample = 0; sample < 10; sample += 1) limit.observe(at20, 20);
  }
  for (let n = 0; n < 150; n += 1) {
    clock.advance(1_000);
    const waiting = Math.max(0, limit.limit - 20);
    for (let sample = 0; sample < 10; sample += 1) limit.observe(at20 * (1 + waiting / 20), limit.limit);
  }
  expect(limit.limit).toBeGreaterThan(20);
  expect(limit.limit).toBeLessThan(80);
});
