import { describe, expect, test } from 'vitest';
import type { Travel } from '../../../src/origin/travel.js';
import { ALL, arrange, Named, observe, TIMEOUT_MS, TRAVELS, USABLE } from './arranged-queue.js';

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
