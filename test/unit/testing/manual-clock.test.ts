import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../src/testing/index.js';

describe('ManualClock', () => {
  test('timers run in order of time, and each sees its own moment', () => {
    const clock = new ManualClock();
    const seen: [string, number][] = [];
    clock.after(30, () => seen.push(['late', clock.now()]));
    clock.after(10, () => seen.push(['early', clock.now()]));
    clock.advance(50);
    expect([...seen, clock.now()]).toEqual([['early', 10], ['late', 30], 50]);
  });

  test('many timers run in order of time, whatever the order in which they were made', () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    // 7 and 31 have no common divisor: every moment from 0 to 30 once, far from sorted.
    for (let count = 0; count < 31; count += 1) clock.after((count * 7) % 31, () => seen.push(clock.now()));
    clock.advance(30);
    expect(seen).toEqual(Array.from({ length: 31 }, (_, moment) => moment));
  });

  test('timers of one moment run in the order in which they were made', () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    for (const number of [1, 2, 3, 4]) clock.after(5, () => seen.push(number));
    clock.advance(5);
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  test('a timer runs at its moment and not a millisecond before', () => {
    const clock = new ManualClock();
    let ran = 0;
    clock.after(10, () => {
      ran += 1;
    });
    clock.advance(9.999);
    const before = ran;
    clock.advance(0.001);
    expect([before, ran]).toEqual([0, 1]);
  });

  test('soon runs after all timers of its moment and before those of the next', () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    clock.after(10, () => {
      seen.push('a');
      clock.soon(() => seen.push(`soon at ${clock.now()}`));
    });
    clock.after(10, () => seen.push('b'));
    clock.after(11, () => seen.push('c'));
    clock.advance(20);
    expect(seen).toEqual(['a', 'b', 'soon at 10', 'c']);
  });

  test('a timer started by a timer runs within the same advance when its moment is reached', () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    const tick = (): void => {
      seen.push(clock.now());
      clock.after(10, tick);
    };
    clock.after(10, tick);
    clock.advance(35);
    expect(seen).toEqual([10, 20, 30]);
  });

  test('runSoon runs what is pending, leaves the time alone and what is added for the next turn', () => {
    const clock = new ManualClock({ now: 7 });
    const seen: string[] = [];
    clock.after(0, () => seen.push('timer'));
    clock.soon(() => {
      seen.push('first');
      clock.soon(() => seen.push('second'));
    });
    clock.runSoon();
    expect({ seen: [...seen], now: clock.now(), pending: clock.pending }).toEqual({
      seen: ['first'],
      now: 7,
      pending: 2,
    });
  });

  test('a cancelled call does not run, even when it is cancelled in the turn in which it was due', () => {
    const clock = new ManualClock();
    const seen: string[] = [];
    const timer = clock.after(5, () => seen.push('timer'));
    clock.after(0, () => timer.cancel());
    clock.soon(() => soon.cancel());
    const soon = clock.soon(() => seen.push('soon'));
    clock.advance(10);
    timer.cancel();
    expect({ seen, pending: clock.pending }).toEqual({ seen: [], pending: 0 });
  });

  test('pending counts what was neither run nor cancelled', () => {
    const clock = new ManualClock();
    clock.after(5, () => undefined);
    clock.after(Number.POSITIVE_INFINITY, () => undefined);
    clock.soon(() => undefined);
    const before = clock.pending;
    clock.advance(1_000_000);
    expect([before, clock.pending]).toEqual([3, 1]);
  });

  test('wall time moves along with the clock, and alone when it is shifted', () => {
    const clock = new ManualClock({ now: 100, wallNow: 5_000 });
    clock.advance(10);
    clock.shiftWall(3_600_000);
    expect([clock.now(), clock.wallNow()]).toEqual([110, 3_605_010]);
  });

  test('what a call throws comes out of advance, and the rest runs at the next one', () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    clock.after(10, () => {
      throw new Error('thrown at 10');
    });
    clock.after(20, () => seen.push(clock.now()));
    expect(() => clock.advance(30)).toThrow('thrown at 10');
    expect(clock.now()).toBe(10);
    clock.advance(20);
    expect(seen).toEqual([20]);
  });

  test('calls that start each other for ever end in an error', () => {
    const clock = new ManualClock();
    const again = (): void => {
      clock.after(0, again);
    };
    again();
    expect(() => clock.advance(1)).toThrow('start each other for ever');
  });

  test('a call that advances further does not make the time go back', () => {
    const clock = new ManualClock();
    clock.after(5, () => clock.advance(100));
    clock.advance(10);
    expect(clock.now()).toBe(105);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('advance(%s) is refused', (ms) => {
    expect(() => new ManualClock().advance(ms)).toThrow(RangeError);
  });
});
