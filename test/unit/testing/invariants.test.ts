import { describe, expect, test } from 'vitest';
import { checkPool, checkStats, type StatsToCheck } from '../../../src/testing/index.js';

const counts = { size: 10, empty: 3, dialling: 1, idle: 4, fresh: 2, busy: 2 };

const origin = {
  origin: 'http://127.0.0.1:1',
  connections: { open: 5, idle: 3, busy: 2, dialling: 1, spare: 1 },
  dialled: 12,
  closed: { stale: 4, 'idle-timeout': 3 },
};

function statsOf(change: object = {}, queue = 0): StatsToCheck {
  return { origins: [{ ...origin, ...change }], queue: { length: queue } };
}

describe('checkPool', () => {
  test('counts that add up pass', () => {
    expect(() => checkPool(counts)).not.toThrow();
  });

  test.each([
    ['a slot that is in no state', { busy: 1 }, 'is not size'],
    ['a slot that is in two states', { empty: 4 }, 'is not size'],
    ['fresh ones that are not idle', { fresh: 5 }, 'fresh is more than idle'],
    ['a negative count', { dialling: -1, empty: 5 }, 'dialling is -1'],
    ['a count that is not a number', { fresh: Number.NaN }, 'fresh is NaN'],
  ])('%s is found, and the counts are shown', (_name, change, message) => {
    expect(() => checkPool({ ...counts, ...change })).toThrow(new RegExp(`${message}.*"size":10`));
  });

  test('at rest nothing may be lent', () => {
    expect(() => checkPool(counts, { atRest: true })).toThrow('at rest');
  });
});

describe('checkStats', () => {
  test('statistics that add up pass', () => {
    expect(() => checkStats(statsOf({}, 7), { maxConnections: 6 })).not.toThrow();
  });

  test.each([
    ['a connection that was neither dialled nor closed', { dialled: 13 }, 'dialled 13 - closed 7 is not open 5'],
    ['an open one that is neither idle nor busy', { connections: { ...origin.connections, busy: 1 } }, 'is not idle 3'],
    ['spares that are not idle', { connections: { ...origin.connections, spare: 4 } }, 'spare 4 is more than idle 3'],
    ['a negative number anywhere', { resent: { silent: -1 } }, 'origins.0.resent.silent is -1'],
  ])('%s is found, with the origin', (_name, change, message) => {
    expect(() => checkStats(statsOf(change))).toThrow(message);
  });

  test('those of checks count for the cap', () => {
    const connections = { ...origin.connections, checking: 1 };
    expect(() => checkStats(statsOf({ connections }), { maxConnections: 7 })).not.toThrow();
    expect(() => checkStats(statsOf({ connections }), { maxConnections: 6 })).toThrow(
      'open 5 + dialling 1 + checking 1 is more than maxConnections 6',
    );
  });

  test('dialling ones count for the cap', () => {
    expect(() => checkStats(statsOf(), { maxConnections: 5 })).toThrow('more than maxConnections 5');
  });

  test.each([
    ['busy', statsOf()],
    ['queue.length', statsOf({ connections: { ...origin.connections, open: 5, idle: 5, busy: 0 } }, 1)],
  ])('at rest %s must be 0', (name, stats) => {
    expect(() => checkStats(stats, { atRest: true })).toThrow(name);
  });
});
