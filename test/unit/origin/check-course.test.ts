import { describe, expect, test } from 'vitest';
import { CheckCourse } from '../../../src/origin/health/check-course.js';

const PACE = { interval: 5_000, fastInterval: 1_000, rise: 2, fall: 3 };

function courseOf({ random = 0.5 } = {}) {
  const course = new CheckCourse(PACE, () => random);
  /** `+` passes, `-` fails; tells what each says. */
  const after = (results: string) => [...results].map((one) => (one === '+' ? course.passed() : course.failed()));
  return { course, after };
}

test('an origin is up until a check says otherwise', () => {
  expect(courseOf().course.state).toEqual({ name: 'up', failedInARow: 0 });
});

test('it goes down with the last of `fall` failures in a row, and says so once', () => {
  const { course, after } = courseOf();
  expect(after('----')).toEqual([false, false, true, false]);
  expect(course.state).toEqual({ name: 'down', passedInARow: 0 });
});

test('a check that passes between them begins the row anew', () => {
  const { course, after } = courseOf();
  after('--+--');
  expect(course.state).toEqual({ name: 'up', failedInARow: 2 });
});

test('it comes up with the last of `rise` checks that pass in a row, and says so once', () => {
  const { course, after } = courseOf();
  expect(after('---+-+++')).toEqual([false, false, true, false, false, false, true, false]);
  expect(course.state).toEqual({ name: 'up', failedInARow: 0 });
});

describe('the wait', () => {
  test.each([
    ['', 5_000, 'up'],
    ['-', 1_000, 'about to fall'],
    ['--+', 5_000, 'up after all'],
    ['---', 5_000, 'down'],
    ['---+', 1_000, 'about to rise'],
    ['---++', 5_000, 'up again'],
  ])('after %j is %d ms: %s', (results, ms) => {
    const { course, after } = courseOf();
    after(results);
    expect(course.waitMs()).toBe(ms);
  });

  test('is a tenth more or less', () => {
    expect(courseOf({ random: 0 }).course.waitMs()).toBe(4_500);
    expect(courseOf({ random: 0.999 }).course.waitMs()).toBeCloseTo(5_500, -1);
  });

  test('for the first check is anything up to the interval', () => {
    const waits = [0, 0.25, 0.999].map((random) => courseOf({ random }).course.firstWaitMs());
    expect(waits).toEqual([0, 1_250, 4_995]);
  });
});

test('a thousand processes that began together are spread over the interval, first and later', () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const beats = Array.from({ length: 1_000 }, () => {
    const course = new CheckCourse(PACE, random);
    return course.firstWaitMs() + 3 * course.waitMs();
  });
  const perTenth = Array.from({ length: 10 }, () => 0);
  for (const beat of beats)
    perTenth[Math.floor((beat % 5_000) / 500)] = (perTenth[Math.floor((beat % 5_000) / 500)] ?? 0) + 1;
  expect(Math.max(...perTenth)).toBeLessThan(150);
});
