import { describe, expect, test } from 'vitest';
import { DialBackoff } from '../../../src/origin/dial-backoff.js';
import { ManualClock } from '../../../src/testing/manual-clock.js';

const refused = new Error('ECONNREFUSED');

/** With a random of 0 each wait is the longest of its range. */
function backoffOf(random = () => 0) {
  const clock = new ManualClock({ now: 1000 });
  return { clock, backoff: new DialBackoff(clock, random, () => undefined) };
}

/** Lets each trial fail; gives the waits. */
function waitsOf(count: number, random?: () => number): number[] {
  const { clock, backoff } = backoffOf(random);
  return Array.from({ length: count }, () => {
    backoff.begin();
    const waitMs = backoff.failed(refused);
    clock.advance(waitMs);
    return waitMs;
  });
}

describe('waits', () => {
  test('they double from 25 ms to one second', () => {
    expect(waitsOf(8)).toEqual([25, 50, 100, 200, 400, 800, 1000, 1000]);
  });

  test('they are taken from the whole range, without zero', () => {
    expect(waitsOf(3, () => 0.75)).toEqual([6.25, 12.5, 25]);
    for (const waitMs of waitsOf(10, () => 1 - Number.EPSILON / 2)) expect(waitMs).toBeGreaterThan(0);
  });

  test('they are from the upper half of a second while others serve: at most two dials a second', () => {
    for (const [random, waitMs] of [
      [0, 1000],
      [0.5, 750],
      [1 - Number.EPSILON / 2, 500],
    ] as const) {
      const { backoff } = backoffOf(() => random);
      backoff.begin();
      expect(backoff.failed(refused, true)).toBeCloseTo(waitMs);
    }
  });

  test('they stay at one second however often the dial fails', () => {
    expect(waitsOf(3000).at(-1)).toBe(1000);
  });
});

describe('ready', () => {
  test('any number of dials may begin', () => {
    const { backoff } = backoffOf();
    for (let n = 0; n < 3; n++) backoff.begin();
    expect(backoff.mayDial()).toBe(true);
    expect(backoff.state).toEqual({ name: 'ready' });
  });

  test('dials that fail side by side count as one failure', () => {
    const { clock, backoff } = backoffOf();
    for (let n = 0; n < 100; n++) backoff.begin();
    backoff.failed(refused);
    clock.advance(10);
    const last = new Error('the last');
    expect(backoff.failed(last)).toBe(15);
    expect(backoff.state).toEqual({ name: 'waiting', since: 1000, until: 1025, failures: 1, lastError: last });
  });
});

describe('waiting', () => {
  test('no dial may begin before the wait is over', () => {
    const { clock, backoff } = backoffOf();
    backoff.failed(refused);
    clock.advance(24.9);
    expect(backoff.mayDial()).toBe(false);
    expect(() => backoff.begin()).toThrow('waiting after 1 failures');
    clock.advance(0.1);
    expect(backoff.mayDial()).toBe(true);
  });

  test('asking changes nothing', () => {
    const { clock, backoff } = backoffOf();
    backoff.failed(refused);
    clock.advance(25);
    for (let n = 0; n < 3; n++) expect(backoff.mayDial()).toBe(true);
  });

  test('a dial begun before the wait that succeeds after all ends it', () => {
    const { backoff } = backoffOf();
    backoff.failed(refused);
    backoff.succeeded();
    expect(backoff.state).toEqual({ name: 'ready' });
  });
});

describe('trial', () => {
  function inTrial() {
    const { clock, backoff } = backoffOf();
    backoff.failed(refused);
    clock.advance(25);
    backoff.begin();
    return { clock, backoff };
  }

  test('one runs at a time', () => {
    const { clock, backoff } = inTrial();
    clock.advance(100_000);
    expect(backoff.mayDial()).toBe(false);
    expect(() => backoff.begin()).toThrow('trial');
  });

  test('its success makes the origin ready', () => {
    const { backoff } = inTrial();
    backoff.succeeded();
    for (let n = 0; n < 3; n++) backoff.begin();
    expect(backoff.mayDial()).toBe(true);
  });

  test('after a success the waits begin at 25 ms again', () => {
    const { backoff } = inTrial();
    backoff.succeeded();
    expect(backoff.failed(refused)).toBe(25);
  });

  test('its failure waits longer and remembers when it all began', () => {
    const { clock, backoff } = inTrial();
    clock.advance(5);
    backoff.failed(refused);
    expect(backoff.state).toMatchObject({ name: 'waiting', since: 1000, until: 1080, failures: 2 });
  });

  test('when it ends without an answer another may begin at once', () => {
    const { backoff } = inTrial();
    backoff.abandoned();
    expect(backoff.mayDial()).toBe(true);
    backoff.begin();
    expect(backoff.state).toMatchObject({ name: 'trial', failures: 1, lastError: refused });
  });

  test('abandoning a dial that is no trial changes nothing', () => {
    const { backoff } = backoffOf();
    backoff.begin();
    backoff.abandoned();
    expect(backoff.state).toEqual({ name: 'ready' });
  });
});
