import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Balancer, Candidate } from '../../../src/balance/balancer.js';
import { leastBusy } from '../../../src/balance/least-busy.js';
import { roundRobin } from '../../../src/balance/round-robin.js';
import { twoChoices } from '../../../src/balance/two-choices.js';

/** Origin number `index`; where nothing is said it is idle and of weight 1. */
function candidate(index: number, facts: Partial<Candidate> = {}): Candidate {
  const quiet = { busy: 0, idle: 0, dialling: 0, maxConnections: 100, weight: 1 };
  return { origin: `http://origin-${index}:80`, index, ...quiet, ...facts };
}

const weighing = (...weights: number[]) => weights.map((weight, index) => candidate(index, { weight }));
const loaded = (...busy: number[]) => busy.map((count, index) => candidate(index, { busy: count }));

/** The same numbers on every machine: a linear congruence (Numerical Recipes). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The picks as letters, a for the first candidate. */
function sequence(balancer: Balancer, candidates: readonly Candidate[], turns: number): string {
  return Array.from({ length: turns }, () => String.fromCharCode(97 + balancer.pick(candidates))).join('');
}

function shares(balancer: Balancer, candidates: readonly Candidate[], turns: number): number[] {
  const picks = candidates.map(() => 0);
  for (let turn = 0; turn < turns; turn++) {
    const picked = balancer.pick(candidates);
    picks[picked] = (picks[picked] ?? 0) + 1;
  }
  return picks.map((count) => count / turns);
}

const balancers = { leastBusy, roundRobin, twoChoices: () => twoChoices(seeded(1)) };

describe.each(Object.entries(balancers))('%s', (_, create) => {
  test('the only candidate is picked, even without weight', () => {
    expect(create().pick(weighing(0))).toBe(0);
    expect(create().pick([candidate(7, { busy: 100 })])).toBe(0);
  });

  test('a candidate of weight 0 is never picked beside one that has weight', () => {
    const balancer = create();
    const candidates = [candidate(0, { weight: 0 }), candidate(1, { busy: 99 }), candidate(2, { weight: 0 })];
    for (let turn = 0; turn < 1000; turn++) expect(balancer.pick(candidates)).toBe(1);
  });

  test('candidates that all have weight 0 are treated alike', () => {
    for (const share of shares(create(), weighing(0, 0, 0), 3000)) expect(share).toBeCloseTo(1 / 3, 1);
  });

  test('where all are idle each gets its share by weight', () => {
    const [light = 0, heavy = 0] = shares(create(), weighing(1, 256), 25_700);
    expect(light * 257).toBeGreaterThan(0.7);
    expect(light * 257).toBeLessThan(1.3);
    expect(light + heavy).toBe(1);
  });

  test('after a change of weights nobody has many turns to catch up on', () => {
    const balancer = create();
    for (let turn = 0; turn < 128; turn++) balancer.pick(weighing(256, 1));
    const [one = 0, other = 0] = shares(balancer, weighing(1, 1), 40);
    expect(Math.abs(one - other)).toBeLessThan(0.5);
  });

  test('it answers a position among any candidates, whichever of the origins they are', () => {
    const anyCandidates = fc.uniqueArray(
      fc.record({ index: fc.nat(9), busy: fc.nat(100), dialling: fc.nat(9), weight: fc.nat(256) }),
      { minLength: 1, maxLength: 10, selector: ({ index }) => index },
    );
    fc.assert(
      fc.property(fc.array(anyCandidates, { minLength: 1 }), (turns) => {
        const balancer = create();
        for (const facts of turns) {
          const candidates = facts.map((fact) => candidate(fact.index, fact));
          const picked = candidates[balancer.pick(candidates)];
          expect(picked).toBeDefined();
          if (candidates.some(({ weight }) => weight > 0)) expect(picked?.weight).toBeGreaterThan(0);
        }
      }),
    );
  });
});

describe('round-robin', () => {
  test('origins of the same weight take turns', () => {
    expect(sequence(roundRobin(), weighing(1, 1, 1), 7)).toBe('abcabca');
  });

  test('a heavy origin has its turns spread among the others', () => {
    expect(sequence(roundRobin(), weighing(5, 1, 1), 14)).toBe('aabacaaaabacaa');
    expect(sequence(roundRobin(), weighing(3, 2), 10)).toBe('ababaababa');
  });

  test('how busy they are does not matter', () => {
    expect(sequence(roundRobin(), loaded(100, 0), 4)).toBe('abab');
  });

  test('an origin keeps its credit while others come and go', () => {
    const balancer = roundRobin();
    const [a, b, c] = [candidate(0), candidate(1), candidate(2)];
    const picks = [[a, b, c], [b, c], [a, b, c], [c], [a, b, c]].map((turn) => turn[balancer.pick(turn)]?.index);
    expect(picks).toEqual([0, 1, 2, 2, 1]);
  });

  test('whoever takes part, shares stay fair', () => {
    const random = seeded(3);
    const balancer = roundRobin();
    const all = weighing(1, 1, 1, 1);
    const picks = [0, 0, 0, 0];
    for (let turn = 0; turn < 10_000; turn++) {
      const present = all.filter(() => random() < 0.7);
      const picked = present[present.length === 0 ? 0 : balancer.pick(present)];
      if (picked !== undefined) picks[picked.index] = (picks[picked.index] ?? 0) + 1;
    }
    for (const count of picks) expect(Math.abs(count / 10_000 - 0.25)).toBeLessThan(0.01);
  });
});

describe('least-busy', () => {
  test('the one with the fewest requests is picked', () => {
    expect(sequence(leastBusy(), loaded(3, 1, 2), 3)).toBe('bbb');
  });

  test('connections that are being made count as busy', () => {
    expect(leastBusy().pick([candidate(0, { busy: 1, dialling: 2 }), candidate(1, { busy: 2 })])).toBe(1);
  });

  test('idle connections do not count', () => {
    expect(leastBusy().pick([candidate(0, { busy: 1 }), candidate(1, { busy: 2, idle: 50 })])).toBe(0);
  });

  test('an origin of twice the weight may have twice the requests', () => {
    const balancer = leastBusy();
    const heavy = (busy: number) => [candidate(0, { busy, weight: 2 }), candidate(1, { busy: 5, weight: 1 })];
    expect([9, 11].map((busy) => balancer.pick(heavy(busy)))).toEqual([0, 1]);
  });

  test('ties take turns among the tied only', () => {
    expect(sequence(leastBusy(), loaded(1, 4, 1, 1), 6)).toBe('acdacd');
  });

  test('ties take turns by weight', () => {
    expect(sequence(leastBusy(), weighing(5, 1, 1), 7)).toBe('aabacaa');
  });

  test('requests that stay end up in proportion to the weights', () => {
    const balancer = leastBusy();
    const busy = [0, 0, 0];
    for (let turn = 0; turn < 60; turn++) {
      const picked = balancer.pick(busy.map((count, index) => candidate(index, { busy: count, weight: index + 1 })));
      busy[picked] = (busy[picked] ?? 0) + 1;
    }
    expect(busy).toEqual([10, 20, 30]);
  });
});

describe('two-choices', () => {
  test('with a known random the picks are known', () => {
    expect(sequence(twoChoices(seeded(42)), loaded(0, 1, 2, 3), 20)).toBe('aaaacbcaacaacaaacbcc');
  });

  test('the better of the two drawn is picked, the first when they are alike', () => {
    const draws = (...numbers: number[]) => twoChoices(() => numbers.shift() ?? 0);
    const candidates = loaded(4, 2, 2);
    expect(draws(0, 0.9).pick(candidates)).toBe(2);
    expect(draws(0.9, 0).pick(candidates)).toBe(2);
    expect(draws(0.9, 0.9).pick(candidates)).toBe(2);
    expect(draws(0.4, 0.9).pick(candidates)).toBe(1);
  });

  test('the busiest of all is never picked where loads differ', () => {
    const found = shares(twoChoices(seeded(7)), loaded(0, 1, 2, 3), 6000);
    for (const [position, share] of [3 / 6, 2 / 6, 1 / 6, 0].entries()) {
      expect(Math.abs((found[position] ?? 0) - share)).toBeLessThan(0.02);
    }
    expect(found[3]).toBe(0);
  });

  test('requests that stay are spread far better than by one draw', () => {
    const balancer = twoChoices(seeded(11));
    const busy = Array.from({ length: 20 }, () => 0);
    for (let turn = 0; turn < 2000; turn++) {
      const picked = balancer.pick(busy.map((count, index) => candidate(index, { busy: count })));
      busy[picked] = (busy[picked] ?? 0) + 1;
    }
    expect(Math.max(...busy) - Math.min(...busy)).toBeLessThan(10);
  });

  test('a lot that rounding leaves undrawn goes to the last with weight', () => {
    expect(twoChoices(() => 1).pick(weighing(1, 1, 0))).toBe(1);
  });
});
