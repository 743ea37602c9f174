import { describe, expect, test } from 'vitest';
import { COLUMN_MS, History } from '../../../src/status/history.js';
import { BINS, binOf, boundMs, HISTORY_MS, MOST_ORIGINS } from '../../../src/status/report.js';
import { backendStats, originStats } from './setting.js';

const A = 'http://a.test:80';
const latencyOf = (history: History) => history.columns.at(-1)?.origins[0]?.latency;

describe('bins', () => {
  test('a duration lies between the bounds of its bin', () => {
    for (const ms of [0, 0.2, 0.25, 0.26, 1, 3, 100, 4_999, 46_000, 1e9]) {
      const bin = binOf(ms);
      if (bin > 0) expect(ms).toBeGreaterThan(boundMs(bin - 1));
      if (bin < BINS - 1) expect(ms).toBeLessThanOrEqual(boundMs(bin));
    }
  });

  test('what is no duration is in the first', () => {
    expect([binOf(Number.NaN), binOf(-1)]).toEqual([0, 0]);
  });
});

describe('a column', () => {
  test('has the counts of its end', () => {
    const history = new History();
    const origin = originStats({
      ...{ requests: 7, reused: 5, dialled: 2, resent: { unsent: 1, status: 2 } },
      delivery: { unsent: 1, unknown: 3, answered: 4 },
      aborted: { unsent: 0, unknown: 1, answered: 1 },
      connections: { open: 4, idle: 1, busy: 3, dialling: 0, spare: 0, checking: 0, max: 10 },
    });
    const refused = { full: 1, hopeless: 2, displaced: 0, timeout: 3 };
    const queue = { length: 9, max: 10, waits: 20, overloaded: false, refused };
    expect(history.close(1000, backendStats({ origins: [origin], inFlight: 12, queue }))).toEqual({
      ...{ at: 1000, inFlight: 12, queue: 9, refused: 6 },
      origins: [
        {
          origin: A,
          ...{ requests: 7, reused: 5, resent: 3, failed: 6, dialled: 2, busy: 3, open: 4 },
          latency: { from: 0, counts: [] },
        },
      ],
    });
  });

  test('has the latencies since the one before, without the empty bins on both sides', () => {
    const history = new History();
    for (const ms of [1, 1, 2]) history.answered(A, ms);
    history.close(0, backendStats());
    expect(latencyOf(history)).toEqual({ from: binOf(1), counts: [2, 0, 1] });
    history.answered(A, 1);
    history.close(COLUMN_MS, backendStats());
    expect(latencyOf(history)).toEqual({ from: binOf(1), counts: [1] });
  });

  test('is not closed before its time', () => {
    const history = new History();
    history.close(0, backendStats());
    expect([history.close(1000, backendStats()), history.columns.length]).toEqual([undefined, 1]);
  });

  test('that was interrupted has none of the latencies before', () => {
    const history = new History();
    history.answered(A, 1);
    history.interrupt();
    history.close(0, backendStats());
    expect(latencyOf(history)).toEqual({ from: 0, counts: [] });
  });
});

describe('the history', () => {
  test('is ten minutes long', () => {
    const history = new History();
    for (let at = 0; at < 2 * HISTORY_MS; at += COLUMN_MS) history.close(at, backendStats());
    expect(history.columns.length).toBe(HISTORY_MS / COLUMN_MS);
    expect(history.columns[0]?.at).toBe(HISTORY_MS);
  });

  test('begins anew when the clock was set back', () => {
    const history = new History();
    history.close(1_000_000, backendStats());
    history.close(5_000, backendStats());
    expect(history.columns.map(({ at }) => at)).toEqual([5_000]);
  });

  test('is in order after the clock was set back a little', () => {
    const history = new History();
    for (const at of [10_000, 12_000, 14_000, 16_000, 13_000, 15_000]) history.close(at, backendStats());
    expect(history.columns.map(({ at }) => at)).toEqual([10_000, 12_000, 13_000, 15_000]);
  });

  test('is of so many origins at the most', () => {
    const history = new History();
    const origins = Array.from({ length: MOST_ORIGINS + 9 }, (_, n) => originStats({ origin: `http://${n}.test:80` }));
    for (const { origin } of origins) history.answered(origin, 1);
    expect(history.close(0, backendStats({ origins }))?.origins.length).toBe(MOST_ORIGINS);
  });

  test('has latencies of origins that come when many others were there before them', () => {
    const history = new History();
    for (let n = 0; n < MOST_ORIGINS; n += 1) history.answered(`http://gone${n}.test:80`, 1);
    history.close(0, backendStats());
    history.answered(A, 1);
    history.close(COLUMN_MS, backendStats());
    expect(latencyOf(history)).toEqual({ from: binOf(1), counts: [1] });
  });
});
