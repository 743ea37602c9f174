import { describe, expect, test } from 'vitest';
import { verdictOf, verdictOfAll } from '../../../../src/status/page/verdict.js';
import type { OriginReport } from '../../../../src/status/report.js';
import { originReport, statusReport } from '../setting.js';

const ejected = {
  state: 'ejected',
  ejections: 1,
  reason: 'connection_refused',
  sinceMs: 12_000,
  share: 1,
} as const;
const waiting = {
  state: 'waiting' as const,
  failures: 4,
  error: 'could not connect to http://a.test:80: ECONNREFUSED',
};

describe('an origin', () => {
  test.each<[string, Partial<OriginReport>, string, string, string]>([
    ['that is well', {}, 'good', 'serves', ''],
    ['that is ejected', { health: ejected }, 'bad', 'ejected', 'for 12 s · connection_refused'],
    [
      'that is ejected and cannot be dialled',
      { health: ejected, backoff: { ...waiting, sinceMs: 1 } },
      'bad',
      'ejected',
      'for 12 s · connection_refused · ECONNREFUSED',
    ],
    [
      'that is tried again',
      { health: { ...ejected, state: 'probing' } },
      'doubtful',
      'on probation',
      'out for 12 s · connection_refused',
    ],
    [
      'that cannot be dialled',
      { backoff: { ...waiting, sinceMs: 800 } },
      'bad',
      'cannot be dialled',
      'for 800 ms · ECONNREFUSED',
    ],
    [
      'that is back',
      { health: { state: 'healthy', ejections: 1, reason: null, sinceMs: 3000, share: 1 } },
      'good',
      'serves',
      'again, for 3 s',
    ],
    ['that is a backup without work', { backup: true }, 'quiet', 'stands by', ''],
    ['without weight', { weight: 0 }, 'quiet', 'resting', 'its weight is 0'],
    ['that is drained', { service: 'draining' }, 'quiet', 'draining', 'nothing in progress'],
    [
      'that drains',
      { service: 'draining', connections: { ...originReport().connections, busy: 2 } },
      'quiet',
      'draining',
      '2 connections at work',
    ],
    ['of a backend that is closed', { service: 'closed' }, 'quiet', 'closed', 'nothing in progress'],
    [
      'that leaves, whatever it was',
      { service: 'leaving', health: ejected },
      'quiet',
      'leaving',
      'nothing in progress',
    ],
  ])('%s', (_what, changes, mood, word, why) => {
    expect(verdictOf(originReport(changes))).toEqual({ mood, word, why });
  });
});

describe('the backend', () => {
  const [well, out] = [originReport(), originReport({ origin: 'http://b.test:80', health: ejected })];

  test.each([
    [[well], 'good', 'The origin serves'],
    [[well, well], 'good', 'All 2 origins are well'],
    [[well, originReport({ backup: true })], 'good', 'All 2 origins are well'],
    [[well, out], 'doubtful', '1 of 2 origins is out'],
    [[out, out], 'bad', 'Every origin is out'],
    [[out, originReport({ service: 'draining' })], 'bad', 'Every origin that takes requests is out'],
    [[out, originReport({ backup: true })], 'doubtful', '1 of 2 origins is out'],
    [[], 'bad', 'No origin'],
    [[well, originReport({ service: 'draining' })], 'good', 'All 2 origins are well'],
    [[originReport({ weight: 0 }), originReport({ service: 'draining' })], 'bad', 'No origin takes requests'],
  ])('%#: %s', (origins, mood, word) => {
    expect(verdictOfAll(statusReport({ origins }))).toMatchObject({ mood, word });
  });

  test('names those that are out', () => {
    expect(verdictOfAll(statusReport({ origins: [well, out] })).why).toBe('b.test:80 ejected');
  });

  test('names three of those that are out, and counts the rest', () => {
    const origins = [well, out, out, out, out, out];
    const named = Array.from({ length: 3 }, () => 'b.test:80 ejected').join(', ');
    expect(verdictOfAll(statusReport({ origins })).why).toBe(`${named}, 2 more`);
  });

  test.each(['draining', 'closed'] as const)('that is %s says so', (state) => {
    expect(verdictOfAll(statusReport({ state })).word).toBe(state);
  });
});
