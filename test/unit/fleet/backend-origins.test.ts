import { describe, expect, test } from 'vitest';
import { Origin } from '../../../src/origin/origin.js';
import { MemoryBackend } from '../../memory-backend.js';

const [A, B, C] = ['http://a.test:80', 'http://b.test:80', 'http://c.test:80'] as const;

function services(backend: MemoryBackend): string[] {
  return backend.stats.origins.map(({ origin, service }) => `${origin.charAt(7)} ${service}`);
}

/** A backend of two origins, each with a request under way. */
async function busyTwo(options = {}) {
  const backend = await MemoryBackend.open({ origins: [A, B], ...options });
  const callers = [await backend.sent(), await backend.sent()];
  const peers = [await backend.accept(), await backend.accept()];
  return { backend, callers, peers };
}

test('adding and removing one origin looks at no other before a request comes, so that thousands may come one by one', async () => {
  let looks = 0;
  class Watched extends Origin {
    override get options() {
      if (super.options.origin === A) looks += 1;
      return super.options;
    }
  }
  const backend = await MemoryBackend.open({ origins: [A, B], createOrigin: (...parts) => new Watched(...parts) });
  await backend.sent();
  looks = 0;
  backend.fleet.add(C);
  void backend.fleet.remove(B);
  const looksBefore = looks;
  await backend.sent();
  expect([looksBefore, looks > 0]).toEqual([0, true]);
});

describe('add', () => {
  test('an origin serves from the next request on, and those who wait', async () => {
    const backend = await MemoryBackend.open({ origins: [A], maxConnections: 1 });
    await backend.sent();
    await backend.accept();
    const waiting = await backend.sent();
    backend.fleet.add(B);
    await backend.settle();
    (await backend.accept()).answer();
    await backend.settle();
    expect([waiting.outcome, backend.peerOf(waiting)?.origin]).toEqual([200, B]);
  });

  test('an origin that is there already is refused by name, and nothing changes', async () => {
    const backend = await MemoryBackend.open({ origins: [A] });
    expect(() => backend.fleet.add({ url: `${A}/`, weight: 9 })).toThrow(
      'origin must be a new one, got http://a.test:80 again',
    );
    expect(backend.originStats().weight).toBe(1);
  });

  test.each([A, `${A}/`, 'http://a.test', 'HTTP://A.TEST', new URL(A), { url: new URL('http://A.test/') }])(
    'an origin that is there already is known however it is written: %s',
    async (again) => {
      const backend = await MemoryBackend.open({ origins: [A] });
      expect(() => backend.fleet.add(again)).toThrow('got http://a.test:80 again');
      expect([backend.fleet.names, backend.eventsOf('originChanged')]).toEqual([[A], []]);
    },
  );

  test('a URL object names an origin in every call', async () => {
    const backend = await MemoryBackend.open({ origins: [A] });
    const b = new URL(B);
    backend.fleet.add(b);
    backend.fleet.setWeight(b, 3);
    const weight = backend.originStats(1).weight;
    await backend.fleet.drain(b);
    backend.fleet.ready(b);
    await backend.fleet.remove(b);
    expect([weight, backend.fleet.names]).toEqual([3, [A]]);
  });

  test('the weight of an origin that is an object of a class is changed, and nothing else of it', async () => {
    class Settings {
      get url(): string {
        return B;
      }
      get maxConnections(): number {
        return 7;
      }
    }
    const backend = await MemoryBackend.open({ origins: [A, new Settings()] });
    backend.fleet.setWeight(B, 3);
    const { weight, connections } = backend.originStats(1);
    expect([weight, connections.max]).toEqual([3, 7]);
  });

  test('a URL names an origin whatever it would be by the limits of all', async () => {
    const origins = [{ url: A, maxConnections: 9 }];
    const backend = await MemoryBackend.open({ origins, maxConnections: 2, minConnections: 5 });
    backend.fleet.setWeight(A, 3);
    backend.fleet.ready(A);
    expect(backend.originStats().weight).toBe(3);
  });

  test('an origin that is leaving stays, with its connections and the new settings', async () => {
    const { backend, callers, peers } = await busyTwo();
    const gone = backend.fleet.remove(A);
    backend.fleet.add({ url: A, weight: 7 });
    await gone;
    peers[0]?.answer();
    await backend.settle();
    expect([callers[0]?.outcome, backend.originStats()]).toMatchObject([
      200,
      { service: 'serving', weight: 7, connections: { idle: 1 }, closed: {} },
    ]);
  });
});

test.each([-1, 257, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null, undefined])(
  'a weight of %o is refused while running, and the last one stays',
  async (weight) => {
    const backend = await MemoryBackend.open({ origins: [{ url: A, weight: 2 }, B] });
    expect(() => backend.fleet.setWeight(A, weight as number)).toThrow(
      'origin.weight must be an integer from 0 to 256, got',
    );
    expect([backend.originStats().weight, backend.eventsOf('originChanged')]).toEqual([2, []]);
  },
);

test('who waits for a session at an origin that is removed goes elsewhere', async () => {
  const backend = await MemoryBackend.open({ origins: [A, B], maxConnections: 1 });
  await backend.sent({ boundTo: A });
  const peer = await backend.accept();
  const waiting = [await backend.sent({ boundTo: A }), await backend.sent({ boundTo: A })];
  const gone = backend.fleet.remove(A);
  await backend.settle();
  const other = await backend.accept();
  other.answer();
  await backend.settle();
  other.answer();
  peer.answer();
  await backend.settle();
  await gone;
  expect([waiting.map(({ outcome }) => outcome), other.requests]).toEqual([
    [200, 200],
    ['GET /2', 'GET /3'],
  ]);
  backend.checkAtRest();
});

test('with no weight left anywhere requests wait, until one is given', async () => {
  const backend = await MemoryBackend.open({ origins: [A, B] });
  backend.fleet.setWeight(A, 0);
  backend.fleet.setWeight(B, 0);
  const caller = await backend.sent();
  const waiting = [caller.outcome, backend.dialling.length];
  backend.fleet.setWeight(B, 1);
  await backend.settle();
  (await backend.accept()).answer();
  await backend.settle();
  expect([waiting, caller.outcome, backend.peerOf(caller)?.origin]).toEqual([['waiting', 0], 200, B]);
});

test.each([0, 1, 2, 3, 4, 5])('an origin comes back at any moment of its leaving (after %d)', async (moments) => {
  const backend = await MemoryBackend.open({ origins: [A] });
  void backend.fleet.remove(A);
  for (let moment = 0; moment < moments; moment += 1) await Promise.resolve();
  backend.fleet.add(A);
  const caller = await backend.sent();
  (await backend.accept()).answer();
  await backend.settle();
  expect(caller.outcome).toBe(200);
});

test('what is under way at an origin that leaves, comes back and leaves again at once ends there', async () => {
  const { backend, callers, peers } = await busyTwo();
  void backend.fleet.remove(A);
  backend.fleet.add(A);
  void backend.fleet.remove(A);
  await backend.settle();
  const before = services(backend);
  peers[0]?.answer();
  await backend.settle();
  expect([before, callers[0]?.outcome, services(backend)]).toEqual([['a leaving', 'b serving'], 200, ['b serving']]);
});

describe('remove', () => {
  test('what is under way ends there, then the origin is gone', async () => {
    const { backend, callers, peers } = await busyTwo();
    let gone = false;
    void backend.fleet.remove(A).then(() => {
      gone = true;
    });
    await backend.settle();
    const before = [gone, ...services(backend)];
    peers[0]?.answer();
    await backend.settle();
    expect([before, callers[0]?.outcome, gone, services(backend)]).toEqual([
      [false, 'a leaving', 'b serving'],
      200,
      true,
      ['b serving'],
    ]);
    expect(peers[0]?.closed).toBe(true);
  });

  test('its idle connections are closed at once, and the counts stay true', async () => {
    const { backend, peers } = await busyTwo();
    for (const peer of peers) peer.answer();
    await backend.settle();
    void backend.fleet.remove(B);
    backend.checkAtRest();
    await backend.settle();
    expect([peers.map(({ closed }) => closed), services(backend)]).toEqual([[false, true], ['a serving']]);
  });

  test('a request that waits for a dial there goes to another origin', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B] });
    const caller = await backend.sent();
    expect(backend.dialling.map(({ target }) => target.origin)).toEqual([A]);
    await backend.fleet.remove(A);
    await backend.settle();
    (await backend.accept()).answer();
    await backend.settle();
    expect([caller.outcome, backend.peerOf(caller)?.origin, backend.dials[0]?.state]).toEqual([200, B, 'abandoned']);
  });

  test('a re-send goes to another origin', async () => {
    const { backend, callers, peers } = await busyTwo();
    void backend.fleet.remove(A);
    peers[0]?.reset();
    await backend.settle();
    for (const dial of backend.dialling) backend.peers.push(dial.open());
    await backend.settle();
    for (const peer of backend.peers) if (peer.owes > 0) peer.answer();
    await backend.settle();
    expect([callers[0]?.outcome, callers[0] && backend.peerOf(callers[0])?.origin]).toEqual([200, B]);
  });

  test('without any origin requests wait for one to come, until their time is up', async () => {
    const backend = await MemoryBackend.open({ origins: [A] });
    await backend.fleet.remove(A);
    const served = await backend.sent({ queueTimeout: 1_000 });
    const late = await backend.sent({ queueTimeout: 100 });
    await backend.advance(150);
    backend.fleet.add(B);
    await backend.settle();
    (await backend.accept()).answer();
    await backend.settle();
    expect([served.outcome, late.outcome]).toEqual([200, 'connection_limit_reached']);
  });

  test('a URL that is none of the origins is refused with those that there are', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B] });
    expect(() => backend.fleet.remove(C)).toThrow(
      'url must be one of the origins (http://a.test:80, http://b.test:80), got http://c.test:80',
    );
  });
});

test('a list in another order is followed in that order', async () => {
  const backend = await MemoryBackend.open({ origins: [A, B], balance: 'first' });
  await backend.fleet.replace([C, B, A]);
  const caller = await backend.sent();
  (await backend.accept()).answer();
  await backend.settle();
  expect([backend.fleet.names, backend.peerOf(caller)?.origin]).toEqual([[C, B, A], C]);
});

describe.each([0, 1, 2, 3, 4, 5])(
  'that an origin was removed is told before one of its name is added (after %d)',
  (moments) => {
    test.each(['add', 'replace'] as const)('by %s', async (how) => {
      const backend = await MemoryBackend.open({ origins: [A, B] });
      const told: string[] = [];
      backend.emitter.on('originChanged', ({ origin, change }) => told.push(`${origin} ${change}`));
      void backend.fleet.remove(A);
      for (let moment = 0; moment < moments; moment += 1) await Promise.resolve();
      if (how === 'add') backend.fleet.add(A);
      else void backend.fleet.replace([A, B]);
      await backend.settle();
      expect([told.at(-1), backend.fleet.names.length]).toEqual([`${A} added`, 2]);
    });
  },
);

test('the names are without an origin as soon as it is told that it leaves', async () => {
  const backend = await MemoryBackend.open({ origins: [A, B] });
  const told: unknown[] = [];
  backend.emitter.on('originChanged', ({ change }) => told.push([change, ...backend.fleet.names]));
  void backend.fleet.remove(A);
  await backend.fleet.replace([C]);
  expect(told).toEqual([['leaving', B], ['leaving'], ['added', C], ['removed', C], ['removed', C]]);
});

test('origins that close together are gone together: a thousand are one change, not a thousand', async () => {
  const backend = await MemoryBackend.open({ origins: [A, B] });
  const left: number[] = [];
  backend.emitter.on('originChanged', ({ change }) => {
    if (change === 'removed') left.push(backend.stats.origins.length);
  });
  await backend.fleet.replace([C]);
  expect(left).toEqual([1, 1]);
});

test('origins that close together are all told to be removed before a listener adds one of them again', async () => {
  const backend = await MemoryBackend.open({ origins: [A, B, C] });
  const told: string[] = [];
  backend.emitter.on('originChanged', ({ origin, change }) => {
    told.push(`${change} ${origin}`);
    if (change === 'removed' && origin === A) backend.fleet.add(B);
  });
  await Promise.all([backend.fleet.remove(A), backend.fleet.remove(B)]);
  expect(told.slice(2)).toEqual([`removed ${A}`, `removed ${B}`, `added ${B}`]);
});

test('an origin that is added in the same step as it was closed is told to be removed before', async () => {
  const backend = await MemoryBackend.open({ origins: [A, B] });
  const told: string[] = [];
  backend.emitter.on('originChanged', ({ origin, change }) => told.push(`${change} ${origin}`));
  void backend.fleet.remove(A);
  await Promise.resolve();
  backend.fleet.add(A);
  expect(told).toEqual([`leaving ${A}`, `removed ${A}`, `added ${A}`]);
});

describe('drain', () => {
  test('resolves when the last request there has ended, and no other is sent there', async () => {
    const { backend, peers } = await busyTwo();
    let quiet = false;
    void backend.fleet.drain(A).then(() => {
      quiet = true;
    });
    await backend.sent();
    await backend.sent();
    const before = [quiet, backend.dialling.every(({ target }) => target.origin === B)];
    peers[0]?.answer();
    await backend.settle();
    expect([before, quiet, backend.originStats().connections.open]).toEqual([[false, true], true, 0]);
  });

  test('is over with ready()', async () => {
    const backend = await MemoryBackend.open({ origins: [A] });
    await backend.fleet.drain(A);
    const caller = await backend.sent();
    const before = backend.dialling.length;
    backend.fleet.ready(A);
    await backend.settle();
    (await backend.accept()).answer();
    await backend.settle();
    expect([before, caller.outcome]).toEqual([0, 200]);
  });

  test('lets the backups serve when no other origin does', async () => {
    const backend = await MemoryBackend.open({ origins: [A, { url: B, backup: true }] });
    void backend.fleet.drain(A);
    await backend.sent();
    expect(backend.dialling.map(({ target }) => target.origin)).toEqual([B]);
  });

  test('is told by events, with the weight', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B] });
    void backend.fleet.drain(A);
    backend.fleet.ready(A);
    backend.fleet.setWeight(A, 5);
    expect(backend.eventsOf('originChanged')).toEqual([
      { origin: A, change: 'draining', weight: 1 },
      { origin: A, change: 'ready', weight: 1 },
      { origin: A, change: 'weight', weight: 5 },
    ]);
  });
});

describe('setWeight', () => {
  test('0 sends no requests there, even when the others are full', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B], maxConnections: 1 });
    backend.fleet.setWeight(A, 0);
    await backend.sent();
    await backend.sent();
    expect(backend.dialling.map(({ target }) => target.origin)).toEqual([B]);
  });

  test('a weight out of bounds is refused, and the old one stays', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B] });
    expect(() => backend.fleet.setWeight(A, 257)).toThrow('origin.weight must be an integer from 0 to 256, got 257');
    expect(backend.originStats().weight).toBe(1);
  });
});

describe('replace', () => {
  test('those that stay keep their connections, new ones are added, the others leave', async () => {
    const { backend, peers } = await busyTwo();
    for (const peer of peers) peer.answer();
    await backend.settle();
    await backend.fleet.replace([C, { url: B, weight: 3 }]);
    expect(backend.stats.origins.map(({ origin, weight, connections }) => [origin, weight, connections.open])).toEqual([
      [C, 1, 0],
      [B, 3, 1],
    ]);
  });

  test('a bad set is refused with the place, and the last one stays', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B] });
    expect(() => backend.fleet.replace([C, A, C])).toThrow('origins[2] must differ from origins[0]');
    expect(backend.fleet.names).toEqual([A, B]);
  });

  test('fewer connections for one: the idle ones that are too many are closed, and no more are dialled', async () => {
    const backend = await MemoryBackend.open({ origins: [A], maxConnections: 3 });
    for (let sent = 0; sent < 3; sent += 1) await backend.sent();
    const peers = [await backend.accept(), await backend.accept(), await backend.accept()];
    peers[0]?.answer();
    await backend.settle();
    await backend.fleet.replace([{ url: A, maxConnections: 2 }]);
    const shrunk = backend.originStats();
    await backend.sent();
    expect([shrunk.connections.open, shrunk.closed, backend.dialling.length]).toEqual([2, { shrunk: 1 }, 0]);
  });

  test.each([
    [[], 'origins must be a list of at least one origin, got []'],
    [
      [{ url: B, weight: 0 }],
      'origins must be a list with at least one origin that is not a backup and has a weight above 0',
    ],
  ])('a set that could serve nobody is refused, and the last one stays: %j', async (set, message) => {
    const backend = await MemoryBackend.open({ origins: [A] });
    expect(() => backend.fleet.replace(set)).toThrow(message);
    expect(backend.fleet.names).toEqual([A]);
  });

  test('of a large set the subset is used', async () => {
    const set = Array.from({ length: 20 }, (_, number) => `http://${number}.test:80`);
    const subset = { size: 3, id: 'web-1' };
    const backend = await MemoryBackend.open({ origins: set, subset });
    const before = backend.fleet.names;
    await backend.fleet.replace([...set, 'http://20.test:80'].filter((name) => name !== before[0]));
    expect([before.length, backend.fleet.names.length]).toEqual([3, 3]);
    expect(backend.fleet.names).toEqual(expect.arrayContaining(before.slice(1)));
  });

  test('each change is told once', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B] });
    const set = [{ url: B, weight: 2 }, C];
    await backend.fleet.replace(set);
    await backend.fleet.replace(set);
    expect(backend.eventsOf('originChanged')).toEqual([
      { origin: A, change: 'leaving', weight: 1 },
      { origin: B, change: 'weight', weight: 2 },
      { origin: C, change: 'added', weight: 1 },
      { origin: A, change: 'removed', weight: 1 },
    ]);
  });
});

describe('what does not suit the options of the backend is refused', () => {
  test('an origin without TLS, where TLS is checked', async () => {
    const backend = await MemoryBackend.open({ origins: ['https://a.test'], check: { type: 'tls' } });
    const message = "check.type must be 'http' or 'tcp' for http://b.test:80, which has no TLS, got 'tls'";
    expect(() => backend.fleet.add(B)).toThrow(message);
    expect(() => backend.fleet.replace([B])).toThrow(message);
    expect(backend.fleet.names).toEqual(['https://a.test:443']);
  });

  test('another name in TLS for one that is there', async () => {
    const backend = await MemoryBackend.open({ origins: [{ url: 'https://10.0.0.1', host: 'a.test' }] });
    expect(() => backend.fleet.replace([{ url: 'https://10.0.0.1', host: 'b.test' }])).toThrow(
      'origins[0].host cannot be changed for https://10.0.0.1:443: it is a.test, got b.test',
    );
  });
});
