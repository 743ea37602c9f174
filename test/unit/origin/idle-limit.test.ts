import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IdleLimit } from '../../../src/origin/idle-limit.js';
import { ManualClock } from '../../../src/testing/manual-clock.js';

const MINUTE = 60_000;

function limitOf(keepAliveTimeout = MINUTE) {
  const clock = new ManualClock();
  const setting = { options: { keepAliveTimeout }, clock };
  return { clock, setting, limit: new IdleLimit(setting) };
}

/** A limit that has learned from a 408. */
function learned(ageMs: number, keepAliveTimeout = MINUTE) {
  const { clock, limit } = limitOf(keepAliveTimeout);
  limit.used.answered408(ageMs);
  return { clock, limit };
}

describe('the limit', () => {
  test('it is what was configured, as long as nothing else is known', () => {
    const { limit } = limitOf(7000);
    expect(limit.snapshot).toEqual({ configured: 7000, hinted: null, learned: null, effective: 7000 });
  });

  test('it is another from the moment on at which another is configured', () => {
    const { limit, setting } = limitOf(7000);
    setting.options = { keepAliveTimeout: 500 };
    expect(limit.snapshot).toEqual({ configured: 500, hinted: null, learned: null, effective: 500 });
  });

  test('a hint lowers it, less a margin of one second or half the age', () => {
    const { limit } = limitOf();
    limit.hint(5000);
    expect(limit.effectiveMs).toBe(4000);
    limit.hint(1000);
    expect(limit.effectiveMs).toBe(500);
    expect(limit.snapshot.hinted).toBe(1000);
  });

  test('the latest hint counts, also when it is longer', () => {
    const { limit } = limitOf();
    limit.hint(2000);
    limit.hint(30_000);
    expect(limit.effectiveMs).toBe(29_000);
    limit.hint(600_000);
    expect(limit.effectiveMs).toBe(MINUTE);
  });

  test('a hint of zero leaves only the hand-over without idling', () => {
    const { limit } = limitOf();
    limit.hint(0);
    expect(limit.effectiveMs).toBe(0);
  });

  test('it is the least of configured, hinted and learned', () => {
    const { limit } = limitOf(10_000);
    limit.hint(8000);
    limit.used.answered408(6000);
    expect(limit.snapshot).toEqual({ configured: 10_000, hinted: 8000, learned: 6000, effective: 5000 });
    limit.hint(4000);
    expect(limit.effectiveMs).toBe(3000);
  });

  test('without a configured limit only hints and what was learned count', () => {
    const { clock, limit } = limitOf(Number.POSITIVE_INFINITY);
    expect(limit.effectiveMs).toBe(Number.POSITIVE_INFINITY);
    limit.used.answered408(6000);
    expect(limit.effectiveMs).toBe(5000);
    clock.advance(2000 * MINUTE);
    expect(limit.snapshot).toMatchObject({ learned: null, effective: Number.POSITIVE_INFINITY });
  });
});

describe('learning from closes', () => {
  test('one close teaches nothing', () => {
    const { limit } = limitOf();
    limit.used.closedAt(5000);
    expect(limit.snapshot.learned).toBeNull();
  });

  test.each([5000, 4000, 6000])('a second one at %i ms, a second after one at 5000 ms, lowers the limit', (ageMs) => {
    const { clock, limit } = limitOf();
    limit.used.closedAt(5000);
    clock.advance(1000);
    limit.used.closedAt(ageMs);
    expect(limit.snapshot.learned).toBe(Math.min(5000, ageMs));
  });

  test.each([3900, 6300])('a second one at %i ms does not agree with one at 5000 ms', (ageMs) => {
    const { clock, limit } = limitOf();
    limit.used.closedAt(5000);
    clock.advance(1000);
    limit.used.closedAt(ageMs);
    expect(limit.snapshot.learned).toBeNull();
  });

  test('a restart, which closes all of the same age at once, is not a timer', () => {
    const { clock, limit } = limitOf();
    for (let n = 0; n < 100; n++) {
      limit.used.closedAt(3000 + n);
      clock.advance(9);
    }
    expect(limit.effectiveMs).toBe(MINUTE);
  });

  test('two restarts that close all ages at once are not a timer', () => {
    const { clock, limit } = limitOf();
    for (let restart = 0; restart < 2; restart++) {
      for (let n = 0; n < 100; n++) limit.used.closedAt(((n * 37) % 100) * 100);
      clock.advance(30_000);
    }
    expect(limit.effectiveMs).toBe(MINUTE);
  });

  test('closes that go on over a second at the same age are a timer', () => {
    const { clock, limit } = limitOf();
    for (let n = 0; n < 6; n++) {
      limit.used.closedAt(5000 + n);
      clock.advance(300);
    }
    expect(limit.snapshot.learned).toBe(5000);
  });

  test('a timer is seen between closes of other ages', () => {
    const { clock, limit } = limitOf();
    for (const ageMs of [5000, 20_000, 9000, 5100]) {
      limit.used.closedAt(ageMs);
      clock.advance(2000);
    }
    expect(limit.snapshot.learned).toBe(5000);
  });

  test('a close is remembered over three of other ages, and not over four', () => {
    for (const [between, expected] of [
      [[20_000, 9_000, 14_000], 5000],
      [[20_000, 9_000, 14_000, 30_000], null],
    ] as const) {
      const { clock, limit } = limitOf();
      for (const ageMs of [5000, ...between, 5000]) {
        limit.used.closedAt(ageMs);
        clock.advance(2000);
      }
      expect(limit.snapshot.learned).toBe(expected);
    }
  });

  test('a restart lasts as long as closes follow each other within a second', () => {
    const { clock, limit } = limitOf();
    for (const ageMs of [5000, 9000, 9000]) {
      limit.used.closedAt(ageMs);
      clock.advance(300);
    }
    clock.advance(1100);
    limit.used.closedAt(9000);
    expect(limit.snapshot.learned).toBeNull();
  });

  test.each([
    [1, 12],
    [5000, 6251],
  ])('closes at %i ms are no timer where others are reused at %i ms', (ageMs, outlivedMs) => {
    const { clock, limit } = limitOf();
    for (let crash = 0; crash < 5; crash++) {
      limit.used.closedAt(ageMs);
      clock.advance(2000);
      limit.used.reused(outlivedMs);
    }
    expect(limit.snapshot.learned).toBeNull();
  });

  test.each([
    [999, null],
    [1000, 5000],
  ])('closes are no timer where dials fail within a second: %i ms later they leave it at %j', (afterMs, learned) => {
    const { clock, limit } = limitOf();
    for (let restart = 0; restart < 3; restart++) {
      limit.used.closedAt(5000);
      clock.advance(afterMs);
      limit.unreachable();
      clock.advance(1000);
    }
    expect(limit.snapshot.learned).toBe(learned);
  });

  test.each([
    [1, 11],
    [5000, 6250],
  ])('closes at %i ms may be one where others are reused at %i ms', (ageMs, outlivedMs) => {
    const { clock, limit } = limitOf();
    limit.used.closedAt(ageMs);
    limit.used.reused(outlivedMs);
    clock.advance(2000);
    limit.used.closedAt(ageMs);
    expect(limit.snapshot.learned).toBe(ageMs);
  });

  test('closes at a greater age never raise what was learned', () => {
    const { clock, limit } = learned(2000);
    limit.used.closedAt(9000);
    clock.advance(1000);
    limit.used.closedAt(9000);
    expect(limit.snapshot.learned).toBe(2000);
  });

  test('an origin that closes after 0 to 10 ms ends with a limit near zero, and it stays there', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 40 }), (ages) => {
        const { clock, limit } = limitOf();
        for (const ageMs of ages) {
          limit.used.closedAt(ageMs);
          // What survives up to the limit is reused, and succeeds: that must not lift the limit out of reach.
          limit.used.reused(Math.min(limit.effectiveMs, 10));
          clock.advance(10_000);
          if (clock.now() > 10_000) expect(limit.effectiveMs).toBeLessThan(20);
        }
      }),
    );
  });
});

describe('learning from a 408', () => {
  test('it lowers at once', () => {
    const { limit } = learned(5000);
    expect(limit.snapshot).toMatchObject({ learned: 5000, effective: 4000 });
  });

  test('one at a greater age does not raise', () => {
    const { limit } = learned(5000);
    limit.used.answered408(8000);
    expect(limit.snapshot.learned).toBe(5000);
  });

  test('the limit is never below zero, and what was learned never zero', () => {
    const { clock, limit } = learned(0);
    expect(limit.effectiveMs).toBeGreaterThanOrEqual(0);
    expect(limit.effectiveMs).toBeLessThan(1);
    clock.advance(20 * MINUTE);
    expect(limit.effectiveMs).toBe(MINUTE);
  });
});

describe('unlearning', () => {
  test('a success near the limit raises what was learned by a quarter', () => {
    const { limit } = learned(5000);
    limit.used.reused(3900);
    expect(limit.snapshot.learned).toBe(6250);
  });

  test('near begins at nine tenths of the limit', () => {
    const { limit } = learned(5000);
    limit.used.reused(3599);
    expect(limit.snapshot.learned).toBe(5000);
    limit.used.reused(3600);
    expect(limit.snapshot.learned).toBe(6250);
  });

  test('a success far below the limit tells nothing', () => {
    const { limit } = learned(5000);
    limit.used.reused(3000);
    expect(limit.snapshot.learned).toBe(5000);
  });

  test('many successes at the same age raise it once', () => {
    const { limit } = learned(5000);
    for (let n = 0; n < 100; n++) limit.used.reused(4000);
    expect(limit.snapshot.learned).toBe(6250);
  });

  test('a success without anything learned teaches nothing', () => {
    const { limit } = limitOf();
    limit.used.reused(59_000);
    expect(limit.snapshot).toMatchObject({ learned: null, effective: MINUTE });
  });

  test('without evidence it doubles every minute, and is forgotten above the configured limit', () => {
    const { clock, limit } = learned(10_000);
    clock.advance(MINUTE - 1);
    expect(limit.snapshot.learned).toBe(10_000);
    clock.advance(1);
    expect(limit.snapshot.learned).toBe(20_000);
    clock.advance(MINUTE);
    expect(limit.snapshot.learned).toBe(40_000);
    clock.advance(MINUTE);
    expect(limit.snapshot).toMatchObject({ learned: null, effective: MINUTE });
  });

  test('a close near what was learned is evidence: the minute begins anew', () => {
    const { clock, limit } = learned(10_000);
    clock.advance(50_000);
    limit.used.closedAt(10_500);
    clock.advance(50_000);
    expect(limit.snapshot.learned).toBe(10_000);
    clock.advance(10_000);
    expect(limit.snapshot.learned).toBe(20_000);
  });

  test.each([10_000, 10_500])('so is a 408 at %i ms', (idleMs) => {
    const { clock, limit } = learned(10_000);
    clock.advance(50_000);
    limit.used.answered408(idleMs);
    clock.advance(50_000);
    expect(limit.snapshot.learned).toBe(10_000);
    clock.advance(10_000);
    expect(limit.snapshot.learned).toBe(20_000);
  });

  test('a close at another age is no evidence', () => {
    const { clock, limit } = learned(10_000);
    clock.advance(50_000);
    limit.used.closedAt(30_000);
    clock.advance(10_000);
    expect(limit.snapshot.learned).toBe(20_000);
  });

  test('what was raised too far is lowered by the next two closes', () => {
    const { clock, limit } = learned(5000);
    limit.used.reused(4000);
    for (let n = 0; n < 2; n++) {
      clock.advance(2000);
      limit.used.closedAt(5000);
    }
    expect(limit.snapshot.learned).toBe(5000);
  });
});

describe('ages that connections outlive', () => {
  test.each<[string, number, number | null]>([
    ['is one that a far older connection outlives', 8000, null],
    ['is not one that an older connection outlives within 20 %', 5500, 5000],
    ['is not one that a younger connection does not reach', 1000, 5000],
  ])('no timer %s', (_name, reusedAfterMs, learnedMs) => {
    const { clock, limit } = limitOf();
    limit.used.closedAt(5000);
    limit.used.reused(reusedAfterMs);
    clock.advance(1000);
    limit.used.closedAt(5000);
    expect(limit.snapshot.learned).toBe(learnedMs);
  });
});

describe('used and unused connections are judged apart', () => {
  /** Twice closed at an age, a second apart. */
  function closedTwice(ageMs: number, fresh: boolean) {
    const { clock, limit } = limitOf();
    limit.closedAt(ageMs, { fresh });
    clock.advance(1000);
    limit.closedAt(ageMs, { fresh });
    return { clock, limit };
  }

  test.each([
    [true, { spare: 1000, used: MINUTE }],
    [false, { spare: 5000, used: 1000 }],
  ])('closes of those whose freshness is %s limit only these', (fresh, limits) => {
    const { limit } = closedTwice(2000, fresh);
    expect({ spare: limit.spareMs, used: limit.effectiveMs }).toEqual(limits);
  });

  test('a used one that closed a second ago was no restart for the unused ones', () => {
    const { clock, limit } = limitOf();
    for (let times = 0; times < 2; times += 1) {
      limit.closedAt(9000, { fresh: false });
      clock.advance(1000);
      limit.closedAt(2000, { fresh: true });
      clock.advance(1000);
    }
    expect(limit.spareMs).toBe(1000);
  });

  test('what was learned of unused ones is forgotten when it is above the age of a spare', () => {
    const { clock, limit } = closedTwice(4000, true);
    expect(limit.unused.ms).toBe(4000);
    clock.advance(MINUTE);
    expect(limit.unused.ms).toBeUndefined();
  });

  test.each([
    [MINUTE, 2000, { fresh: 5000, used: 1000 }],
    [MINUTE, 30_000, { fresh: 29_000, used: 29_000 }],
    [3000, 2000, { fresh: 3000, used: 1000 }],
  ])('configured %i ms and hinted %i ms allow %j', (configured, hinted, most) => {
    const { limit } = limitOf(configured);
    limit.hint(hinted);
    expect({ fresh: limit.mostMs({ fresh: true }), used: limit.mostMs({ fresh: false }) }).toEqual(most);
  });
});

test('a restart, which closes used and unused connections together, says nothing of unused ones', () => {
  const { clock, limit } = limitOf();
  for (const [first, second] of [
    [true, false],
    [false, true],
    [true, false],
    [false, true],
  ]) {
    limit.closedAt(3_000, { fresh: first === true });
    limit.closedAt(700, { fresh: second === true });
    clock.advance(30_000);
  }
  expect(limit.spareMs).toBe(5_000);
});

test('whatever happens, the limit is a number from zero to what was configured', () => {
  const age = fc.oneof(fc.nat(20), fc.nat(100_000));
  const event = fc.tuple(fc.constantFrom('hint', 'closedAt', 'answered408', 'reused', 'discount', 'advance'), age);
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const { clock, limit } = limitOf();
      for (const [name, ms] of events) {
        if (name === 'advance') clock.advance(ms);
        else if (name === 'hint') limit.hint(ms);
        else limit.used[name](ms);
        expect(limit.effectiveMs).toBeGreaterThanOrEqual(0);
        expect(limit.effectiveMs).toBeLessThanOrEqual(MINUTE);
      }
    }),
  );
});
