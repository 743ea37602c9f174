import { describe, expect, test } from 'vitest';
import { Store } from '../../../../src/status/page/store.js';
import type { ConnectionStats, StatusReport } from '../../../../src/status/report.js';
import { originReport, statusReport } from '../setting.js';

const A = 'http://a.test:80';
const slot = (index: number, exchanges: number): ConnectionStats => {
  return { slot: index, state: 'idle', exchanges, ageMs: 0, idleMs: 0 };
};
const at = (time: number, changes: Parameters<typeof originReport>[0], pid = 1): StatusReport =>
  statusReport({ at: time, origins: [originReport(changes)], process: { pid, node: 'v20' } });

describe('the pace', () => {
  test('is that of the last seconds', () => {
    const store = new Store();
    store.all({ ...at(0, { requests: 0 }), history: [], news: [] });
    for (let second = 1; second <= 20; second += 1) {
      store.tick({ report: at(second * 1000, { requests: second < 10 ? 0 : (second - 10) * 7 }) });
    }
    expect(store.pace()).toMatchObject({ requests: 7 });
    expect(store.pace(A)).toMatchObject({ requests: 7 });
  });

  test('begins anew with another process', () => {
    const store = new Store();
    store.tick({ report: at(0, { requests: 9000 }) });
    store.tick({ report: at(1000, { requests: 5 }, 2) });
    store.tick({ report: at(2000, { requests: 15 }, 2) });
    expect(store.pace().requests).toBe(10);
  });

  test('begins anew when the clock of the server was set back', () => {
    const store = new Store();
    store.tick({ report: at(3_600_000, { requests: 0 }) });
    store.tick({ report: at(1000, { requests: 10 }) });
    store.tick({ report: at(2000, { requests: 20 }) });
    expect(store.pace().requests).toBe(10);
  });
});

test('the pace of an origin is its own when others go and come', () => {
  const [old, stays, comes] = ['http://old.test:80', A, 'http://new.test:80'];
  const report = (time: number, ...origins: readonly [string, number][]) => ({
    report: statusReport({
      at: time,
      origins: origins.map(([origin, requests]) => originReport({ origin, requests })),
    }),
  });
  const store = new Store();
  store.tick(report(0, [old, 100], [stays, 9000]));
  store.tick(report(1000, [stays, 9010], [comes, 5]));
  expect([store.pace(stays), store.pace(comes), store.pace()].map(({ requests }) => requests)).toEqual([10, 5, 15]);
});

describe('the work of a connection', () => {
  test('is beside that of the one which worked hardest', () => {
    const store = new Store();
    store.tick({ report: at(0, { slots: [slot(0, 10), slot(1, 10), slot(2, 10)] }) });
    store.tick({ report: at(1000, { slots: [slot(0, 110), slot(1, 35), slot(2, 10)] }) });
    expect([0, 1, 2, 3].map((index) => store.workOf(A, index))).toEqual([1, 0.5, 0, 0]);
  });

  test('stays when the same report comes again', () => {
    const store = new Store();
    store.tick({ report: at(0, { slots: [slot(0, 10)] }) });
    for (const _again of [1, 2]) store.tick({ report: at(1000, { slots: [slot(0, 110)] }) });
    expect(store.workOf(A, 0)).toBe(1);
  });

  test('of a new one in the place of another is all that it did', () => {
    const store = new Store();
    store.tick({ report: at(0, { slots: [slot(0, 1000), slot(1, 0)] }) });
    store.tick({ report: at(1000, { slots: [slot(0, 4), slot(1, 4)] }) });
    expect([store.workOf(A, 0), store.workOf(A, 1)]).toEqual([1, 1]);
  });
});

test('a snapshot has the report, the history and the news', () => {
  const store = new Store();
  expect(store.snapshot).toBeUndefined();
  const column = { at: 5, inFlight: 0, queue: 0, refused: 0, origins: [] };
  store.all({ ...at(0, {}), history: [], news: [] });
  store.tick({ report: at(10, {}), column });
  expect(store.snapshot).toMatchObject({ at: 10, history: [column], news: [] });
});
