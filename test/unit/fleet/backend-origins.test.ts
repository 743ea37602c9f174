import { describe, expect, test } from 'vitest';
import { Origin } from '../../../src/origin/origin.js';
import { House } from '../../house.js';

const [A, B, C] = ['http://a.test:80', 'http://b.test:80', 'http://c.test:80'] as const;

function services(house: House): string[] {
  return house.stats.origins.map(({ origin, service }) => `${origin.charAt(7)} ${service}`);
}

/** A house of two origins, each with a request under way. */
async function busyTwo(options = {}) {
  const house = await House.open({ origins: [A, B], ...options });
  const callers = [await house.sent(), await house.sent()];
  const peers = [await house.accept(), await house.accept()];
  return { house, callers, peers };
}

test('adding and removing one origin looks at no other before a request comes, so that thousands may come one by one', async () => {
  let looks = 0;
  class Watched extends Origin {
    override get options() {
      if (super.options.origin === A) looks += 1;
      return super.options;
    }
  }
  const house = await House.open({ origins: [A, B], createOrigin: (...parts) => new Watched(...parts) });
  await house.sent();
  looks = 0;
  house.fleet.add(C);
  void house.fleet.remove(B);
  const looksBefore = looks;
  await house.sent();
  expect([looksBefore, looks > 0]).toEqual([0, true]);
});

describe('add', () => {
  test('an origin serves from the next request on, and those who wait', async () => {
    const house = await House.open({ origins: [A], maxConnections: 1 });
    await house.sent();
    await house.accept();
    const waiting = await house.sent();
    house.fleet.add(B);
    await house.settle();
    (await house.accept()).answer();
    await house.settle();
    expect([waiting.outcome, house.peerOf(waiting)?.origin]).toEqual([200, B]);
  });

  test('an origin that is there already is refused by name, and nothing changes', async () => {
    const house = await House.open({ origins: [A] });
    expect(() => house.fleet.add({ url: `${A}/`, weight: 9 })).toThrow(
      'origin must be a new one, got http://a.test:80 again',
    );
    expect(house.originStats().weight).toBe(1);
  });

  test.each([A, `${A}/`, 'http://a.test', 'HTTP://A.TEST', new URL(A), { url: new URL('http://A.test/') }])(
    'an origin that is there already is known however it is written: %s',
    async (again) => {
      const house = await House.open({ origins: [A] });
      expect(() => house.fleet.add(again)).toThrow('got http://a.test:80 again');
      expect([house.fleet.names, house.eventsOf('originChanged')]).toEqual([[A], []]);
    },
  );

  test('a URL object names an origin in every call', async () => {
    const house = await House.open({ origins: [A] });
    const b = new URL(B);
    house.fleet.add(b);
    house.fleet.setWeight(b, 3);
    const weight = house.originStats(1).weight;
    await house.fleet.drain(b);
    house.fleet.ready(b);
    await house.fleet.remove(b);
    expect([weight, house.fleet.names]).toEqual([3, [A]]);
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
    const house = await House.open({ origins: [A, new Settings()] });
    house.fleet.setWeight(B, 3);
    const { weight, connections } = house.originStats(1);
    expect([weight, connections.max]).toEqual([3, 7]);
  });

  test('a URL names an origin whatever it would be by the limits of all', async () => {
    const origins = [{ url: A, maxConnections: 9 }];
    const house = await House.open({ origins, maxConnections: 2, minConnections: 5 });
    house.fleet.setWeight(A, 3);
    house.fleet.ready(A);
    expect(house.originStats().weight).toBe(3);
  });

  test('an origin that is leaving stays, with its connections and the new settings', async () => {
    const { house, callers, peers } = await busyTwo();
    const gone = house.fleet.remove(A);
    house.fleet.add({ url: A, weight: 7 });
    await gone;
    peers[0]?.answer();
    await house.settle();
    expect([callers[0]?.outcome, house.originStats()]).toMatchObject([
      200,
      { service: 'serving', weight: 7, connections: { idle: 1 }, closed: {} },
    ]);
  });
});

test.each([-1, 257, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null, undefined])(
  'a weight of %o is refused while running, and the last one stays',
  async (weight) => {
    const house = await House.open({ origins: [{ url: A, weight: 2 }, B] });
    expect(() => house.fleet.setWeight(A, weight as number)).toThrow(
      'origin.weight must be an integer from 0 to 256, got',
    );
    expect([house.originStats().weight, house.eventsOf('originChanged')]).toEqual([2, []]);
  },
);

test('who waits for a session at an origin that is removed goes elsewhere', async () => {
  const house = await House.open({ origins: [A, B], maxConnections: 1 });
  await house.sent({ boundTo: A });
  const peer = await house.accept();
  const waiting = [await house.sent({ boundTo: A }), await house.sent({ boundTo: A })];
  const gone = house.fleet.remove(A);
  await house.settle();
  const other = await house.accept();
  other.answer();
  await house.settle();
  other.answer();
  peer.answer();
  await house.settle();
  await gone;
  expect([waiting.map(({ outcome }) => outcome), other.requests]).toEqual([
    [200, 200],
    ['GET /2', 'GET /3'],
  ]);
  house.checkAtRest();
});

test('with no weight left anywhere requests wait, until one is given', async () => {
  const house = await House.open({ origins: [A, B] });
  house.fleet.setWeight(A, 0);
  house.fleet.setWeight(B, 0);
  const caller = await house.sent();
  const waiting = [caller.outcome, house.dialling.length];
  house.fleet.setWeight(B, 1);
  await house.settle();
  (await house.accept()).answer();
  await house.settle();
  expect([waiting, caller.outcome, house.peerOf(caller)?.origin]).toEqual([['waiting', 0], 200, B]);
});

test.each([0, 1, 2, 3, 4, 5])('an origin comes back at any moment of its leaving (after %d)', async (moments) => {
  const house = await House.open({ origins: [A] });
  void house.fleet.remove(A);
  for (let moment = 0; moment < moments; moment += 1) await Promise.resolve();
  house.fleet.add(A);
  const caller = await house.sent();
  (await house.accept()).answer();
  await house.settle();
  expect(caller.outcome).toBe(200);
});

test('what is under way at an origin that leaves, comes back and leaves again at once ends there', async () => {
  const { house, callers, peers } = await busyTwo();
  void house.fleet.remove(A);
  house.fleet.add(A);
  void house.fleet.remove(A);
  await house.settle();
  const before = services(house);
  peers[0]?.answer();
  await house.settle();
  expect([before, callers[0]?.outcome, services(house)]).toEqual([['a leaving', 'b serving'], 200, ['b serving']]);
});

describe('remove', () => {
  test('what is under way ends there, then the origin is gone', async () => {
    const { house, callers, peers } = await busyTwo();
    let gone = false;
    void house.fleet.remove(A).then(() => {
      gone = true;
    });
    await house.settle();
    const before = [gone, ...services(house)];
    peers[0]?.answer();
    await house.settle();
    expect([before, callers[0]?.outcome, gone, services(house)]).toEqual([
      [false, 'a leaving', 'b serving'],
      200,
      true,
      ['b serving'],
    ]);
    expect(peers[0]?.closed).toBe(true);
  });

  test('its idle connections are closed at once, and the counts stay true', async () => {
    const { house, peers } = await busyTwo();
    for (const peer of peers) peer.answer();
    await house.settle();
    void house.fleet.remove(B);
    house.checkAtRest();
    await house.settle();
    expect([peers.map(({ closed }) => closed), services(house)]).toEqual([[false, true], ['a serving']]);
  });

  test('a request that waits for a dial there goes to another origin', async () => {
    const house = await House.open({ origins: [A, B] });
    const caller = await house.sent();
    expect(house.dialling.map(({ target }) => target.origin)).toEqual([A]);
    await house.fleet.remove(A);
    await house.settle();
    (await house.accept()).answer();
    await house.settle();
    expect([caller.outcome, house.peerOf(caller)?.origin, house.dials[0]?.state]).toEqual([200, B, 'abandoned']);
  });

  test('a re-send goes to another origin', async () => {
    const { house, callers, peers } = await busyTwo();
    void house.fleet.remove(A);
    peers[0]?.reset();
    await house.settle();
    for (const dial of house.dialling) house.peers.push(dial.open());
    await house.settle();
    for (const peer of house.peers) if (peer.owes > 0) peer.answer();
    await house.settle();
    expect([callers[0]?.outcome, callers[0] && house.peerOf(callers[0])?.origin]).toEqual([200, B]);
  });

  test('without any origin requests wait for one to come, until their time is up', async () => {
    const house = await House.open({ origins: [A] });
    await house.fleet.remove(A);
    const served = await house.sent({ queueTimeout: 1_000 });
    const late = await house.sent({ queueTimeout: 100 });
    await house.advance(150);
    house.fleet.add(B);
    await house.settle();
    (await house.accept()).answer();
    await house.settle();
    expect([served.outcome, late.outcome]).toEqual([200, 'connection_limit_reached']);
  });

  test('a URL that is none of the origins is refused with those that there are', async () => {
    const house = await House.open({ origins: [A, B] });
    expect(() => house.fleet.remove(C)).toThrow(
      'url must be one of the origins (http://a.test:80, http://b.test:80), got http://c.test:80',
    );
  });
});

test('a list in another order is followed in that order', async () => {
  const house = await House.open({ origins: [A, B], balance: 'first' });
  await house.fleet.replace([C, B, A]);
  const caller = await house.sent();
  (await house.accept()).answer();
  await house.settle();
  expect([house.fleet.names, house.peerOf(caller)?.origin]).toEqual([[C, B, A], C]);
});

describe.each([0, 1, 2, 3, 4, 5])(
  'that an origin was removed is told before one of its name is added (after %d)',
  (moments) => {
    test.each(['add', 'replace'] as const)('by %s', async (how) => {
      const house = await House.open({ origins: [A, B] });
      const told: string[] = [];
      house.emitter.on('originChanged', ({ origin, change }) => told.push(`${origin} ${change}`));
      void house.fleet.remove(A);
      for (let moment = 0; moment < moments; moment += 1) await Promise.resolve();
      if (how === 'add') house.fleet.add(A);
      else void house.fleet.replace([A, B]);
      await house.settle();
      expect([told.at(-1), house.fleet.names.length]).toEqual([`${A} added`, 2]);
    });
  },
);

test('the names are without an origin as soon as it is told that it leaves', async () => {
  const house = await House.open({ origins: [A, B] });
  const told: unknown[] = [];
  house.emitter.on('originChanged', ({ change }) => told.push([change, ...house.fleet.names]));
  void house.fleet.remove(A);
  await house.fleet.replace([C]);
  expect(told).toEqual([['leaving', B], ['leaving'], ['added', C], ['removed', C], ['removed', C]]);
});

test('origins that close together are gone together: a thousand are one change, not a thousand', async () => {
  const house = await House.open({ origins: [A, B] });
  const left: number[] = [];
  house.emitter.on('originChanged', ({ change }) => {
    if (change === 'removed') left.push(house.stats.origins.length);
  });
  await house.fleet.replace([C]);
  expect(left).toEqual([1, 1]);
});

test('origins that close together are all told to be removed before a listener adds one of them again', async () => {
  const house = await House.open({ origins: [A, B, C] });
  const told: string[] = [];
  house.emitter.on('originChanged', ({ origin, change }) => {
    told.push(`${change} ${origin}`);
    if (change === 'removed' && origin === A) house.fleet.add(B);
  });
  await Promise.all([house.fleet.remove(A), house.fleet.remove(B)]);
  expect(told.slice(2)).toEqual([`removed ${A}`, `removed ${B}`, `added ${B}`]);
});

test('an origin that is added in the same step as it was closed is told to be removed before', async () => {
  const house = await House.open({ origins: [A, B] });
  const told: string[] = [];
  house.emitter.on('originChanged', ({ origin, change }) => told.push(`${change} ${origin}`));
  void house.fleet.remove(A);
  await Promise.resolve();
  house.fleet.add(A);
  expect(told).toEqual([`leaving ${A}`, `removed ${A}`, `added ${A}`]);
});

describe('drain', () => {
  test('resolves when the last request there has ended, and no other is sent there', async () => {
    const { house, peers } = await busyTwo();
    let quiet = false;
    void house.fleet.drain(A).then(() => {
      quiet = true;
    });
    await house.sent();
    await house.sent();
    const before = [quiet, house.dialling.every(({ target }) => target.origin === B)];
    peers[0]?.answer();
    await house.settle();
    expect([before, quiet, house.originStats().connections.open]).toEqual([[false, true], true, 0]);
  });

  test('is over with ready()', async () => {
    const house = await House.open({ origins: [A] });
    await house.fleet.drain(A);
    const caller = await house.sent();
    const before = house.dialling.length;
    house.fleet.ready(A);
    await house.settle();
    (await house.accept()).answer();
    await house.settle();
    expect([before, caller.outcome]).toEqual([0, 200]);
  });

  test('lets the backups serve when no other origin does', async () => {
    const house = await House.open({ origins: [A, { url: B, backup: true }] });
    void house.fleet.drain(A);
    await house.sent();
    expect(house.dialling.map(({ target }) => target.origin)).toEqual([B]);
  });

  test('is told by events, with the weight', async () => {
    const house = await House.open({ origins: [A, B] });
    void house.fleet.drain(A);
    house.fleet.ready(A);
    house.fleet.setWeight(A, 5);
    expect(house.eventsOf('originChanged')).toEqual([
      { origin: A, change: 'draining', weight: 1 },
      { origin: A, change: 'ready', weight: 1 },
      { origin: A, change: 'weight', weight: 5 },
    ]);
  });
});

describe('setWeight', () => {
  test('0 sends no requests there, even when the others are full', async () => {
    const house = await House.open({ origins: [A, B], maxConnections: 1 });
    house.fleet.setWeight(A, 0);
    await house.sent();
    await house.sent();
    expect(house.dialling.map(({ target }) => target.origin)).toEqual([B]);
  });

  test('a weight out of bounds is refused, and the old one stays', async () => {
    const house = await House.open({ origins: [A, B] });
    expect(() => house.fleet.setWeight(A, 257)).toThrow('origin.weight must be an integer from 0 to 256, got 257');
    expect(house.originStats().weight).toBe(1);
  });
});

describe('replace', () => {
  test('those that stay keep their connections, new ones are added, the others leave', async () => {
    const { house, peers } = await busyTwo();
    for (const peer of peers) peer.answer();
    await house.settle();
    await house.fleet.replace([C, { url: B, weight: 3 }]);
    expect(house.stats.origins.map(({ origin, weight, connections }) => [origin, weight, connections.open])).toEqual([
      [C, 1, 0],
      [B, 3, 1],
    ]);
  });

  test('a bad set is refused with the place, and the last one stays', async () => {
    const house = await House.open({ origins: [A, B] });
    expect(() => house.fleet.replace([C, A, C])).toThrow('origins[2] must differ from origins[0]');
    expect(house.fleet.names).toEqual([A, B]);
  });

  test('fewer connections for one: the idle ones that are too many are closed, and no more are dialled', async () => {
    const house = await House.open({ origins: [A], maxConnections: 3 });
    for (let sent = 0; sent < 3; sent += 1) await house.sent();
    const peers = [await house.accept(), await house.accept(), await house.accept()];
    peers[0]?.answer();
    await house.settle();
    await house.fleet.replace([{ url: A, maxConnections: 2 }]);
    const shrunk = house.originStats();
    await house.sent();
    expect([shrunk.connections.open, shrunk.closed, house.dialling.length]).toEqual([2, { shrunk: 1 }, 0]);
  });

  test.each([
    [[], 'origins must be a list of at least one origin, got []'],
    [
      [{ url: B, weight: 0 }],
      'origins must be a list with at least one origin that is not a backup and has a weight above 0',
    ],
  ])('a set that could serve nobody is refused, and the last one stays: %j', async (set, message) => {
    const house = await House.open({ origins: [A] });
    expect(() => house.fleet.replace(set)).toThrow(message);
    expect(house.fleet.names).toEqual([A]);
  });

  test('of a large set the subset is used', async () => {
    const set = Array.from({ length: 20 }, (_, number) => `http://${number}.test:80`);
    const subset = { size: 3, id: 'web-1' };
    const house = await House.open({ origins: set, subset });
    const before = house.fleet.names;
    await house.fleet.replace([...set, 'http://20.test:80'].filter((name) => name !== before[0]));
    expect([before.length, house.fleet.names.length]).toEqual([3, 3]);
    expect(house.fleet.names).toEqual(expect.arrayContaining(before.slice(1)));
  });

  test('each change is told once', async () => {
    const house = await House.open({ origins: [A, B] });
    const set = [{ url: B, weight: 2 }, C];
    await house.fleet.replace(set);
    await house.fleet.replace(set);
    expect(house.eventsOf('originChanged')).toEqual([
      { origin: A, change: 'leaving', weight: 1 },
      { origin: B, change: 'weight', weight: 2 },
      { origin: C, change: 'added', weight: 1 },
      { origin: A, change: 'removed', weight: 1 },
    ]);
  });
});

describe('what does not suit the options of the backend is refused', () => {
  test('an origin without TLS, where TLS is checked', async () => {
    const house = await House.open({ origins: ['https://a.test'], check: { type: 'tls' } });
    const message = "check.type must be 'http' or 'tcp' for http://b.test:80, which has no TLS, got 'tls'";
    expect(() => house.fleet.add(B)).toThrow(message);
    expect(() => house.fleet.replace([B])).toThrow(message);
    expect(house.fleet.names).toEqual(['https://a.test:443']);
  });

  test('another name in TLS for one that is there', async () => {
    const house = await House.open({ origins: [{ url: 'https://10.0.0.1', host: 'a.test' }] });
    expect(() => house.fleet.replace([{ url: 'https://10.0.0.1', host: 'b.test' }])).toThrow(
      'origins[0].host cannot be changed for https://10.0.0.1:443: it is a.test, got b.test',
    );
  });
});
