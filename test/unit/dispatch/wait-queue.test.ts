import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WaitQueue } from '../../../src/dispatch/queue/wait-queue.js';
import { type Fits, Waiter } from '../../../src/dispatch/queue/waiter.js';
import type { Travel } from '../../../src/origin/travel.js';
import { ManualClock } from '../../../src/testing/manual-clock.js';

class Named extends Waiter {
  readonly name: string;

  constructor(name: string, travel: Travel = 'any') {
    super(travel);
    this.name = name;
  }
}

const ALL: Fits = { any: true, verified: true, fresh: true, resent: true };
const NONE: Fits = { any: false, verified: false, fresh: false, resent: false };
const TRAVELS = ['any', 'verified', 'fresh'] as const;
const TIMEOUT_MS = 1000;
const USABLE = 10;

function arrange({ maxQueue = 100, queueTimeout = TIMEOUT_MS } = {}) {
  const clock = new ManualClock();
  const setting = { clock, options: { maxQueue, queueTimeout } };
  const queue = new WaitQueue<Named>(setting);
  const enter = (name: string, travel: Travel = 'any', timeLeftMs = TIMEOUT_MS) => {
    const waiter = new Named(name, travel);
    const refusal = queue.enqueue(waiter, timeLeftMs, USABLE);
    return { waiter, refusal };
  };
  const comeAgain = (name: string, travel: Travel = 'fresh') => {
    const waiter = new Named(name, travel);
    queue.enqueueReturned(waiter, USABLE);
    return waiter;
  };
  const takeAll = (fits: Fits = ALL) => {
    const names: string[] = [];
    for (let waiter = queue.take(fits); waiter !== undefined; waiter = queue.take(fits)) names.push(waiter.name);
    return names;
  };
  return { clock, setting, queue, enter, comeAgain, takeAll };
}

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

/** Makes the estimate known: each exchange took `ms`. */
function observe(queue: WaitQueue<Named>, ms: number, times = 100): void {
  for (let sample = 0; sample < times; sample += 1) queue.estimate.observe(ms);
}

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

test('after any sequence of calls it agrees with a plain list', () => {
  const travel = fc.constantFrom(...TRAVELS);
  const step = fc.oneof(
    fc.record({ do: fc.constant('enter' as const), travel, timeLeftMs: fc.constantFrom(400, 1000) }),
    fc.record({ do: fc.constant('comeAgain' as const), travel: fc.constantFrom('fresh' as const, 'resent' as const) }),
    fc.record({
      ...{ do: fc.constant('take' as const), any: fc.boolean(), verified: fc.boolean() },
      ...{ fresh: fc.boolean(), resent: fc.boolean() },
    }),
    fc.record({ do: fc.constant('leave' as const), which: fc.nat(30) }),
    fc.record({ do: fc.constant('advance' as const), ms: fc.nat(300) }),
    fc.record({ do: fc.constant('pause' as const) }),
    fc.record({ do: fc.constant('resume' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { clock, queue, comeAgain } = arrange({ maxQueue: 5 });
      const list: { waiter: Named; at: number; timeLeftMs: number }[] = []; // oldest first
      let overloaded = false;
      let pausedUntil = Number.NEGATIVE_INFINITY;
      const judge = () => {
        const longest = list.find((place) => !place.waiter.returned);
        const age = longest === undefined ? -1 : clock.now() - longest.at;
        overloaded = overloaded ? age >= TIMEOUT_MS / 4 : age > TIMEOUT_MS / 2;
        overloaded &&= clock.now() - pausedUntil >= TIMEOUT_MS;
      };
      let settled = 0;
      let entered = 0;
      for (const [index, act] of steps.entries()) {
        if (act.do === 'advance') {
          clock.advance(act.ms);
          continue;
        }
        if (act.do === 'pause' || act.do === 'resume') {
          if (act.do === 'pause') pausedUntil = Number.POSITIVE_INFINITY;
          else if (pausedUntil === Number.POSITIVE_INFINITY) pausedUntil = clock.now();
          queue[act.do]();
          continue;
        }
        judge();
        if (act.do === 'comeAgain') {
          list.push({ waiter: comeAgain(`${index}`, act.travel), at: clock.now(), timeLeftMs: TIMEOUT_MS });
          entered += 1;
        } else if (act.do === 'enter') {
          const waiter = new Named(`${index}`, act.travel);
          const others = list.filter((place) => !place.waiter.returned);
          const heads = TRAVELS.map((lane) => others.find((place) => place.waiter.travel === lane));
          const late = heads.filter((place) => place && place.at + place.timeLeftMs / 2 < clock.now());
          const oldestLate = overloaded ? list.find((place) => late.includes(place)) : undefined;
          const full = list.length >= 5;
          const expected = full ? (oldestLate?.waiter ?? waiter) : undefined;
          expect(queue.enqueue(waiter, act.timeLeftMs, USABLE)?.waiter).toBe(expected);
          entered += 1;
          if (expected !== undefined) settled += 1;
          if (full && oldestLate !== undefined) list.splice(list.indexOf(oldestLate), 1);
          if (expected !== waiter) list.push({ waiter, at: clock.now(), timeLeftMs: act.timeLeftMs });
        } else if (act.do === 'take') {
          const fitting = list.filter((place) => act[place.waiter.travel]);
          const returned = fitting.find((place) => place.waiter.returned);
          const expected = returned ?? (overloaded ? fitting.at(-1) : fitting[0]);
          expect(queue.take(act)).toBe(expected?.waiter);
          if (expected !== undefined) {
            list.splice(list.indexOf(expected), 1);
            settled += 1;
          }
        } else {
          const place = list[act.which];
          if (place === undefined) continue;
          expect(queue.leave(place.waiter)).toBe(true);
          list.splice(act.which, 1);
          settled += 1;
        }
        expect(queue.length).toBe(list.length);
      }
      expect(settled + queue.length).toBe(entered);
    }),
    { numRuns: 500 },
  );
});

describe('those whose connection was lost', () => {
  test('come before all others, in the order in which they came again', () => {
    const { enter, comeAgain, takeAll } = arrange();
    enter('a', 'fresh');
    comeAgain('b');
    enter('c');
    comeAgain('d');
    expect(takeAll()).toEqual(['b', 'd', 'a', 'c']);
  });

  test('come first in overload, too, which they neither end nor begin', () => {
    const { clock, queue, enter, comeAgain, takeAll } = arrange();
    comeAgain('a');
    clock.advance(TIMEOUT_MS);
    enter('b');
    const before = queue.stats.overloaded;
    clock.advance(TIMEOUT_MS / 2 + 1);
    enter('c');
    comeAgain('d');
    expect([before, queue.stats.overloaded, takeAll()]).toEqual([false, true, ['a', 'd', 'c', 'b']]);
  });

  test('are counted and served where a fresh connection is', () => {
    const { queue, comeAgain, takeAll } = arrange();
    comeAgain('a');
    const lengths = [queue.length, ...TRAVELS.map((travel) => queue.lengthOf(travel))];
    expect([lengths, takeAll({ ...ALL, fresh: false }), takeAll()]).toEqual([[1, 0, 0, 1], [], ['a']]);
    comeAgain('b');
    comeAgain('c', 'resent');
    comeAgain('d', 'resent');
    expect([queue.lengthOf('resent'), takeAll({ ...ALL, fresh: false }), takeAll()]).toEqual([2, ['c', 'd'], ['b']]);
    comeAgain('e', 'resent');
    comeAgain('f');
    comeAgain('g', 'resent');
    expect([queue.length, takeAll()]).toEqual([3, ['e', 'f', 'g']]);
  });

  test('are not refused: neither when the queue is full nor when there is no hope', () => {
    const { queue, enter, comeAgain } = arrange({ maxQueue: 1 });
    observe(queue, 1_000_000);
    comeAgain('a');
    comeAgain('b');
    expect([queue.length, enter('c').refusal?.reason, queue.length]).toEqual([2, 'hopeless', 2]);
  });

  test('are as many above the limit as there are connections, and no more', () => {
    const { queue, enter } = arrange({ maxQueue: 1 });
    enter('a');
    const again = () => queue.enqueueReturned(new Named('b', 'fresh'), 2)?.reason;
    expect([again(), again(), again(), queue.length]).toEqual([undefined, undefined, 'full', 3]);
  });

  test('count as waits, like all others', () => {
    const { queue, enter, comeAgain } = arrange();
    enter('a');
    comeAgain('b');
    expect(queue.stats.waits).toBe(2);
  });

  test('make way for nobody', () => {
    const { clock, queue, enter, comeAgain } = arrange({ maxQueue: 2 });
    const returned = comeAgain('a');
    const { waiter } = enter('b');
    clock.advance(TIMEOUT_MS / 2 + 1);
    expect([enter('c').refusal?.waiter, returned.waiting, queue.length]).toEqual([waiter, true, 2]);
  });

  test('leave and time out as all others', () => {
    const { queue, comeAgain } = arrange();
    const [a, b] = [comeAgain('a'), comeAgain('b')];
    expect([queue.leave(a), queue.leave(a), queue.expire(b), queue.length]).toEqual([true, false, true, 0]);
  });

  test('come first wherever they wait', () => {
    const { queue, enter } = arrange();
    const [home, failed, other] = [{}, {}, {}];
    const comeAgainTo = (name: string, place: Partial<Pick<Waiter, 'home' | 'avoids'>>) =>
      queue.enqueueReturned(Object.assign(new Named(name, 'fresh'), place), USABLE);
    enter('a');
    comeAgainTo('b', { avoids: [failed] });
    comeAgainTo('c', { home });
    const next = () => queue.take(ALL, home)?.name;
    expect([queue.peek(ALL, failed)?.name, queue.peek(ALL, other)?.name]).toEqual(['a', 'b']);
    expect([next(), next(), next()]).toEqual(['b', 'c', 'a']);
  });

  test('come first in overload wherever they wait, though others came later', () => {
    const { clock, queue, enter } = arrange();
    enter('a');
    queue.enqueueReturned(Object.assign(new Named('b', 'fresh'), { avoids: [{}] }), USABLE);
    clock.advance(TIMEOUT_MS / 2 + 1);
    enter('c');
    expect([queue.stats.overloaded, queue.take(ALL)?.name]).toEqual([true, 'b']);
  });

  test('travel fresh and are let in once', () => {
    const { queue, comeAgain } = arrange();
    const returned = comeAgain('a');
    expect(() => queue.enqueueReturned(returned, USABLE)).toThrow('waiting: true');
    expect(() => queue.enqueueReturned(new Named('b', 'any'), USABLE)).toThrow('travels any');
  });
});

describe('those who avoid an origin', () => {
  const [HERE, THERE, ELSEWHERE] = [{}, {}, {}];

  function arrangeApart(options: Parameters<typeof arrange>[0] = {}) {
    const arranged = arrange(options);
    const enter = (name: string, avoids: readonly object[] = [], travel: Travel = 'any') => {
      const waiter = new Named(name, travel);
      waiter.avoids = avoids;
      return arranged.queue.enqueue(waiter, TIMEOUT_MS, USABLE)?.reason ?? waiter;
    };
    const namesAt = (origin: object) => {
      const names: string[] = [];
      for (let one = arranged.queue.take(ALL, origin); one !== undefined; one = arranged.queue.take(ALL, origin))
        names.push(one.name);
      return names;
    };
    return { ...arranged, enter, namesAt };
  }

  test('are served by every other in the order in which they and the others came', () => {
    const { enter, namesAt } = arrangeApart();
    enter('a', [HERE]);
    enter('b');
    enter('c', [THERE], 'fresh');
    enter('d', [HERE, THERE]);
    expect([namesAt(HERE), namesAt(THERE), namesAt(ELSEWHERE)]).toEqual([['b', 'c'], ['a'], ['d']]);
  });

  test('are counted and seen where they can be served', () => {
    const { queue, enter } = arrangeApart();
    enter('a', [HERE]);
    enter('b', [THERE]);
    const seen = [HERE, THERE, undefined].map((at) => queue.peek(ALL, at)?.name);
    expect([queue.lengthOf('any'), ...seen]).toEqual([2, 'b', 'a', 'a']);
  });

  test('wait for any, behind those who did, once what they avoid cannot be avoided', () => {
    const { queue, enter, namesAt } = arrangeApart();
    enter('a', [HERE]);
    enter('b', [THERE]);
    queue.rejoin((avoided) => !avoided.includes(HERE));
    expect([queue.apart.isEmpty, namesAt(HERE)]).toEqual([false, ['b', 'a']]);
    enter('c', [HERE]);
    queue.rejoin(() => false);
    expect([queue.apart.isEmpty, queue.length, namesAt(HERE)]).toEqual([true, 1, ['c']]);
  });

  test('leave, time out and are refused as all others', () => {
    const { queue, enter } = arrangeApart({ maxQueue: 2 });
    const [a, b] = [enter('a', [HERE]), enter('b', [HERE])];
    if (!(a instanceof Named) || !(b instanceof Named)) throw new Error('both are let in');
    const refused = enter('c', [HERE]);
    expect([refused, queue.leave(a), queue.expire(b), queue.length, queue.apart.isEmpty]).toEqual([
      'full',
      ...[true, true, 0, true],
    ]);
  });

  test('are refused as hopeless by the length of the queue', () => {
    const { queue, enter } = arrangeApart();
    observe(queue, 1_000);
    for (let n = 0; n < 21; n += 1) enter(`${n}`);
    expect(enter('x', [HERE])).toBe('hopeless');
  });
});

describe('those who wait for one home alone', () => {
  const [HERE, THERE] = [{}, {}];

  function arrangeHomes(options: Parameters<typeof arrange>[0] = {}) {
    const arranged = arrange(options);
    const enter = (name: string, home?: object, travel: Travel = 'any') => {
      const waiter = new Named(name, travel);
      waiter.home = home;
      return arranged.queue.enqueue(waiter, TIMEOUT_MS, USABLE)?.reason ?? waiter;
    };
    const namesAt = (home?: object) => {
      const names: string[] = [];
      for (let one = arranged.queue.take(ALL, home); one !== undefined; one = arranged.queue.take(ALL, home))
        names.push(one.name);
      return names;
    };
    return { ...arranged, enter, namesAt };
  }

  test('are served by it in the order in which they and the others came', () => {
    const { enter, namesAt } = arrangeHomes();
    enter('a', HERE);
    enter('b');
    enter('c', THERE);
    enter('d', HERE, 'fresh');
    expect([namesAt(HERE), namesAt(), namesAt(THERE)]).toEqual([['a', 'b', 'd'], [], ['c']]);
  });

  test('are not counted in the lanes, which any connection serves, but in the length', () => {
    const { queue, enter } = arrangeHomes();
    enter('a', HERE);
    enter('b');
    expect([queue.length, queue.lengthOf('any'), [...queue.homes], queue.hasHomes]).toEqual([2, 1, [HERE], true]);
  });

  test('take their part of the room', () => {
    const { enter } = arrangeHomes({ maxQueue: 2 });
    enter('a', HERE);
    enter('b', THERE);
    expect([enter('c'), enter('d', HERE)]).toEqual(['full', 'full']);
  });

  test('that are released wait for any, behind those who did, and are no longer counted there', () => {
    const { queue, enter, namesAt } = arrangeHomes();
    enter('a', HERE);
    enter('b');
    enter('c', HERE);
    queue.release(HERE);
    expect([queue.hasHomes, queue.length, namesAt()]).toEqual([false, 3, ['b', 'a', 'c']]);
  });

  test('that are released come behind those of all lanes, in the order in which they came', () => {
    const { queue, enter, namesAt } = arrangeHomes();
    enter('a', HERE, 'fresh');
    enter('b', HERE, 'verified');
    enter('c', HERE);
    enter('d', undefined, 'verified');
    queue.release(HERE);
    expect([queue.stats.waits, namesAt()]).toEqual([4, ['d', 'a', 'b', 'c']]);
  });

  test('need not be there to be released', () => {
    const { queue, enter } = arrangeHomes();
    enter('a', THERE);
    queue.release(HERE);
    expect([queue.length, [...queue.homes]]).toEqual([1, [THERE]]);
  });

  test('go on waiting when one of them leaves', () => {
    const { queue, enter } = arrangeHomes();
    const [a, b] = [enter('a', HERE), enter('b', HERE)];
    if (!(a instanceof Named)) throw new Error('it is let in');
    queue.leave(a);
    expect([queue.peekAt(HERE, ALL), queue.peekAt(THERE, ALL)]).toEqual([b, undefined]);
  });

  test('leave and time out as all others', () => {
    const { queue, enter } = arrangeHomes();
    const [a, b] = [enter('a', HERE), enter('b', HERE)];
    if (!(a instanceof Named) || !(b instanceof Named)) throw new Error('both are let in');
    expect([queue.leave(a), queue.expire(b), queue.length, queue.hasHomes]).toEqual([true, true, 0, false]);
  });

  test('have an overload of their own', () => {
    const { clock, queue, enter } = arrangeHomes();
    enter('a', HERE);
    enter('b', HERE);
    clock.advance(TIMEOUT_MS / 2 + 1);
    enter('c');
    enter('d');
    const first = queue.peekAt(HERE, ALL);
    expect([first?.name, queue.take(ALL)?.name, queue.stats.overloaded]).toEqual(['b', 'c', false]);
  });

  test('are refused as hopeless by the length of their own line', () => {
    const { queue, enter } = arrangeHomes();
    observe(queue, 1_000);
    for (let n = 0; n < 30; n += 1) enter(`${n}`, n < 21 ? HERE : undefined, TRAVELS[n % 3]);
    expect([enter('x', HERE), enter('y', THERE)]).toEqual(['hopeless', expect.any(Named)]);
  });

  test('are ahead of a newcomer that waits for any', () => {
    const { queue, enter } = arrangeHomes();
    observe(queue, 1_000);
    for (let n = 0; n < 21; n += 1) enter(`${n}`, HERE);
    expect(enter('x')).toBe('hopeless');
  });

  test('take turns with the others in overload, each newest first', () => {
    const { clock, enter, namesAt } = arrangeHomes();
    enter('a');
    enter('b', HERE);
    clock.advance(TIMEOUT_MS / 2 + 1);
    for (const name of ['c', 'd', 'e']) enter(name, HERE);
    for (const name of ['f', 'g', 'h']) enter(name);
    expect(namesAt(HERE)).toEqual(['h', 'e', 'g', 'd', 'f', 'c', 'a', 'b']);
  });

  test('take turns with the others when they alone are in overload', () => {
    const { clock, enter, namesAt } = arrangeHomes();
    enter('a', HERE);
    clock.advance(TIMEOUT_MS / 2 + 1);
    for (const name of ['b', 'c']) enter(name);
    enter('d', HERE);
    expect(namesAt(HERE)).toEqual(['b', 'd', 'c', 'a']);
  });

  test('take turns with the others when those alone are in overload', () => {
    const { clock, enter, namesAt } = arrangeHomes();
    enter('a');
    clock.advance(TIMEOUT_MS / 2 + 1);
    enter('b');
    enter('c', HERE);
    expect(namesAt(HERE)).toEqual(['b', 'c', 'a']);
  });

  test('come before the others in overload when they have come again, whose turn it ever is', () => {
    const { clock, queue, enter, namesAt } = arrangeHomes();
    enter('a');
    clock.advance(TIMEOUT_MS / 2 + 1);
    queue.enqueueReturned(Object.assign(new Named('b', 'fresh'), { home: HERE }), USABLE);
    expect(namesAt(HERE)).toEqual(['b', 'a']);
  });
});
