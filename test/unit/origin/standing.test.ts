import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { BackendEvents } from '../../../src/observe/events.js';
import { Observer } from '../../../src/observe/observer.js';
import { Standing } from '../../../src/origin/health/standing.js';
import { ManualClock } from '../../../src/testing/index.js';
import { Deadlines } from '../../../src/time/deadlines.js';

function standing() {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const emitter = new EventEmitter<BackendEvents>();
  const told: unknown[] = [];
  emitter.on('eject', (details) => told.push(['eject', details]));
  emitter.on('probe', (details) => told.push(['probe', details]));
  emitter.on('readmit', (details) => told.push(['readmit', details]));
  const observer = new Observer(emitter, undefined, clock);
  const ejection = { failures: 2, time: 1_000, maxTime: 60_000, statuses: [500], outliers: {} };
  const due: number[] = [];
  const onDue = () => due.push(clock.now());
  const one = new Standing(
    'http://a.test:80',
    { clock, deadlines, observer, options: { ejection, slowStart: 10_000 } },
    { due: onDue, changed: () => {} },
  );
  const eject = () => {
    one.failed('connection_refused');
    one.failed('connection_refused');
  };
  return { clock, deadlines, told, due, one, eject };
}

test('failures in a row eject, and whoever watches is told for how long and why', () => {
  const { one, told, eject } = standing();
  eject();
  expect(one.accepts).toBe(false);
  expect(told).toEqual([['eject', { origin: 'http://a.test:80', reason: 'connection_refused', forMs: 1_000 }]]);
});

test('a success in between forgives', () => {
  const { one } = standing();
  one.failed('connection_refused');
  one.answered(200, 0);
  one.failed('connection_refused');
  expect(one.accepts).toBe(true);
});

test('each change of its state is told: out, tried, out for longer, tried, back', () => {
  const { clock, one, told, eject } = standing();
  const origin = 'http://a.test:80';
  eject();
  clock.advance(1_000);
  one.begin();
  one.failed('connection_timeout');
  clock.advance(2_000);
  one.begin();
  one.answered(200, clock.now());
  expect(told).toEqual([
    ['eject', { origin, reason: 'connection_refused', forMs: 1_000 }],
    ['probe', { origin, reason: 'connection_refused' }],
    ['eject', { origin, reason: 'connection_timeout', forMs: 2_000 }],
    ['probe', { origin, reason: 'connection_timeout' }],
    ['readmit', { origin }],
  ]);
});

describe('when the ejection is over', () => {
  test('it says so', () => {
    const { clock, due, eject } = standing();
    eject();
    clock.advance(10_000);
    expect(due).toEqual([1_000]);
  });

  test('it does not when it was closed before', () => {
    const { clock, deadlines, due, one, eject } = standing();
    eject();
    one.close();
    clock.advance(10_000);
    expect([due, deadlines.size]).toEqual([[], 0]);
  });

  test('one request is the probe, and no other may go', () => {
    const { clock, one, eject } = standing();
    eject();
    clock.advance(1_000);
    const before = one.accepts;
    one.begin();
    expect([before, one.accepts]).toEqual([true, false]);
  });

  test('a probe that succeeds readmits, and that is told', () => {
    const { clock, one, told, eject } = standing();
    eject();
    clock.advance(1_000);
    one.begin();
    one.answered(200, clock.now());
    expect([one.accepts, told.at(-1)]).toEqual([true, ['readmit', { origin: 'http://a.test:80' }]]);
  });

  test.each<[string, (one: Standing, begunAt: number) => void]>([
    ['is answered well', (one, begunAt) => one.answered(200, begunAt)],
    ['fails', (one, begunAt) => one.failed('http_response_timeout', begunAt)],
    ['tells nothing', (one, begunAt) => one.gaveNoVerdict(begunAt)],
    ['is answered in vain', (one, begunAt) => one.answeredInVain(500, begunAt)],
  ])('a request that was sent before the probe is none: one that %s', (_, end) => {
    const { clock, one, eject } = standing();
    eject();
    clock.advance(1_000);
    one.begin();
    clock.advance(1);
    end(one, 999);
    expect(one.state.name).toBe('probing');
    end(one, 1_000);
    expect(one.state.name).not.toBe('probing');
  });

  test('a probe that fails ejects for twice as long', () => {
    const { clock, one, told, due, eject } = standing();
    eject();
    clock.advance(1_000);
    one.begin();
    one.failed('connection_timeout');
    expect(told.at(-1)).toEqual(['eject', { origin: 'http://a.test:80', reason: 'connection_timeout', forMs: 2_000 }]);
    clock.advance(10_000);
    expect(due).toEqual([1_000, 3_000]);
  });

  test('a probe that tells nothing leaves the way to the next, and is no news but for its beginning', () => {
    const { clock, one, told, eject } = standing();
    eject();
    clock.advance(1_000);
    one.begin();
    one.gaveNoVerdict();
    expect([one.accepts, told.length]).toEqual([true, 2]);
  });
});

describe('a status that counts as a failure', () => {
  test('ejects in a row, by its name', () => {
    const { one, told } = standing();
    one.answered(500, 0);
    one.answered(500, 0);
    expect(told).toEqual([['eject', { origin: 'http://a.test:80', reason: 'status_500', forMs: 1_000 }]]);
  });

  test('ejects where the request is sent again for it', () => {
    const { one } = standing();
    one.answeredInVain(500, 0);
    one.answeredInVain(500, 0);
    expect(one.accepts).toBe(false);
  });

  test('forgives nothing, while another status does', () => {
    const { one } = standing();
    one.failed('connection_refused');
    one.answered(503, 0);
    one.failed('connection_refused');
    expect(one.accepts).toBe(true);
  });
});

test('a status for which the request is sent again does not readmit', () => {
  const { clock, one, eject } = standing();
  eject();
  clock.advance(1_000);
  one.begin();
  one.answeredInVain(503, clock.now());
  expect(one.state.name).toBe('ejected');
});

describe('a window', () => {
  test('counts each request once, one whose response broke off too', () => {
    const { one } = standing();
    one.answered(200, 0);
    one.answered(200, 0);
    one.failed('http_response_incomplete', 0, true);
    one.answered(500, 0);
    one.failed('http_response_timeout');
    expect(one.endWindow()).toMatchObject({ requests: 4, failures: 3 });
  });

  test('has the mean time of what was answered well', () => {
    const { one, clock } = standing();
    clock.advance(100);
    one.answered(200, 60);
    one.answered(200, 80);
    one.answered(500, 0);
    expect([one.endWindow().latencyMs, one.endWindow().latencyMs]).toEqual([30, undefined]);
  });

  test('begins anew when the last is taken', () => {
    const { one } = standing();
    one.answered(500, 0);
    one.endWindow();
    expect(one.endWindow()).toMatchObject({ requests: 0, failures: 0 });
  });

  test('a response that breaks off in the window after its head is a request of that window', () => {
    const { one } = standing();
    one.answered(200, 0);
    one.endWindow();
    one.failed('http_response_incomplete', 0, true);
    expect(one.endWindow()).toMatchObject({ requests: 1, failures: 1 });
  });
});

test('an outlier is ejected whatever its failures in a row, and one that is ejected already stays as it is', () => {
  const { one, told } = standing();
  one.eject('low_success_rate');
  one.eject('low_success_rate');
  expect(told).toEqual([['eject', { origin: 'http://a.test:80', reason: 'low_success_rate', forMs: 1_000 }]]);
});

test('how long a probe may take holds for the ejection of a slow origin, not for a later one of another kind', () => {
  const { clock, one, eject } = standing();
  const probe = (latencyMs: number) => {
    clock.advance(Math.max(0, one.acceptsAt - clock.now()));
    const begunAt = clock.now();
    one.begin();
    clock.advance(latencyMs);
    one.answered(200, begunAt);
    return one.state.name;
  };
  one.ejectSlow(100);
  const states = [probe(101), probe(99)];
  eject();
  expect([...states, probe(101)]).toEqual(['ejected', 'healthy', 'healthy']);
});
