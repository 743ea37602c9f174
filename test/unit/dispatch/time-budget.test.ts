import { expect, test } from 'vitest';
import { TimeBudget } from '../../../src/dispatch/time-budget.js';
import { ManualClock } from '../../../src/testing/index.js';
import { Deadlines } from '../../../src/time/deadlines.js';

function budgetOf(timeouts: { queueTimeout?: number; requestTimeout?: number } = {}, begunAt?: number) {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const calls: [string, number][] = [];
  const budget = new TimeBudget(
    { queueTimeout: 1_000, requestTimeout: Number.POSITIVE_INFINITY, ...timeouts },
    deadlines,
    {
      waitedOut: () => calls.push(['waitedOut', clock.now()]),
      tookTooLong: () => calls.push(['tookTooLong', clock.now()]),
    },
    begunAt,
  );
  return { clock, deadlines, calls, budget };
}

test('a request that never waits has no deadline', () => {
  const { clock, deadlines, calls } = budgetOf();
  clock.advance(100_000);
  expect([deadlines.size, calls]).toEqual([0, []]);
});

test('a wait ends after queueTimeout', () => {
  const { clock, calls, budget } = budgetOf();
  budget.startWait();
  clock.advance(10_000);
  expect(calls).toEqual([['waitedOut', 1_000]]);
});

test('waits add up, exchanges do not count', () => {
  const { clock, calls, budget } = budgetOf();
  budget.startWait();
  clock.advance(600);
  budget.endWait(0, 0, clock.now());
  clock.advance(5_000);
  expect([budget.waitedMs(), budget.waitLeftMs()]).toEqual([600, 400]);
  budget.startWait();
  clock.advance(10_000);
  expect(calls).toEqual([['waitedOut', 6_000]]);
});

test('a wait that goes on in another place is one wait', () => {
  const { clock, calls, budget } = budgetOf();
  budget.startWait();
  clock.advance(600);
  budget.startWait();
  expect(budget.waitedMs()).toBe(600);
  clock.advance(10_000);
  expect(calls).toEqual([['waitedOut', 1_000]]);
});

test('the whole ends after requestTimeout, whether it waits or not', () => {
  const { clock, calls, budget } = budgetOf({ requestTimeout: 500 });
  clock.advance(100);
  expect(budget.leftMs()).toBe(400);
  clock.advance(400);
  expect(calls).toEqual([['tookTooLong', 500]]);
});

test('no wait is longer than what is left of the whole', () => {
  const { budget, clock } = budgetOf({ requestTimeout: 1_500 });
  clock.advance(800);
  expect(budget.waitLeftMs()).toBe(700);
  clock.advance(10_000);
  expect(budget.waitLeftMs()).toBe(0);
});

test('a wait that the whole cuts short has taken too long', () => {
  const { clock, calls, budget } = budgetOf({ requestTimeout: 500 });
  clock.advance(100);
  budget.startWait();
  clock.advance(10_000);
  expect(calls).toEqual([['tookTooLong', 500]]);
});

test('after a wait the whole goes on', () => {
  const { clock, calls, budget } = budgetOf({ requestTimeout: 2_500 });
  budget.startWait();
  clock.advance(900);
  budget.endWait(0, 0, clock.now());
  clock.advance(10_000);
  expect(calls).toEqual([['tookTooLong', 2_500]]);
});

test('nothing is told after the end', () => {
  const { clock, deadlines, calls, budget } = budgetOf({ requestTimeout: 500 });
  budget.startWait();
  budget.clear();
  clock.advance(10_000);
  expect([deadlines.size, calls]).toEqual([0, []]);
});

test('the time of a request whose body or hook was waited for has begun before', () => {
  const { clock, calls, budget } = budgetOf({ requestTimeout: 1_000 }, -400);
  expect(budget.leftMs()).toBe(600);
  clock.advance(10_000);
  expect(calls).toEqual([['tookTooLong', 600]]);
});
