import { describe, expect, test } from 'vitest';
import { ALL, arrange, Named, NONE, TIMEOUT_MS, TRAVELS, USABLE } from './arranged-queue.js';

describe('other limits', () => {
  test('let more of them in from then on', () => {
    const { setting, queue, enter } = arrange({ maxQueue: 1 });
    enter('a');
    expect(enter('b').refusal?.reason).toBe('full');
    setting.options = { maxQueue: 2, queueTimeout: TIMEOUT_MS };
    expect([enter('c').refusal, queue.stats.max]).toEqual([undefined, 2]);
  });

  test('of time decide from then on when the newest comes first', () => {
    const { clock, setting, enter, takeAll } = arrange();
    enter('a');
    enter('b');
    clock.advance(TIMEOUT_MS / 4);
    setting.options = { maxQueue: 100, queueTimeout: TIMEOUT_MS / 4 };
    expect(takeAll()).toEqual(['b', 'a']);
  });
});

describe('whose turn it is', () => {
  test('the oldest, whatever its lane', () => {
    const { enter, takeAll } = arrange();
    enter('a', 'fresh');
    enter('b', 'any');
    enter('c', 'verified');
    enter('d', 'fresh');
    expect(takeAll()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('the oldest that fits: an older one in another lane does not block it', () => {
    const { enter, takeAll } = arrange();
    enter('a', 'fresh');
    enter('b', 'verified');
    enter('c', 'any');
    enter('d', 'verified');
    expect(takeAll({ ...NONE, any: true })).toEqual(['c']);
    expect(takeAll({ ...NONE, any: true, verified: true })).toEqual(['b', 'd']);
    expect(takeAll()).toEqual(['a']);
  });

  test('nobody when none fits', () => {
    const { enter, queue } = arrange();
    enter('a', 'fresh');
    expect(queue.take({ ...NONE, any: true, verified: true })).toBe(undefined);
  });

  test('peek names the one that take would take, and leaves it', () => {
    const { enter, queue } = arrange();
    const { waiter } = enter('a');
    expect([queue.peek(ALL), queue.length, queue.take(ALL)]).toEqual([waiter, 1, waiter]);
  });

  test('peek decides nothing: an overload that nobody saw the end of goes on', () => {
    const { clock, enter, queue } = arrange();
    const { waiter: early } = enter('early');
    clock.advance(TIMEOUT_MS / 2 + 1);
    enter('b');
    enter('c');
    queue.leave(early); // it was overload until now
    queue.peek(ALL);
    clock.advance(TIMEOUT_MS / 4);
    expect(queue.take(ALL)?.name).toBe('c');
  });

  test('lengths are kept per lane', () => {
    const { enter, queue } = arrange();
    enter('a', 'fresh');
    enter('b', 'fresh');
    enter('c', 'any');
    expect([queue.length, ...TRAVELS.map((travel) => queue.lengthOf(travel))]).toEqual([3, 1, 0, 2]);
  });
});

describe('leaving', () => {
  test.each([
    ['first', 'a', ['b', 'c']],
    ['in the middle', 'b', ['a', 'c']],
    ['last', 'c', ['a', 'b']],
  ])('a waiter that is %s can leave', (_place, leaver, rest) => {
    const { enter, queue, takeAll } = arrange();
    const waiters = ['a', 'b', 'c'].map((name) => enter(name).waiter);
    for (const waiter of waiters) if (waiter.name === leaver) expect(queue.leave(waiter)).toBe(true);
    expect(takeAll()).toEqual(rest);
  });

  test('a waiter is settled once: neither leave nor expire has an effect on one that was taken', () => {
    const { enter, queue } = arrange();
    const { waiter } = enter('a');
    queue.take(ALL);
    expect([queue.leave(waiter), queue.expire(waiter), queue.length]).toEqual([false, false, 0]);
  });

  test('a waiter whose time is up is out of the queue, and counted', () => {
    const { enter, queue } = arrange();
    const { waiter } = enter('a');
    expect([queue.expire(waiter), queue.length, queue.stats.refused.timeout]).toEqual([true, 0, 1]);
  });

  test('a waiter that was served may wait again, behind the others', () => {
    const { enter, queue, takeAll } = arrange();
    const { waiter } = enter('a');
    queue.take(ALL);
    enter('b');
    queue.enqueue(waiter, TIMEOUT_MS, USABLE);
    expect(takeAll()).toEqual(['b', 'a']);
  });

  test('a waiter that was served may wait again for another travel', () => {
    const { enter, queue } = arrange();
    const { waiter } = enter('a');
    queue.take(ALL);
    waiter.travel = 'fresh';
    queue.enqueue(waiter, TIMEOUT_MS, USABLE);
    expect([queue.lengthOf('any'), queue.lengthOf('fresh')]).toEqual([0, 1]);
  });

  test('a waiter leaves the lane that it came into, whatever its travel is by then', () => {
    const { enter, queue } = arrange();
    const { waiter } = enter('a');
    waiter.travel = 'fresh';
    queue.leave(waiter);
    expect(TRAVELS.map((travel) => queue.lengthOf(travel))).toEqual([0, 0, 0]);
  });

  test('a waiter cannot wait twice at once', () => {
    const { enter, queue } = arrange();
    const { waiter } = enter('a');
    expect(() => queue.enqueue(waiter, TIMEOUT_MS, USABLE)).toThrow('is waiting');
  });
});

describe('the bound', () => {
  test('a newcomer to a full queue is refused at once', () => {
    const { enter, queue } = arrange({ maxQueue: 2 });
    enter('a', 'any');
    enter('b', 'fresh');
    const { waiter, refusal } = enter('c', 'verified');
    expect(refusal).toEqual({ waiter, reason: 'full', retryAfter: 1 });
    expect([queue.length, waiter.waiting]).toEqual([2, false]);
  });

  test('a maxQueue of 0 lets nobody wait', () => {
    const { enter } = arrange({ maxQueue: 0 });
    expect(enter('a').refusal?.reason).toBe('full');
  });

  test('whoever waits for a connection that is coming takes no room', () => {
    const { queue } = arrange({ maxQueue: 1 });
    const reasons = ['a', 'b', 'c'].map((name) => queue.enqueue(new Named(name), TIMEOUT_MS, USABLE, 1)?.reason);
    expect(reasons).toEqual([undefined, undefined, 'full']);
  });

  test('an infinite maxQueue lets everybody wait', () => {
    const { enter, queue } = arrange({ maxQueue: Number.POSITIVE_INFINITY });
    for (let count = 0; count < 20_000; count += 1) enter(`${count}`);
    expect([queue.length, queue.stats.refused.full]).toEqual([20_000, 0]);
  });
});

test('stats count those that waited and those that were refused, by reason', () => {
  const { clock, enter, queue } = arrange({ maxQueue: 2 });
  const { waiter } = enter('a');
  enter('b');
  enter('full');
  clock.advance(501);
  enter('new');
  queue.expire(waiter); // was displaced: not counted twice
  const last = queue.take(ALL);
  expect(last?.name).toBe('new');
  expect(queue.stats).toEqual({
    length: 1,
    max: 2,
    waits: 3,
    refused: { full: 1, hopeless: 0, displaced: 1, timeout: 0 },
    overloaded: true,
  });
});

test('100,000 waiters come, leave from the middle and are taken', () => {
  const { queue } = arrange({ maxQueue: 100_000 });
  const waiters = Array.from({ length: 100_000 }, (_, index) => new Named(`${index}`, TRAVELS[index % 3]));
  for (const waiter of waiters) queue.enqueue(waiter, TIMEOUT_MS, USABLE);
  for (const [index, waiter] of waiters.entries()) if (index % 2 === 1) queue.leave(waiter);
  let taken = 0;
  let last = -1;
  for (let waiter = queue.take(ALL); waiter !== undefined; waiter = queue.take(ALL)) {
    expect(Number(waiter.name) > last).toBe(true);
    last = Number(waiter.name);
    taken += 1;
  }
  expect(taken).toBe(50_000);
});
