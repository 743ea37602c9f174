import { describe, expect, test } from 'vitest';
import { ALL, arrange, NONE, observe, TIMEOUT_MS, USABLE } from './arranged-queue.js';

describe('the estimate', () => {
  test('is unknown below 100 samples', () => {
    const { enter, queue } = arrange();
    enter('a');
    observe(queue, 50, 99);
    const before = queue.estimate.ms(queue.length, USABLE);
    observe(queue, 50, 1);
    expect([before, queue.estimate.ms(queue.length, USABLE)]).toEqual([undefined, 5]);
  });

  test('is the waiters times the mean of an exchange, divided by the usable connections', () => {
    const { enter, queue } = arrange();
    for (const name of ['a', 'b', 'c', 'd']) enter(name);
    observe(queue, 100, 50);
    observe(queue, 300, 50);
    expect([queue.estimate.ms(queue.length, 1), queue.estimate.ms(queue.length, 4)]).toEqual([800, 200]);
  });

  test('remembers the last 1,024 exchanges', () => {
    const { enter, queue } = arrange();
    enter('a');
    observe(queue, 500, 1024);
    observe(queue, 1.5, 1023);
    const before = queue.estimate.ms(queue.length, 1);
    observe(queue, 1.5, 1);
    expect([before, queue.estimate.ms(queue.length, 1)]).toEqual([(500 + 1023 * 1.5) / 1024, 1.5]);
  });

  test('is unknown while no connection is usable', () => {
    const { enter, queue } = arrange();
    enter('a');
    observe(queue, 100);
    expect(queue.estimate.ms(queue.length, 0)).toBe(undefined);
  });

  test('a newcomer is refused when it is more than twice the time left', () => {
    const { enter, queue } = arrange();
    observe(queue, 1000);
    for (let count = 0; count < 21; count += 1) enter(`${count}`, 'any', Number.POSITIVE_INFINITY); // 2,100 ms of work
    const hopeless = enter('hopeless', 'any', 1049).refusal;
    const hopeful = enter('hopeful', 'any', 1050).refusal;
    expect([hopeless?.reason, hopeless?.waiter.name, hopeless?.retryAfter]).toEqual(['hopeless', 'hopeless', 3]);
    expect(hopeful).toBe(undefined);
  });

  test.each([
    [0, 1],
    [1, 1],
    [1000, 1],
    [1001, 2],
    [29_001, 30],
    [90_000, 30],
  ])('of %d ms is a Retry-After of %d s', (estimateMs, seconds) => {
    const { enter, queue } = arrange();
    enter('a');
    observe(queue, estimateMs);
    expect(queue.retryAfterSeconds(1)).toBe(seconds);
  });
});

describe('overload', () => {
  /** `early` waits since 0 ms, `late` since 400; the clock is at 501: the head is older than half of the timeout. */
  function overloaded(options: Parameters<typeof arrange>[0] = {}) {
    const arranged = arrange(options);
    const early = arranged.enter('early').waiter;
    arranged.clock.advance(400);
    const late = arranged.enter('late').waiter;
    arranged.clock.advance(101);
    return { ...arranged, early, late };
  }

  test('up to half of queueTimeout the oldest is first', () => {
    const { clock, enter, takeAll } = arrange();
    enter('a');
    enter('b');
    clock.advance(TIMEOUT_MS / 2);
    expect(takeAll()).toEqual(['a', 'b']);
  });

  test('once the head is older than half of queueTimeout the newest is first, across the lanes', () => {
    const { enter, takeAll } = overloaded();
    enter('c', 'fresh');
    enter('d', 'verified');
    expect(takeAll()).toEqual(['d', 'c', 'late', 'early']);
  });

  test('none begins while there is no connection: nobody makes way, and all are served in their order', () => {
    const { clock, enter, queue, takeAll } = arrange({ maxQueue: 2 });
    enter('a');
    queue.pause();
    clock.advance(TIMEOUT_MS - 1);
    enter('b');
    const refused = enter('c').refusal;
    queue.resume();
    expect([refused?.reason, refused?.waiter.name, queue.stats.overloaded, takeAll()]).toEqual([
      'full',
      'c',
      false,
      ['a', 'b'],
    ]);
  });

  test('it ends with the last connection', () => {
    const { queue, takeAll } = overloaded();
    queue.pause();
    expect([queue.stats.overloaded, takeAll()]).toEqual([false, ['early', 'late']]);
  });

  test('it is as far away as a queueTimeout behind a pause lets it be', () => {
    const { clock, queue } = arrange();
    const calm = [queue.calmMs];
    queue.pause();
    calm.push(queue.calmMs);
    queue.resume();
    for (const ms of [0, 400, TIMEOUT_MS]) {
      clock.advance(ms);
      calm.push(queue.calmMs);
    }
    expect(calm).toEqual([0, Number.POSITIVE_INFINITY, TIMEOUT_MS, TIMEOUT_MS - 400, 0]);
  });

  test('it can begin a queueTimeout after the end of a pause: by then those who came in it are served or gone', () => {
    const { clock, enter, queue, takeAll } = arrange();
    queue.pause();
    clock.advance(TIMEOUT_MS);
    queue.resume();
    enter('a');
    enter('b');
    clock.advance(TIMEOUT_MS - 1);
    const before = queue.stats.overloaded;
    queue.resume(); // another connection
    clock.advance(1);
    expect([before, queue.stats.overloaded, takeAll()]).toEqual([false, true, ['b', 'a']]);
  });

  test('the newest that fits is taken', () => {
    const { enter, queue } = overloaded();
    enter('c', 'fresh');
    expect(queue.take({ ...NONE, any: true, verified: true })?.name).toBe('late');
  });

  test('it lasts until the head is younger than a quarter', () => {
    const { clock, enter, queue, early, late } = overloaded();
    clock.advance(99); // 600
    enter('c');
    clock.advance(100); // 700
    enter('d');
    queue.leave(early);
    const first = queue.take(ALL)?.name; // head: late, 300 ms
    enter('e');
    queue.leave(late);
    const second = queue.take(ALL)?.name; // head: c, 100 ms
    expect([first, second]).toEqual(['d', 'c']);
  });

  test('a head of exactly a quarter is not younger', () => {
    const { clock, enter, queue, early } = overloaded();
    clock.advance(149); // 650: late is 250 ms old
    enter('c');
    queue.leave(early);
    expect(queue.take(ALL)?.name).toBe('c');
  });

  test('is seen even when nobody comes or is served while it begins', () => {
    const { clock, enter, queue, early } = overloaded();
    queue.leave(early); // head: late, 101 ms, but it was early, 501 ms, until now
    clock.advance(200);
    enter('c');
    expect(queue.take(ALL)?.name).toBe('c');
  });

  test('is seen when the head is taken while it begins', () => {
    const { clock, enter, queue } = arrange();
    enter('early', 'fresh');
    clock.advance(200);
    enter('b');
    enter('c');
    clock.advance(301);
    const first = queue.take({ ...NONE, fresh: true })?.name; // head: b, 301 ms
    expect([first, queue.take(ALL)?.name]).toEqual(['early', 'c']);
  });

  test('ends with an empty queue', () => {
    const { clock, enter, queue, takeAll } = overloaded();
    takeAll();
    enter('a');
    clock.advance(300);
    enter('b');
    expect([queue.stats.overloaded, takeAll()]).toEqual([false, ['a', 'b']]);
  });

  test('a newcomer to a full queue takes the place of the oldest that is past half of its time', () => {
    const { enter, queue, early, takeAll } = overloaded({ maxQueue: 2 });
    const { waiter, refusal } = enter('new');
    expect(refusal).toEqual({ waiter: early, reason: 'displaced', retryAfter: 1 });
    expect([waiter.waiting, early.waiting, queue.leave(early), queue.length]).toEqual([true, false, false, 2]);
    expect(takeAll()).toEqual(['late', 'new']); // the head is young again: oldest first
  });

  test('a newcomer is refused when nobody is past half of their own time', () => {
    const { clock, enter } = arrange({ maxQueue: 1 });
    enter('patient', 'any', 10 * TIMEOUT_MS);
    clock.advance(501);
    expect(enter('new').refusal).toMatchObject({ reason: 'full', waiter: { name: 'new' } });
  });

  test('a waiter keeps its place until more than half of its own time is gone', () => {
    const { clock, enter } = arrange({ maxQueue: 1 });
    enter('patient', 'any', 1002);
    clock.advance(501);
    const atHalf = enter('new').refusal?.reason;
    clock.advance(1);
    expect([atHalf, enter('newer').refusal?.reason]).toEqual(['full', 'displaced']);
  });

  test('nobody makes room while the oldest is first', () => {
    const { clock, enter } = arrange({ maxQueue: 1 });
    enter('hasty', 'any', 100);
    clock.advance(99);
    expect(enter('new').refusal?.reason).toBe('full');
  });

  test('whoever left from between leaves no gap', () => {
    const { clock, enter, queue, takeAll } = arrange();
    const waiters = ['a', 'b', 'c', 'd'].map((name) => enter(name).waiter);
    for (const waiter of waiters) if (waiter.name === 'b' || waiter.name === 'c') queue.leave(waiter);
    clock.advance(501);
    expect(takeAll()).toEqual(['d', 'a']);
  });

  test('a patient head does not shield one of another lane that is past half of its time', () => {
    const { clock, enter } = arrange({ maxQueue: 2 });
    enter('patient', 'any', 10 * TIMEOUT_MS);
    enter('hasty', 'fresh');
    clock.advance(501);
    expect(enter('new').refusal).toMatchObject({ reason: 'displaced', waiter: { name: 'hasty' } });
  });

  test('a newcomer is never hopeless: it is served next', () => {
    const { enter, queue } = overloaded();
    observe(queue, 1_000_000);
    expect(enter('new').refusal).toBe(undefined);
  });

  test('does not exist with an infinite queueTimeout', () => {
    const { clock, enter, queue } = arrange({ queueTimeout: Number.POSITIVE_INFINITY });
    enter('a', 'any', Number.POSITIVE_INFINITY);
    clock.advance(1_000_000_000);
    enter('b');
    expect(queue.take(ALL)?.name).toBe('a');
  });

  test('is shown by stats and peek as soon as it is there', () => {
    const { queue } = overloaded();
    expect([queue.stats.overloaded, queue.peek(ALL)?.name]).toEqual([true, 'late']);
  });
});
