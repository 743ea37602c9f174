import { expect, test } from 'vitest';
import { subsetOf } from '../../../src/fleet/subset.js';
import { resolveOptions } from '../../../src/options.js';

const primaries = Array.from({ length: 20 }, (_, n) => ({ url: `http://10.0.0.${n}`, weight: 1 }));
const backups = Array.from({ length: 20 }, (_, n) => ({ url: `http://10.0.1.${n}`, backup: true }));
const { origins } = resolveOptions({ origins: [...primaries, ...backups] });
const choice = { size: 5, id: 'web-1' };

test('without a choice all origins are used', () => {
  expect(subsetOf(origins, origins, undefined)).toEqual(origins);
});

test('the size counts for primaries and for backups', () => {
  const subset = subsetOf(origins, origins, choice);
  expect([subset.filter(({ backup }) => !backup).length, subset.filter(({ backup }) => backup).length]).toEqual([5, 5]);
});

test('a backup that goes changes nothing among the primaries', () => {
  const primariesOf = (of: typeof origins) => subsetOf(of, of, choice).filter(({ backup }) => !backup);
  expect(primariesOf(origins.slice(0, 30))).toEqual(primariesOf(origins));
});

test('an origin of weight 0 leaves its place to the next one', () => {
  const [first] = subsetOf(origins, origins, choice);
  const drained = origins.map((origin) => (origin === first ? { ...origin, weight: 0 } : origin));
  const subset = subsetOf(drained, drained, choice).filter(({ backup }) => !backup);
  expect(subset.map(({ weight }) => weight)).toEqual([1, 1, 1, 1, 1]);
});

test('the weights of origins do not move them', () => {
  const heavier = origins.map((origin) => ({ ...origin, weight: 100 }));
  const names = (of: typeof origins) => subsetOf(of, of, choice).map(({ origin }) => origin);
  expect(names(heavier)).toEqual(names(origins));
});
