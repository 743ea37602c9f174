import { describe, expect, test } from 'vitest';
import { RetryBudget } from '../../../src/dispatch/retry/retry-budget.js';
import type { ResolvedRetryBudget } from '../../../src/options.js';
import { ManualClock } from '../../../src/testing/manual-clock.js';

function arrange(options: Partial<ResolvedRetryBudget> = {}) {
  const clock = new ManualClock({ now: 12_345.5 });
  const budget = new RetryBudget({ ratio: 0.2, minPerSecond: 10, ...options }, clock);
  const withdrawAll = (most = 100_000) => {
    let count = 0;
    while (count < most && budget.tryWithdraw()) count += 1;
    return count;
  };
  const deposit = (requests: number) => {
    for (let request = 0; request < requests; request += 1) budget.deposit(clock.now());
  };
  return { clock, budget, withdrawAll, deposit };
}

describe('the budget of re-sends', () => {
  test('starts full, with 100 tokens', () => {
    const { withdrawAll } = arrange();
    expect(withdrawAll()).toBe(100);
  });

  test('five requests bring one token', () => {
    const { deposit, withdrawAll } = arrange({ ratio: 0.25 });
    withdrawAll();
    deposit(39);
    expect(withdrawAll()).toBe(9);
    deposit(1);
    expect(withdrawAll()).toBe(1);
  });

  test('a second brings minPerSecond tokens', () => {
    const { clock, withdrawAll } = arrange();
    withdrawAll();
    clock.advance(2550);
    expect(withdrawAll()).toBe(25);
    clock.advance(50);
    expect(withdrawAll()).toBe(1);
  });

  test('little traffic saves up 100 tokens at the most', () => {
    const { clock, deposit, withdrawAll } = arrange({ ratio: 0.25 });
    deposit(40);
    clock.advance(3_600_000);
    expect(withdrawAll()).toBe(100);
  });

  test('much traffic saves up what the last ten seconds have brought', () => {
    const { clock, deposit, withdrawAll } = arrange({ ratio: 0.25, minPerSecond: 0 });
    for (let second = 0; second < 60; second += 1) {
      deposit(400);
      clock.advance(1000);
    }
    expect(withdrawAll()).toBe(3600 * 0.25); // nine whole seconds and the one that has just begun
  });

  test('what much traffic saved up is forgotten ten seconds after it stopped', () => {
    const { clock, deposit, withdrawAll } = arrange({ ratio: 0.25, minPerSecond: 0 });
    deposit(4000);
    clock.advance(9000);
    const remembered = withdrawAll(200);
    clock.advance(1000);
    expect([remembered, withdrawAll()]).toEqual([200, 100]);
  });

  test('of ratio 0 and minPerSecond 0 has its first 100 tokens and no more', () => {
    const { clock, deposit, withdrawAll } = arrange({ ratio: 0, minPerSecond: 0 });
    const first = withdrawAll();
    deposit(1000);
    clock.advance(60_000);
    expect([first, withdrawAll()]).toEqual([100, 0]);
  });

  test('of minPerSecond Infinity is no limit', () => {
    const { deposit, withdrawAll } = arrange({ minPerSecond: Number.POSITIVE_INFINITY });
    deposit(3);
    expect(withdrawAll(1000)).toBe(1000);
  });
});
