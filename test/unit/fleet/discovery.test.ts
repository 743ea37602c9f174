import { describe, expect, onTestFinished, test } from 'vitest';
import { Discovery } from '../../../src/fleet/discovery.js';
import { sourceFor } from '../../../src/fleet/source-for.js';
import { Observer } from '../../../src/observe/observer.js';
import { type OriginSet, type OriginsOption, resolveOptions } from '../../../src/options.js';
import { MemoryBackend } from '../../memory-backend.js';

const [A, B] = ['http://a.test:80', 'http://b.test:80'] as const;

/** A backend whose origins are found by `origins`. */
async function discovering(origins: OriginsOption, options = {}) {
  const backend = await MemoryBackend.open({ origins, ...options });
  const source = sourceFor({ origins }, resolveOptions({ origins, ...options }));
  if (source === undefined) throw new Error('the origins are given');
  const observer = new Observer(backend.emitter, undefined, backend.clock);
  const discovery = new Discovery(source, { clock: backend.clock, observer, random: () => 0, origins: backend.fleet });
  onTestFinished(() => discovery.close());
  await backend.settle();
  return { backend, discovery, names: () => backend.fleet.names };
}

/** Gives what it is told, and what it was asked. */
function script(...answers: (OriginSet | Error)[]) {
  const signals: AbortSignal[] = [];
  const find = ({ signal }: { readonly signal: AbortSignal }): OriginSet => {
    const answer = answers[Math.min(signals.length, answers.length - 1)];
    signals.push(signal);
    if (answer === undefined || answer instanceof Error) throw answer;
    return answer;
  };
  return { find, signals };
}

/** An iterable that gives what is pushed. */
function told() {
  let push: (result: IteratorResult<OriginSet> | Promise<never>) => void = () => {};
  const state = { returned: 0 };
  const iterator = {
    next: () =>
      new Promise<IteratorResult<OriginSet>>((resolve) => {
        push = resolve;
      }),
    return: async () => {
      state.returned += 1;
      return { done: true as const, value: undefined };
    },
  };
  return {
    sets: { [Symbol.asyncIterator]: () => iterator },
    state,
    set: (value: OriginSet) => push({ done: false, value }),
    end: () => push({ done: true, value: undefined }),
    fail: (error: Error) => push(Promise.reject(error)),
  };
}

describe('a function', () => {
  test('is asked at once, then each interval; what it adds serves, what it leaves out leaves', async () => {
    const { find, signals } = script([A], [B]);
    const { backend, names } = await discovering(find, { originsInterval: 1000 });
    const caller = await backend.sent();
    const before = names();
    await backend.advance(1000);
    const after = names();
    (await backend.accept()).answer();
    await backend.settle();
    expect([before, after, signals.length, caller.outcome]).toEqual([[A], [B], 2, 200]);
    expect(backend.peerOf(caller)?.origin).toBe(B);
  });

  test('may give a promise; it is not asked again while it has not answered', async () => {
    let calls = 0;
    const pending = () => {
      calls += 1;
      return new Promise<OriginSet>(() => {});
    };
    const { backend, discovery } = await discovering(pending, { originsInterval: 10 });
    await backend.advance(1000);
    expect([calls, discovery.stats.state]).toEqual([1, 'looking']);
  });

  test('a call of more than half a minute has failed: its signal is aborted, and a late answer does not count', async () => {
    const late: ((set: OriginSet) => void)[] = [];
    const signals: AbortSignal[] = [];
    const slow = ({ signal }: { readonly signal: AbortSignal }) => {
      signals.push(signal);
      return new Promise<OriginSet>((resolve) => late.push(resolve));
    };
    const { backend, discovery, names } = await discovering(slow);
    await backend.advance(30_000);
    late[0]?.([A]);
    await backend.settle();
    expect([signals[0]?.aborted, names(), discovery.stats.failures]).toEqual([true, [], 1]);
  });

  test.each<[string, OriginSet | Error, string]>([
    ['that throws', new Error('no answer'), 'no answer'],
    ['of nothing', [], 'origins must be a list of at least one origin'],
    ['with an origin twice', [A, B, A], 'origins[2] must differ from origins[0]'],
    ['with a bad weight', [{ url: B, weight: 300 }], 'origins[0].weight must be an integer from 0 to 256, got 300'],
    ['of backups', [{ url: B, backup: true }], 'origins must be a list with at least one origin that is not a backup'],
    ['that is no list', 'http://b.test' as never, 'origins must be a list'],
  ])('a set %s keeps the last one, and is told', async (_, bad, message) => {
    const { find } = script([A], bad);
    const { backend, discovery, names } = await discovering(find, { originsInterval: 5000 });
    await backend.advance(5000);
    expect([names(), discovery.stats]).toMatchObject([[A], { sets: 1, failures: 1, state: 'waiting', nextInMs: 1000 }]);
    expect(discovery.stats.error).toContain(message);
    expect(backend.eventsOf('discoveryFailed')).toMatchObject([{ source: 'function', failures: 1, retryInMs: 1000 }]);
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'origins must be a list of at least one origin, got undefined'],
    ['null', null, 'origins must be a list of at least one origin, got null'],
    ['a number', 5, 'origins must be a list of at least one origin, got 5'],
    ['a Set', new Set([A]), 'origins must be a list of at least one origin, got '],
    ['a list of numbers', [5], 'origins[0] must be a URL or an object with url, got 5'],
    ['a list with a hole', [A, undefined], 'origins[1] must be a URL or an object with url, got undefined'],
    ['a list of promises', [Promise.resolve(A)], 'origins[0].url must be a string or a URL, got undefined'],
    ['an unknown option', [{ url: A, wieght: 2 }], 'unknown option origins[0].wieght'],
    ['an origin twice, however it is written', [A, 'http://A.test/'], 'origins[1] must differ from origins[0]'],
  ])('a promise of %s keeps the last set, and is told', async (_, nonsense, message) => {
    const sets: unknown[] = [[A], nonsense];
    const { backend, discovery, names } = await discovering(async () => sets.shift() as OriginSet, {
      originsInterval: 5000,
    });
    await backend.advance(5000);
    expect(discovery.stats.error).toContain(message);
    expect([names(), backend.eventsOf('discoveryFailed').length]).toEqual([[A], 1]);
  });

  test('URL objects are origins', async () => {
    const { names } = await discovering(() => [new URL(A), { url: new URL(B), weight: 2 }]);
    expect(names()).toEqual([A, B]);
  });

  test('is asked again sooner after it has failed, and what is found then is told', async () => {
    const { find, signals } = script(new Error('1'), new Error('2'), [A], [A]);
    const { backend, discovery } = await discovering(find, { originsInterval: 5000 });
    await backend.advance(1000);
    await backend.advance(2000);
    const counts = [signals.length, discovery.stats.failures];
    await backend.advance(5000);
    expect([counts, backend.eventsOf('discovered')]).toEqual([[3, 0], [{ origins: [A] }]]);
  });

  test('a set may have other weights: that is told by originChanged', async () => {
    const { find } = script([A, B], [{ url: A, weight: 5 }, B]);
    const { backend } = await discovering(find, { originsInterval: 1000 });
    await backend.advance(1000);
    expect(backend.eventsOf('originChanged').at(-1)).toEqual({ origin: A, change: 'weight', weight: 5 });
    expect(backend.eventsOf('discovered')).toHaveLength(1);
  });

  test('one that is drained stays so, though it is found again', async () => {
    const { find } = script([A, B]);
    const { backend } = await discovering(find, { originsInterval: 1000 });
    void backend.fleet.drain(A);
    await backend.advance(1000);
    expect(backend.originStats().service).toBe('draining');
  });

  test('of a large set the subset is used', async () => {
    const set = Array.from({ length: 20 }, (_, number) => `http://${number}.test:80`);
    const { names } = await discovering(() => set, { subset: { size: 3, id: 'web-1' } });
    expect(names()).toHaveLength(3);
  });

  test('requests wait for the first set, for as long as they wait for a connection', async () => {
    const { find } = script(new Error('not yet'), [A]);
    const { backend } = await discovering(find);
    const [patient, hasty] = [await backend.sent(), await backend.sent({ queueTimeout: 500 })];
    await backend.advance(1000);
    (await backend.accept()).answer();
    await backend.settle();
    expect([patient.outcome, hasty.outcome]).toEqual([200, 'connection_limit_reached']);
  });
});

describe('ready', () => {
  test('waits for the first set', async () => {
    const { find } = script(new Error('not yet'), [A]);
    const { backend, discovery } = await discovering(find);
    let isReady = false;
    void discovery.ready().then(() => {
      isReady = true;
    });
    await backend.settle();
    const before = isReady;
    await backend.advance(1000);
    expect([before, isReady]).toEqual([false, true]);
  });

  test('resolves when no set will ever come', async () => {
    const source = told();
    const { discovery, backend } = await discovering(source.sets);
    source.end();
    await backend.settle();
    await discovery.ready();
    expect(discovery.stats).toMatchObject({ state: 'ended', sets: 0 });
  });
});

describe('an iterable', () => {
  test('each set that it gives is the set', async () => {
    const source = told();
    const { backend, names, discovery } = await discovering(source.sets);
    source.set([A]);
    await backend.settle();
    const first = names();
    source.set([A, B]);
    await backend.settle();
    expect([first, names(), discovery.stats]).toMatchObject([[A], [A, B], { state: 'listening', sets: 2 }]);
  });

  test('a bad set is told, and the next one is heard', async () => {
    const source = told();
    const { backend, names } = await discovering(source.sets);
    source.set([]);
    await backend.settle();
    source.set([B]);
    await backend.settle();
    expect([names(), backend.eventsOf('discoveryFailed')]).toMatchObject([[B], [{ failures: 1, retryInMs: null }]]);
  });

  test.each(['end', 'fail'] as const)('the last set stays when it comes to its end: %s', async (how) => {
    const source = told();
    const { backend, names, discovery } = await discovering(source.sets);
    source.set([A]);
    await backend.settle();
    source[how](new Error('broke'));
    await backend.settle();
    expect([names(), discovery.stats.state, backend.eventsOf('discoveryFailed').length]).toEqual([
      [A],
      'ended',
      how === 'fail' ? 1 : 0,
    ]);
  });

  test('that it comes to its end is told once', async () => {
    const source = told();
    const { backend } = await discovering(source.sets);
    source.set([A]);
    await backend.settle();
    source.end();
    await backend.settle();
    expect(backend.eventsOf('discoveryEnded')).toEqual([{ origins: [A] }]);
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no iterator');
      },
    ],
    ['gives nothing', () => undefined],
    ['gives what has no next()', () => ({})],
    ['gives results that are none', () => ({ next: () => undefined })],
    [
      'gives numbers as results',
      () => {
        let left = 100; // without an end no test could fail: nothing else would have a turn
        const next = () => {
          if (left === 0) throw new Error('asked without end');
          left -= 1;
          return left;
        };
        return { next };
      },
    ],
  ])('an iterable whose iterator %s is told, and the backend lives on', async (_, iterator) => {
    const { backend, discovery } = await discovering({ [Symbol.asyncIterator]: iterator } as AsyncIterable<OriginSet>);
    await discovery.ready();
    expect([discovery.stats.state, backend.eventsOf('discoveryFailed').length]).toEqual(['ended', 1]);
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no end');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('no end');
      },
    ],
    ['gives no promise', () => 5],
  ])('a return() that %s disturbs no close()', async (_, end) => {
    const sets = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: end }) };
    const { backend, discovery } = await discovering(sets as AsyncIterable<OriginSet>);
    discovery.close();
    await backend.settle();
    expect([discovery.stats.state, backend.eventsOf('discoveryFailed')]).toEqual(['closed', []]);
  });

  test('is told to stop by close(), and what it gives then does not count', async () => {
    const source = told();
    const { backend, names, discovery } = await discovering(source.sets);
    discovery.close();
    source.set([A]);
    await backend.settle();
    expect([source.state.returned, names(), discovery.stats.state]).toEqual([1, [], 'closed']);
  });
});

describe('close', () => {
  test('ends the watch: nobody is asked again', async () => {
    const { find, signals } = script([A]);
    const { backend, discovery } = await discovering(find, { originsInterval: 1000 });
    discovery.close();
    await backend.advance(10_000);
    expect([signals.length, discovery.stats.nextInMs]).toEqual([1, null]);
  });

  test('aborts the call that is under way, and lets go of who waits for the first set', async () => {
    const signals: AbortSignal[] = [];
    const slow = ({ signal }: { readonly signal: AbortSignal }) => {
      signals.push(signal);
      return new Promise<OriginSet>(() => {});
    };
    const { discovery, backend } = await discovering(slow);
    const ready = discovery.ready();
    discovery.close();
    await ready;
    await backend.settle();
    expect([signals[0]?.aborted, backend.eventsOf('discoveryFailed')]).toEqual([true, []]);
  });
});

test.each([
  ['added', (backend: MemoryBackend) => backend.fleet.add(B)],
  ['removed', (backend: MemoryBackend) => backend.fleet.remove(A)],
  ['weighed', (backend: MemoryBackend) => backend.fleet.setWeight(A, 2)],
])('origins that are discovered are not %s by hand', async (verb, change) => {
  const { backend, names } = await discovering(() => [A]);
  expect(() => change(backend)).toThrow(`origins that are discovered cannot be ${verb} by hand`);
  expect(names()).toEqual([A]);
});
