import { expect, test } from 'vitest';
import { type LookupOutcome, nextLookupMs } from '../../../src/fleet/lookup-schedule.js';

const found = (keepMs?: number): LookupOutcome => ({ name: 'found', keepMs });
const failed = (inARow: number): LookupOutcome => ({ name: 'failed', inARow });

test.each<[string, LookupOutcome, number, number, number]>([
  ['the time that the answer may be kept', found(5000), 30_000, 0.5, 5000],
  ['no more than the interval, when the answer may be kept longer', found(300_000), 30_000, 0, 30_000],
  ['a second, when the answer must not be kept at all', found(0), 30_000, 0.5, 1000],
  ['the interval, when nobody says how long', found(), 30_000, 0, 30_000],
  ['a tenth less than the interval, at the most', found(), 30_000, 1, 27_000],
  ['an interval that is less than a second', found(0), 200, 0, 200],
  ['a second after a failure', failed(1), 30_000, 0, 1000],
  ['twice as long after another', failed(2), 30_000, 0, 2000],
  ['sixteen times as long after five', failed(5), 30_000, 0, 16_000],
  ['no more than the interval after many', failed(2000), 30_000, 0, 30_000],
  ['a tenth less after a failure, at the most', failed(1), 30_000, 1, 900],
  ['the interval after a failure, where it is less than a second', failed(1), 200, 0, 200],
])('the next lookup comes after %s', (_, outcome, intervalMs, random, wanted) => {
  expect(nextLookupMs(outcome, intervalMs, random)).toBe(wanted);
});
