import { expect, test } from 'vitest';
import { rendezvousSubset } from '../../../src/fleet/rendezvous.js';

const ORIGINS = Array.from({ length: 100 }, (_, n) => `http://10.0.0.${n}:8080`);
const PROCESSES = Array.from({ length: 2000 }, (_, n) => `web-${n}`);
const itself = (name: string) => name;

function subsets(origins: readonly string[], size = 10): ReadonlyMap<string, readonly string[]> {
  return new Map(PROCESSES.map((id) => [id, rendezvousSubset(origins, itself, { size, id })]));
}

const missing = (from: readonly string[], all: readonly string[]) => all.filter((origin) => !from.includes(origin));

test('a subset has the size asked for, and no origin twice', () => {
  const sizes = [...subsets(ORIGINS).values()].map((subset) => new Set(subset).size);
  expect(new Set(sizes)).toEqual(new Set([10]));
});

test('a subset as large as the set, or larger, is the whole set', () => {
  expect(rendezvousSubset(ORIGINS, itself, { size: 100, id: 'web-1' })).toEqual(ORIGINS);
  expect(rendezvousSubset(ORIGINS, itself, { size: 500, id: 'web-1' })).toEqual(ORIGINS);
});

test('the same process gets the same subset, in whatever order the origins come', () => {
  const forwards = rendezvousSubset(ORIGINS, itself, { size: 10, id: 'web-7' });
  const backwards = rendezvousSubset([...ORIGINS].reverse(), itself, { size: 10, id: 'web-7' });
  expect([...backwards].sort()).toEqual([...forwards].sort());
});

test('the origins of a subset stay in the order in which they were given', () => {
  const subset = rendezvousSubset(ORIGINS, itself, { size: 10, id: 'web-7' });
  expect(subset).toEqual(ORIGINS.filter((origin) => subset.includes(origin)));
});

// 2,000 processes × 10 of 100 origins: 200 each in the mean. A choice by lot would give a standard deviation of 13.4 and,
// by chi-square with 99 degrees of freedom, less than 149 in 999 of 1,000 draws.
test('the processes are spread over the origins as if by lot', () => {
  const counts = new Map(ORIGINS.map((origin) => [origin, 0]));
  for (const subset of subsets(ORIGINS).values()) {
    for (const origin of subset) counts.set(origin, (counts.get(origin) ?? 0) + 1);
  }
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
  expect(chiSquare).toBeLessThan(149);
  expect(chiSquare).toBeGreaterThan(40); // and not as if by plan: names in a row are not dealt out in turn
});

test('two processes share no more origins than chance would have it', () => {
  const all = [...subsets(ORIGINS).values()];
  const shared = all.slice(1).map((subset, n) => subset.filter((origin) => all[n]?.includes(origin)).length);
  const mean = shared.reduce((sum, count) => sum + count, 0) / shared.length;
  expect(mean).toBeGreaterThan(0.9); // 10 × 10 / 100 = 1
  expect(mean).toBeLessThan(1.1);
});

test('an origin that goes is replaced by one other, only where it was used', () => {
  const gone = 'http://10.0.0.42:8080';
  const before = subsets(ORIGINS);
  const after = subsets(ORIGINS.filter((origin) => origin !== gone));
  for (const [id, subset] of before) {
    const left = missing(after.get(id) ?? [], subset);
    expect(left).toEqual(subset.includes(gone) ? [gone] : []);
  }
});

test('an origin that comes takes one place in a tenth of the subsets, and changes nothing else', () => {
  const before = subsets(ORIGINS);
  const after = subsets([...ORIGINS, 'http://10.0.1.1:8080']);
  const changes = [...before].map(([id, subset]) => missing(subset, after.get(id) ?? []));
  expect(new Set(changes.map(({ length }) => length))).toEqual(new Set([0, 1]));
  const changed = changes.filter(({ length }) => length === 1).length;
  expect(changed).toBeGreaterThan(150); // 2,000 × 10 / 101 = 198, standard deviation 13
  expect(changed).toBeLessThan(250);
});
