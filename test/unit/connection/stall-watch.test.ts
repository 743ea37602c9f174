import { describe, expect, test } from 'vitest';
import { StallWatch } from '../../../src/connection/stall-watch.js';
import { ManualClock } from '../../../src/testing/index.js';
import { Deadlines } from '../../../src/time/deadlines.js';

function watch() {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const told: string[] = [];
  const stalls = new StallWatch(deadlines, {
    sendingStalled: (ms) => told.push(`sending ${ms} at ${clock.now()}`),
    receivingStalled: (ms) => told.push(`receiving ${ms} at ${clock.now()}`),
  });
  stalls.begin(100);
  return { clock, deadlines, told, stalls };
}

describe('sending', () => {
  test('what waits must move within the time', () => {
    const { clock, told, stalls } = watch();
    stalls.offered(5);
    clock.advance(100);
    expect(told).toEqual(['sending 100 at 100']);
  });

  test('offering more is no movement', () => {
    const { clock, told, stalls } = watch();
    stalls.offered(5);
    clock.advance(60);
    stalls.offered(10);
    clock.advance(40);
    expect(told).toEqual(['sending 100 at 100']);
  });

  test('taking some is', () => {
    const { clock, told, stalls } = watch();
    stalls.offered(5);
    clock.advance(60);
    stalls.sent(2);
    clock.advance(99);
    const before = [...told];
    clock.advance(1);
    expect([before, told]).toEqual([[], ['sending 100 at 160']]);
  });

  test('nothing is owed when nothing waits', () => {
    const { clock, deadlines, told, stalls } = watch();
    stalls.offered(0);
    stalls.offered(5);
    stalls.sent(0);
    clock.advance(1_000);
    expect([told, deadlines.size]).toEqual([[], 0]);
  });

  test('the next request brings its own time', () => {
    const { clock, told, stalls } = watch();
    stalls.begin(30);
    stalls.offered(1);
    clock.advance(30);
    expect(told).toEqual(['sending 30 at 30']);
  });
});

describe('receiving', () => {
  test('each expectation begins anew, with a time of its own', () => {
    const { clock, told, stalls } = watch();
    stalls.expectBytes(50);
    clock.advance(40);
    stalls.expectBytes(70);
    clock.advance(69);
    const before = [...told];
    clock.advance(1);
    expect([before, told]).toEqual([[], ['receiving 70 at 110']]);
  });

  test('silence is allowed when nothing is expected', () => {
    const { clock, told, stalls } = watch();
    stalls.expectBytes(50);
    stalls.expectNothing();
    clock.advance(1_000);
    expect(told).toEqual([]);
  });

  test('Infinity is for ever', () => {
    const { clock, deadlines, told, stalls } = watch();
    stalls.expectBytes(Number.POSITIVE_INFINITY);
    clock.advance(1e9);
    expect([told, deadlines.size]).toEqual([[], 0]);
  });
});

test('both run side by side, and stop() ends both', () => {
  const { clock, deadlines, told, stalls } = watch();
  stalls.offered(1);
  stalls.expectBytes(50);
  const running = deadlines.size;
  stalls.stop();
  clock.advance(1_000);
  expect([running, deadlines.size, told]).toEqual([2, 0, []]);
});
