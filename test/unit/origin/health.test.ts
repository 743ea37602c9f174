import { describe, expect, test } from 'vitest';
import { Health, type HealthState } from '../../../src/origin/health/health.js';
import { ManualClock } from '../../../src/testing/manual-clock.js';

/** When requests began that were sent before any probe. */
const BEFORE = 5000;

function healthOf({ failures = 3, time = 1000, maxTime = 60_000 } = {}) {
  const clock = new ManualClock({ now: 5000 });
  const seen: HealthState['name'][] = [];
  const options = { ejection: { failures, time, maxTime } };
  const health = new Health({ options, clock }, (state) => seen.push(state.name));
  const fail = (times: number) => {
    for (let n = 0; n < times; n++) health.failed('connection_refused', BEFORE);
  };
  return { clock, health, seen, fail };
}

function ejected() {
  const all = healthOf();
  all.fail(3);
  return all;
}

/** Begins a probe. Returns the moment. */
function begunProbe({ clock, health }: { clock: ManualClock; health: Health }): number {
  health.beginProbe(clock.now());
  return clock.now();
}

/** Ejected once, due, and its probe begun. */
function probing() {
  const all = ejected();
  all.clock.advance(1000);
  return { ...all, probe: begunProbe(all) };
}

/** Milliseconds until it accepts again. */
function ejectionMs({ clock, health }: { clock: ManualClock; health: Health }): number {
  return health.state.name === 'ejected' ? health.state.until - clock.now() : 0;
}

describe('healthy', () => {
  test('failures in a row eject', () => {
    const { health, fail, seen } = healthOf();
    fail(2);
    expect(health.accepts()).toBe(true);
    fail(1);
    expect(health.accepts()).toBe(false);
    expect(health.state).toEqual({
      ...{ name: 'ejected', until: 6000, ejections: 1, reason: 'connection_refused' },
      since: 5000,
    });
    expect(seen).toEqual(['ejected']);
  });

  test('a success between them begins the row anew', () => {
    const { health, fail } = healthOf();
    for (let n = 0; n < 10; n++) {
      fail(2);
      health.succeeded(BEFORE);
    }
    expect(health.state).toMatchObject({ name: 'healthy', failuresInARow: 0 });
  });

  test('with failures Infinity nothing ejects', () => {
    const { health, fail } = healthOf({ failures: Number.POSITIVE_INFINITY });
    fail(10_000);
    expect(health.accepts()).toBe(true);
  });

  test('it cannot be probed', () => {
    const { clock, health } = healthOf();
    expect(() => health.beginProbe(clock.now())).toThrow('healthy');
  });
});

describe('ejected', () => {
  test('nothing is accepted until its time is past', () => {
    const { clock, health } = ejected();
    clock.advance(999);
    expect(health.accepts()).toBe(false);
    expect(() => health.beginProbe(clock.now())).toThrow('ejected');
    clock.advance(1);
    expect(health.accepts()).toBe(true);
  });

  test('what was sent before and ends now changes nothing', () => {
    const { health, fail, seen } = ejected();
    const before = health.state;
    fail(10);
    health.succeeded(BEFORE);
    expect(health.state).toBe(before);
    expect(seen).toEqual(['ejected']);
  });

  test('asking does not begin the probe', () => {
    const { clock, health } = ejected();
    clock.advance(1000);
    for (let n = 0; n < 3; n++) expect(health.accepts()).toBe(true);
    expect(health.state.name).toBe('ejected');
  });
});

describe('probing', () => {
  test('one request is let through', () => {
    const { clock, health, seen } = probing();
    expect(health.accepts()).toBe(false);
    expect(() => health.beginProbe(clock.now())).toThrow('probing');
    expect(seen).toEqual(['ejected', 'probing']);
  });

  test('its success readmits', () => {
    const { health, probe, seen } = probing();
    health.succeeded(probe);
    expect(health.state).toMatchObject({ name: 'healthy', failuresInARow: 0 });
    expect(seen).toEqual(['ejected', 'probing', 'healthy']);
  });

  test('its failure ejects for twice as long', () => {
    const all = probing();
    all.health.failed('http_response_timeout', all.probe);
    expect(all.health.state).toMatchObject({ name: 'ejected', ejections: 2, reason: 'http_response_timeout' });
    expect(ejectionMs(all)).toBe(2000);
  });

  test('all the while it is known since when it is not healthy', () => {
    const all = probing();
    const duringProbe = all.health.state;
    all.health.failed('http_response_timeout', all.probe);
    expect([duringProbe, all.health.state]).toMatchObject([{ since: 5000 }, { since: 5000 }]);
  });

  test('only its own verdict counts, not that of older requests', () => {
    const { health, fail } = probing();
    fail(5);
    health.succeeded(BEFORE);
    expect(health.state.name).toBe('probing');
  });

  test('when it ends without a verdict the next may begin at once', () => {
    const { health, probe } = probing();
    health.gaveNoVerdict(probe);
    expect(health.state).toMatchObject({ name: 'ejected', ejections: 1, reason: 'connection_refused' });
    expect(health.accepts()).toBe(true);
    health.beginProbe(probe);
    expect(health.state.name).toBe('probing');
  });

  test('its end after the verdict changes nothing', () => {
    const { health, probe, seen } = probing();
    health.succeeded(probe);
    health.gaveNoVerdict(probe);
    expect(seen).toEqual(['ejected', 'probing', 'healthy']);
  });

  test('one that is never heard of again does not lock the origin out', () => {
    const { clock, health, probe, seen } = probing();
    clock.advance(59_999);
    expect(health.accepts()).toBe(false);
    clock.advance(1);
    const second = begunProbe({ clock, health });
    health.failed('http_response_timeout', probe);
    health.gaveNoVerdict(probe);
    expect(health.state.name).toBe('probing');
    health.succeeded(second);
    expect(seen).toEqual(['ejected', 'probing', 'healthy']);
  });
});

describe('length of an ejection', () => {
  test('it doubles with each failed probe up to maxTime', () => {
    const all = ejected();
    const lengths = Array.from({ length: 9 }, () => {
      const ms = ejectionMs(all);
      all.clock.advance(ms);
      all.health.failed('connection_refused', begunProbe(all));
      return ms;
    });
    expect(lengths).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test('an origin that fails soon after it was readmitted is ejected for twice as long', () => {
    const all = probing();
    all.health.succeeded(all.probe);
    all.clock.advance(9999);
    all.fail(3);
    expect(ejectionMs(all)).toBe(2000);
  });

  test('a healthy stretch ten times as long as the last ejection is a new start', () => {
    const all = probing();
    all.health.succeeded(all.probe);
    all.clock.advance(10_000);
    all.fail(3);
    expect(ejectionMs(all)).toBe(1000);
  });
});

describe('ejections are forgotten one by one', () => {
  /** Ejected three times in a row, the last time for 4 s, and readmitted. */
  function readmitted() {
    const all = ejected();
    for (let failed = 0; failed < 2; failed += 1) {
      all.clock.advance(ejectionMs(all));
      all.health.failed('connection_refused', begunProbe(all));
    }
    all.clock.advance(ejectionMs(all));
    all.health.succeeded(begunProbe(all));
    return all;
  }

  test('each after ten times its length', () => {
    const { clock, health } = readmitted();
    const left = [39_999, 1, 19_999, 1, 9_999, 1].map((ms) => {
      clock.advance(ms);
      return health.ejections;
    });
    expect(left).toEqual([3, 2, 2, 1, 1, 0]);
  });

  test('the next ejection is as long as what is left says', () => {
    const all = readmitted();
    all.clock.advance(40_000);
    all.fail(3);
    expect([all.health.ejections, ejectionMs(all)]).toEqual([3, 4_000]);
  });
});

describe('down', () => {
  test.each([
    ['healthy', () => healthOf()],
    ['ejected', ejected],
    ['probing', probing],
  ])('checks that fail take down what is %s', (_name, make) => {
    const { health, clock } = make();
    health.fell('check_timeout');
    clock.advance(1_000_000);
    expect([health.state.name, health.accepts()]).toEqual(['down', false]);
    expect(() => health.beginProbe(clock.now())).toThrow('down');
  });

  test('no request changes it, only good checks do', () => {
    const { health, fail, seen } = healthOf();
    health.fell('check_timeout');
    fail(10);
    health.succeeded(BEFORE);
    health.eject('low_success_rate');
    health.fell('check_status_503');
    const down = health.state;
    health.rose();
    expect(down).toEqual({ name: 'down', ejections: 0, reason: 'check_timeout', since: 5000 });
    expect(seen).toEqual(['down', 'healthy']);
  });

  test('good checks do not end an ejection', () => {
    const { health } = ejected();
    health.rose();
    expect(health.state.name).toBe('ejected');
  });

  test('a probe that began before tells nothing any more', () => {
    const { health, probe } = probing();
    health.fell('check_timeout');
    health.succeeded(probe);
    health.failed('connection_refused', probe);
    health.gaveNoVerdict(probe);
    expect(health.state).toEqual({ name: 'down', ejections: 1, reason: 'check_timeout', since: 5000 });
  });
});
