import { describe, expect, test } from 'vitest';
import { ByteBudget } from '../../../src/client/byte-budget.js';
import { Spool } from '../../../src/client/pace.js';

describe('a byte budget', () => {
  test('gives all or nothing', () => {
    const budget = new ByteBudget(10);
    expect([budget.reserve(8), budget.reserve(3), budget.reserve(2), budget.used]).toEqual([true, false, true, 10]);
  });

  test('counts what is held whether it fits or not', () => {
    const budget = new ByteBudget(10);
    budget.add(11);
    expect([budget.used, budget.exceeded]).toEqual([11, true]);
    budget.add(-11);
    expect([budget.used, budget.exceeded]).toEqual([0, false]);
  });

  test('cannot fall below nothing', () => {
    expect(() => new ByteBudget(10).add(-1)).toThrow('-1');
  });
});

describe('a spool', () => {
  test('takes more until its own limit is reached', () => {
    const spool = new Spool(new ByteBudget(100), 10);
    expect([spool.hold(9), spool.hold(10), spool.hold(4)]).toEqual([true, false, true]);
  });

  test('takes no more when all together hold too much, and lets go of its part', () => {
    const budget = new ByteBudget(15);
    const [first, second] = [new Spool(budget, 10), new Spool(budget, 10)];
    expect([first.hold(9), second.hold(9), budget.used]).toEqual([true, false, 18]);
    first.empty();
    expect([second.hold(9), budget.used]).toEqual([true, 9]);
  });
});
