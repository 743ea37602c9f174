import { describe, expect, test } from 'vitest';
import { findOutliers, findSlow, OutlierWatch } from '../../../src/dispatch/choice/outliers.js';
import { MemoryBackend } from '../../memory-backend.js';

const LIMITS = { requests: 100, origins: 3, deviations: 1.4, margin: 0.05, slowness: 3 };

/** Origins with a thousand requests each, of which so many failed. */
function failing(...failures: number[]) {
  return failures.map((count) => ({ requests: 1000, failures: count, latencyMs: 10 }));
}

describe('an origin is an outlier', () => {
  test('when its success rate is below the mean by more than the deviations', () => {
    expect(findOutliers(failing(0, 0, 330, 0), LIMITS)).toEqual([2]);
  });

  test('worst first', () => {
    const limits = { ...LIMITS, deviations: 1.2 };
    expect(findOutliers(failing(0, 300, 0, 400, 0, 0, 0), limits)).toEqual([3, 1]);
  });

  test('not when it is below by exactly as much: of n, one alone is √(n − 1) deviations away', () => {
    const five = failing(0, 0, 0, 0, 500);
    const found = [1.99, 2.01].map((deviations) => findOutliers(five, { ...LIMITS, deviations }));
    expect(found).toEqual([[4], []]);
  });

  test('not when it is within the margin, however small the deviation', () => {
    expect(findOutliers(failing(0, 0, 60, 0), LIMITS)).toEqual([]);
    expect(findOutliers(failing(0, 0, 70, 0), LIMITS)).toEqual([2]);
  });

  test('not when all fail alike', () => {
    expect(findOutliers(failing(900, 900, 900, 900), LIMITS)).toEqual([]);
  });

  test('not when it had too few requests', () => {
    expect(findOutliers([...failing(0, 0, 0), { requests: 99, failures: 99, latencyMs: undefined }], LIMITS)).toEqual(
      [],
    );
  });

  test('not when too few others had enough of them', () => {
    const idle = { requests: 99, failures: 0, latencyMs: 10 };
    expect(findOutliers([...failing(0, 330), idle, idle], LIMITS)).toEqual([]);
  });
});

describe('an origin is too slow', () => {
  const taking = (...latencies: (number | undefined)[]) =>
    latencies.map((latencyMs) => ({ requests: 1_000, failures: 0, latencyMs }));

  test('when it takes more than so many times the median of the others', () => {
    expect(findSlow(taking(10, 12, 14, 37), LIMITS)).toEqual([{ position: 3, mostMs: 36 }]);
    expect(findSlow(taking(10, 12, 14, 36), LIMITS)).toEqual([]);
  });

  test('the slowest first, and one does not hide the other', () => {
    expect(findSlow(taking(10, 100, 10, 200, 10), LIMITS).map(({ position }) => position)).toEqual([3, 1]);
  });

  test('by the median of the others alone, whatever its place among them', () => {
    const limits = { ...LIMITS, slowness: 1 };
    expect(findSlow(taking(10, 30, 20, 40), limits)).toEqual([
      { position: 3, mostMs: 20 },
      { position: 1, mostMs: 20 },
    ]);
    expect(findSlow(taking(50, 10, 30, 20, 40), limits)).toEqual([
      { position: 0, mostMs: 25 },
      { position: 4, mostMs: 25 },
    ]);
  });

  test('and that is found of very many in a moment', () => {
    const many = taking(...Array.from({ length: 10_000 }, (_, n) => 10 + (n % 7)), 60);
    expect(findSlow(many, LIMITS)).toEqual([{ position: 10_000, mostMs: 39 }]);
  });

  test('not when too few had enough requests', () => {
    expect(findSlow(taking(10, 500), LIMITS)).toEqual([]);
    expect(findSlow(taking(10, 500, 10), LIMITS)).toHaveLength(1);
  });

  test('not when it had too few requests, or none that was answered', () => {
    const few = { requests: 99, failures: 0, latencyMs: 500 };
    expect(findSlow([...taking(10, 10, 10, undefined), few], LIMITS)).toEqual([]);
  });

  test('not when nobody asks', () => {
    expect(findSlow(taking(10, 10, 10, 900), { ...LIMITS, slowness: false })).toEqual([]);
  });
});

describe('at the end of each window', () => {
  /** A backend of four, watched, of which these have so many failures of 1,000 requests. */
  async function watched(...failures: number[]) {
    const outliers = { window: 10_000, ...LIMITS, deviations: 0.5 };
    const origins = failures.map((_, index) => `http://${index}.test`);
    const backend = await MemoryBackend.open({
      origins,
      ejection: { failures: Number.POSITIVE_INFINITY, statuses: [500], outliers },
    });
    const watch = new OutlierWatch({ outliers, maxEjected: 0.5 }, backend.deadlines, () => backend.origins);
    const traffic = () => {
      for (const [index, count] of failures.entries()) {
        for (let n = 0; n < 1_000; n += 1)
          backend.origin(index).standing.answered(n < count ? 500 : 200, backend.clock.now());
      }
    };
    return { backend, watch, traffic };
  }

  test('outliers are ejected, as far as the share that may be out allows', async () => {
    const { backend, traffic } = await watched(500, 600, 550, 0, 0, 0, 0);
    traffic();
    await backend.advance(10_000);
    expect(backend.eventsOf('eject')).toMatchObject([
      { origin: 'http://1.test:80', reason: 'low_success_rate' },
      { origin: 'http://2.test:80', reason: 'low_success_rate' },
      { origin: 'http://0.test:80', reason: 'low_success_rate' },
    ]);
  });

  test('what is out already counts towards the share', async () => {
    const { backend, traffic } = await watched(500, 600, 0, 0);
    backend.origin(3).standing.eject('connection_refused');
    traffic();
    await backend.advance(10_000);
    expect(backend.eventsOf('eject').slice(1)).toMatchObject([{ origin: 'http://1.test:80' }]);
    expect(backend.origin(0).standing.state.name).toBe('healthy');
  });

  test('an origin that is too slow is ejected, and is back when it is as fast as it may be', async () => {
    const { backend } = await watched(0, 0, 0, 0);
    const begunAt = backend.clock.now();
    await backend.advance(10);
    for (const { standing } of backend.origins) for (let n = 0; n < 1_000; n += 1) standing.answered(200, begunAt);
    const { standing } = backend.origin(2);
    await backend.advance(90);
    for (let n = 0; n < 1_000; n += 1) standing.answered(200, begunAt);
    await backend.advance(10_000);
    expect(backend.eventsOf('eject')).toMatchObject([{ origin: 'http://2.test:80', reason: 'slow', forMs: 1_000 }]);

    const probe = async (tookMs: number) => {
      const at = backend.clock.now();
      standing.begin();
      await backend.advance(tookMs);
      standing.answered(200, at);
      return standing.state.name;
    };
    await backend.advance(1_000);
    const slow = await probe(31); // more than 3 times the 10 ms of the others
    await backend.advance(2_000);
    expect([slow, await probe(29)]).toEqual(['ejected', 'healthy']);
  });

  test('the next window begins without what was counted', async () => {
    const { backend, traffic } = await watched(500, 0, 0, 0);
    traffic();
    await backend.advance(10_000);
    const origin = backend.origin(0);
    origin.standing.begin();
    await backend.advance(1_000);
    origin.standing.begin();
    origin.standing.answered(200, backend.clock.now());
    await backend.advance(20_000);
    expect(backend.eventsOf('eject')).toHaveLength(1);
  });

  test('nothing happens once it is closed', async () => {
    const { backend, watch, traffic } = await watched(500, 0, 0, 0);
    traffic();
    watch.close();
    await backend.advance(20_000);
    expect(backend.eventsOf('eject')).toEqual([]);
  });
});
