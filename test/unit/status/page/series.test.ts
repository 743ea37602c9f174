import { describe, expect, test } from 'vitest';
import { latencies, levels, rates, reuse, stretchOf, values } from '../../../../src/status/page/series.js';
import { type Column, MOST_ORIGINS, type OriginColumn } from '../../../../src/status/report.js';

function column(at: number, ...origins: Partial<OriginColumn>[]): Column {
  const zero = { requests: 0, reused: 0, resent: 0, failed: 0, dialled: 0, busy: 0, open: 0 };
  return {
    ...{ at, inFlight: 0, queue: 0, refused: 0 },
    origins: origins.map((one, n) => ({ origin: `${n}`, ...zero, latency: { from: 0, counts: [] }, ...one })),
  };
}

describe('rates', () => {
  const columns = [
    column(0, { requests: 100 }, { requests: 10 }),
    column(2000, { requests: 300 }, { requests: 20 }),
    column(4000, { requests: 300 }, { requests: 60 }),
  ];

  test('are what a counter grew by in each second, of one origin or of all', () => {
    expect(rates(columns, '0', 'requests').map(({ value }) => value)).toEqual([100, 0]);
    expect(rates(columns, 'all', 'requests').map(({ value }) => value)).toEqual([105, 20]);
  });

  test('are not known over a time that nobody watched', () => {
    const later = [...columns, column(60_000, { requests: 9000 }), column(62_000, { requests: 9002 })];
    expect(rates(later, '0', 'requests').map(({ value }) => value)).toEqual([100, 0, undefined, 1]);
  });

  test('are never below zero: a counter that fell is of another process', () => {
    expect(rates([column(0, { requests: 9 }), column(2000, { requests: 1 })], '0', 'requests')[0]?.value).toBe(0);
  });
});

test('rates and latencies of an origin are its own when another one goes, and all lose nothing by that', () => {
  const latency = { from: 3, counts: [1] };
  const columns = [
    column(0, { origin: 'old', requests: 100 }, { origin: 'stays', requests: 9000, latency }),
    column(2000, { origin: 'stays', requests: 9020 }, { origin: 'new', requests: 2 }),
  ];
  expect(['stays', 'new', 'all'].map((scope) => rates(columns, scope, 'requests')[0]?.value)).toEqual([10, 1, 11]);
  expect(latencies(columns, 'stays')[0]?.parts).toEqual([latency]);
});

test('an origin that takes the place of another in a full column has not had all its requests in that moment', () => {
  const origins = Array.from({ length: MOST_ORIGINS + 1 }, (_, n) => ({ origin: `o${n}`, requests: 9000 }));
  const columns = [column(0, ...origins.slice(0, MOST_ORIGINS)), column(2000, ...origins.slice(1))];
  expect(['all', `o${MOST_ORIGINS}`].map((scope) => rates(columns, scope, 'requests')[0]?.value)).toEqual([0, 0]);
});

test('reuse is a share, and unknown without requests', () => {
  const columns = [
    column(0, { requests: 0, reused: 0 }),
    column(2000, { requests: 10, reused: 9 }),
    column(4000, { requests: 10, reused: 9 }),
  ];
  expect(reuse(columns, '0').map(({ value }) => value)).toEqual([0.9, undefined]);
});

test('levels and values are those of the moment, with a break where nobody watched', () => {
  const columns = [column(0, { busy: 1 }), column(2000, { busy: 3 }), column(90_000, { busy: 2 })];
  expect(levels(columns, 'all', 'busy').map(({ value }) => value)).toEqual([1, 3, undefined, 2]);
  expect(values(columns, ({ at }) => at).map(({ value }) => value)).toEqual([0, 2000, undefined, 90_000]);
});

test.each([
  [0, 30_000],
  [31_000, 60_000],
  [200_000, 300_000],
  [600_000, 600_000],
  [900_000, 600_000],
])('a history of %i ms is drawn on a stretch of %i ms', (span, stretch) => {
  expect(stretchOf([column(1000)], 1000 + span)).toEqual({ from: 1000 + span - stretch, to: 1000 + span });
});
