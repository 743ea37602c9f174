import { describe, expect, test } from 'vitest';
import type { Waiter } from '../../../src/dispatch/queue/waiter.js';
import { ALL, arrange, Named, observe, TIMEOUT_MS, TRAVELS, USABLE } from './arranged-queue.js';

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
