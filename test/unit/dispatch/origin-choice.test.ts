import { describe, expect, onTestFinished, test } from 'vitest';
import { PooledBackend } from '../../../src/backend.js';
import type { Balancer } from '../../../src/balance/balancer.js';
import { answer, MemoryNetwork, ScriptedOrigin } from '../../../src/testing/index.js';
import { type Caller, MemoryBackend, type MemoryBackendOptions, type Peer } from '../../memory-backend.js';

const [A, B, C] = ['http://a.test:80', 'http://b.test:80', 'http://c.test:80'] as const;
const WITH_BACKUP = [A, { url: B, backup: true }];

/** Sends GETs until each origin has carried `each`, all under way. */
async function busy(backend: MemoryBackend, count: number): Promise<Caller[]> {
  const callers: Caller[] = [];
  for (let sent = 0; sent < count; sent += 1) {
    callers.push(await backend.sent());
    while (backend.dialling.length > 0) await backend.accept();
  }
  return callers;
}

function at(backend: MemoryBackend, origin: string): Peer[] {
  return backend.peers.filter((peer) => peer.origin === origin);
}

/** Makes the first origin refuse, so that its only request goes elsewhere. */
async function refuseFirst(options: MemoryBackendOptions): Promise<MemoryBackend> {
  const backend = await MemoryBackend.open(options);
  await backend.sent();
  await backend.refuse();
  return backend;
}

describe('least-busy', () => {
  test.each([
    [[A, B], 8, [4, 4]],
    [[A, B, C], 9, [3, 3, 3]],
    [[A, { url: B, weight: 2 }], 9, [3, 6]],
  ])('spreads requests under way over the origins %j', async (origins, count, expected) => {
    const backend = await MemoryBackend.open({ origins });
    await busy(backend, count);
    expect(backend.stats.origins.map((one) => one.connections.busy)).toEqual(expected);
  });

  test('goes on with those that have room when one is full', async () => {
    const backend = await MemoryBackend.open({ origins: [{ url: A, maxConnections: 1 }, B], maxConnections: 5 });
    await busy(backend, 6);
    expect(backend.stats.origins.map((one) => one.connections.busy)).toEqual([1, 5]);
  });
});

describe('an origin that hangs when it is dialled', () => {
  test('holds up no request while another has an idle connection', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B] });
    const idle = await backend.idle();
    const caller = await backend.sent(); // the turn of the other one
    expect([backend.dialling.length, backend.peerOf(caller)]).toEqual([1, idle]);
  });

  test('is tried again without a request, while another serves', async () => {
    const backend = await refuseFirst({ origins: [A, B] });
    const steady = await backend.accept();
    steady.answer();
    await backend.advance(760);
    const caller = await backend.sent();
    const [trial] = backend.dialling;
    expect([trial?.target.origin, backend.peerOf(caller)?.origin]).toEqual([A, B]);
    trial?.open();
    await backend.settle();
    expect(backend.originStats(0)).toMatchObject({ backoff: { state: 'ready' }, connections: { spare: 1 } });
  });

  test('takes all who wait once it is back', async () => {
    const backend = await refuseFirst({ origins: [A, { url: B, maxConnections: 1 }] });
    await backend.accept();
    await backend.advance(760);
    for (let sent = 0; sent < 3; sent += 1) await backend.sent();
    const trials = backend.dialling.length;
    await backend.accept();
    expect([trials, backend.dialling.length, backend.queue.length]).toEqual([1, 2, 2]);
  });

  test('is tried by no request though another is being tried already', async () => {
    const backend = await refuseFirst({ origins: [A, B, C] });
    await backend.refuse();
    await backend.accept();
    await backend.advance(760);
    const caller = await backend.sent();
    expect(backend.dialling.map((dial) => dial.target.origin)).toEqual([A, C, B]);
    for (const dial of backend.dialling.filter(({ target }) => target.origin !== C)) dial.refuse();
    await backend.accept();
    expect(backend.peerOf(caller)?.origin).toBe(C);
  });

  test('is tried though one that is full is in back-off, too', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B, C], maxConnections: 2, balance: 'first' });
    await busy(backend, 1);
    await backend.sent();
    await backend.refuse();
    await backend.refuse();
    (await backend.accept()).answer();
    await backend.update({ maxConnections: 1 });
    await backend.advance(760);
    await backend.sent();
    expect(backend.dialling.map((dial) => dial.target.origin)).toEqual([B]);
  });

  test('is tried for who waits as soon as its time is over, though no other request comes', async () => {
    const backend = await refuseFirst({ origins: WITH_BACKUP, maxConnections: 1 });
    await backend.accept();
    const waiting = await backend.sent();
    await backend.advance(1_000);
    const peer = await backend.accept();
    expect([peer.origin, backend.peerOf(waiting)]).toEqual([A, peer]);
  });

  test('is tried again for its sessions, though it takes nothing else', async () => {
    const backend = await MemoryBackend.open({ origins: [{ url: A, weight: 0 }, B], sticky: { cookie: 'at' } });
    await backend.sent({ boundTo: A });
    await backend.refuse();
    (await backend.accept()).answer();
    await backend.advance(1_000);
    await backend.sent();
    await backend.accept();
    const bound = await backend.sent({ boundTo: A });
    expect(backend.peerOf(bound)?.origin).toBe(A);
  });

  test('has one trial dial at a time', async () => {
    const backend = await refuseFirst({ origins: [A, B] });
    await backend.accept();
    await backend.advance(760);
    await busy(backend, 0);
    for (let sent = 0; sent < 3; sent += 1) await backend.sent();
    expect(backend.dialling.filter((dial) => dial.target.origin === A)).toHaveLength(1);
  });
});

describe('a backup', () => {
  test('serves while its primary is in back-off, and no longer', async () => {
    const backend = await refuseFirst({ origins: WITH_BACKUP });
    (await backend.accept()).answer();
    await backend.advance(760);
    await backend.sent();
    const trial = await backend.accept();
    at(backend, B)[0]?.answer();
    await backend.settle();
    const caller = await backend.sent();
    expect(backend.peerOf(caller)).toBe(trial);
  });

  test('does not serve when its primary is merely full, not even over a connection that it has', async () => {
    const backend = await refuseFirst({ origins: WITH_BACKUP, maxConnections: 1 });
    const backup = await backend.accept();
    await backend.advance(760);
    await backend.sent();
    const primary = backend.dialling.find((dial) => dial.target.origin === A)?.open();
    await backend.settle();
    const waiting = await backend.sent();
    backup.answer();
    await backend.settle();
    expect([primary?.requests, waiting.outcome, backup.requests.length]).toEqual([['GET /2'], 'waiting', 1]);
  });

  test('serves when every primary is ejected, however many that are', async () => {
    const backend = await MemoryBackend.open({
      origins: [A, B, { url: C, backup: true }],
      ejection: { failures: 1, time: 10_000 },
      minConnections: 1,
    });
    while (backend.dialling.length > 0) {
      if (backend.dialling[0]?.target.origin === C) await backend.accept();
      else (await backend.accept()).reset();
      await backend.settle();
      if (backend.dials.length > 6) break;
    }
    for (const method of ['POST', 'POST', 'POST', 'POST']) {
      const caller = await backend.sent({ method });
      if (backend.dialling.length > 0) await backend.accept();
      if (backend.peerOf(caller)?.origin === C) break;
      backend.peerOf(caller)?.reset();
      await backend.settle();
    }
    expect(backend.stats.origins.map((one) => one.health.state)).toEqual(['ejected', 'ejected', 'healthy']);
    expect(at(backend, C)[0]?.requests).toHaveLength(1);
  });
});

describe('an ejected origin', () => {
  const options: MemoryBackendOptions = { origins: [A, B], maxConnections: 2, ejection: { failures: 1, time: 1_000 } };

  /** Two requests under way to each origin; then the first origin is ejected for a reset of one of its. */
  async function ejected(ejection = options.ejection) {
    const backend = await MemoryBackend.open({ ...options, ejection });
    const callers: Caller[] = [];
    for (let sent = 0; sent < 4; sent += 1) {
      callers.push(await backend.sent({ method: 'POST' }));
      await backend.accept();
    }
    const [failing, left] = at(backend, A);
    failing?.reset();
    await backend.settle();
    if (left === undefined) throw new Error('no second connection');
    return { backend, left, callers };
  }

  test('gets no request, not even over a connection that comes back to it', async () => {
    const { backend, left } = await ejected();
    const waiting = await backend.sent();
    left.answer();
    await backend.settle();
    expect([backend.originStats(0).health.state, waiting.outcome, left.requests.length]).toEqual([
      'ejected',
      'waiting',
      1,
    ]);
  });

  test('is tried by one of those who wait as soon as its time is over, though nothing else happens', async () => {
    const { backend, left } = await ejected();
    left.answer();
    await backend.settle();
    const [first, second] = [await backend.sent(), await backend.sent()];
    await backend.advance(1_000);
    expect([backend.peerOf(first), backend.peerOf(second), backend.originStats(0).health.state]).toEqual([
      left,
      undefined,
      'probing',
    ]);
  });

  test('is tried by another as soon as its probe has taken too long, though nothing else happens', async () => {
    const { backend, left } = await ejected({ failures: 1, time: 1_000, maxTime: 2_000 });
    left.reset();
    await backend.settle();
    await backend.sent();
    await backend.advance(1_000);
    await backend.accept(); // and never answers
    const waiting = await backend.sent();
    await backend.advance(2_000);
    const peer = await backend.accept();
    expect([peer.origin, backend.peerOf(waiting)]).toEqual([A, peer]);
  });

  test('is dialled for its probe, and the probe rides what was dialled', async () => {
    const { backend, left } = await ejected();
    left.reset();
    await backend.settle();
    const waiting = await backend.sent();
    await backend.advance(1_000);
    const peer = await backend.accept();
    expect([peer.origin, backend.peerOf(waiting)]).toEqual([A, peer]);
  });

  test('is readmitted when its probe is answered, and gets the others who wait', async () => {
    const { backend, left } = await ejected();
    left.answer();
    await backend.settle();
    const [, second] = [await backend.sent(), await backend.sent()];
    await backend.advance(1_000);
    left.answer();
    await backend.settle();
    expect([backend.originStats(0).health.state, backend.peerOf(second)]).toEqual(['healthy', left]);
  });

  test('is not kept out by a dial for a probe that no request was left for', async () => {
    const backend = await MemoryBackend.open({ ...options, maxConnections: 1 });
    await backend.sent({ method: 'POST' });
    (await backend.accept()).reset();
    await backend.settle();
    const ejectedOrigin = backend.stats.origins.findIndex((one) => one.health.state === 'ejected');
    await backend.sent();
    const steady = await backend.accept();
    await backend.advance(1_000);
    const waiting = await backend.sent();
    waiting.abort();
    await backend.accept();
    steady.answer();
    await backend.settle();
    const next = await backend.sent();
    backend.peerOf(next)?.answer();
    await backend.settle();
    const after = await backend.sent();
    backend.peerOf(after)?.answer();
    await backend.settle();
    expect(backend.originStats(ejectedOrigin)).toMatchObject({ health: { state: 'healthy' }, requests: 2 });
  });
});

describe('an ejected origin, while a request is its probe', () => {
  async function probing(options: MemoryBackendOptions) {
    const backend = await MemoryBackend.open({
      origins: [A, B],
      spareConnections: false,
      sticky: { cookie: 'at' },
      ...options,
    });
    const { standing } = backend.origin();
    const open = async (origin: string) => {
      const peer = backend.dialling.find((dial) => dial.target.origin === origin)?.open();
      if (peer === undefined) throw new Error(`nobody dials ${origin}`);
      backend.peers.push(peer);
      await backend.settle();
      return peer;
    };
    return { backend, standing, open };
  }

  test('is not tried by another when a dial for the minimum opens, and the answer of the probe is believed', async () => {
    const { backend, standing, open } = await probing({ minConnections: 2 });
    await open(A);
    standing.eject('connection_refused');
    await backend.advance(1_000);
    const probe = await backend.sent({ boundTo: A });
    await open(A);
    const meanwhile = standing.state.name;
    backend.peerOf(probe)?.answer();
    await backend.settle();
    expect([meanwhile, standing.state.name]).toEqual(['probing', 'healthy']);
  });

  test('is not tried by another when the dial that was made for the probe opens after it went another way', async () => {
    const { backend, standing, open } = await probing({});
    const busy = await backend.sent({ boundTo: A });
    const peer = await open(A);
    standing.eject('connection_refused');
    await backend.advance(1_000);
    const probe = await backend.sent({ boundTo: A });
    peer.answer();
    await backend.settle();
    await open(A);
    const meanwhile = standing.state.name;
    backend.peerOf(probe)?.answer();
    await backend.settle();
    expect([busy.outcome, backend.peerOf(probe), meanwhile, standing.state.name]).toEqual([
      200,
      peer,
      'probing',
      'healthy',
    ]);
  });
});

describe('when there is nobody to prefer', () => {
  test('all origins are tried, and an event says so', async () => {
    const backend = await MemoryBackend.open({
      origins: [A, B],
      spareConnections: false,
      ejection: { failures: 1, time: 10_000 },
    });
    for (let count = 0; count < 2; count += 1) {
      const caller = await backend.sent({ method: 'POST' });
      await backend.accept();
      backend.peerOf(caller)?.reset();
      await backend.settle();
    }
    const caller = await backend.sent();
    expect(backend.stats.origins.map((one) => one.health.state)).toEqual(['ejected', 'ejected']);
    expect([backend.dialling.length, caller.outcome, backend.eventsOf('failOpen').length]).toEqual([1, 'waiting', 1]);
  });

  test('no event says so where none is out: all are merely in back-off', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B], spareConnections: false, ejection: { failures: 10 } });
    await backend.sent();
    await backend.refuse();
    await backend.refuse();
    await backend.sent();
    const states = backend.stats.origins.map((one) => [one.health.state, one.backoff.state]);
    expect([states, backend.eventsOf('failOpen')]).toEqual([Array(2).fill(['healthy', 'waiting']), []]);
  });

  test.each<[string, number, string[][]]>([
    ['names those that are tried, and not one that its checks have taken down', 1, [[B, C]]],
    ['says nothing where no more are tried: one is down, the others are in back-off', Number.POSITIVE_INFINITY, []],
  ])('the event %s', async (_what, failures, expected) => {
    const network = new MemoryNetwork();
    const start = (hostname: string, isWell: boolean) =>
      ScriptedOrigin.start({
        network,
        hostname,
        port: 80,
        script: () => [answer({ status: isWell ? 200 : 503 })],
      });
    const [, ...well] = [await start('a.test', false), await start('b.test', true), await start('c.test', true)];
    const check = { interval: 60_000, fall: 1 };
    const options = { origins: [A, B, C], ejection: { failures, time: 60_000 }, check };
    const backend = new PooledBackend(options, network);
    onTestFinished(() => backend.destroy());
    const events: (readonly string[])[] = [];
    backend.on('failOpen', ({ origins }) => events.push(origins));
    await network.advance(60_000);
    for (const origin of well) await origin.stopListening('reset');
    for (let sent = 0; sent < 3; sent += 1) {
      const failed = backend.request({ path: '/', queueTimeout: 1_000 }).catch(() => {});
      await network.advance(1_000);
      await failed;
    }
    expect(backend.stats().origins[0]?.health.state).toBe('down');
    expect(events).toEqual(expected);
  });

  test('an ejected origin is tried while the only other one cannot be dialled', async () => {
    const backend = await MemoryBackend.open({
      origins: [A, B],
      spareConnections: false,
      ejection: { failures: 2, time: 10_000 },
    });
    for (const _ of [1, 2, 3, 4]) {
      const caller = await backend.sent({ method: 'POST' });
      if (backend.dialling[0]?.target.origin === A) await backend.accept();
      else await backend.refuse();
      for (const dial of backend.dialling) if (dial.target.origin === A) backend.peers.push(dial.open());
      await backend.settle();
      backend.peerOf(caller)?.reset();
      await backend.settle();
      if (backend.originStats(0).health.state === 'ejected') break;
    }
    expect(backend.stats.origins.map((one) => [one.health.state, one.backoff.state])).toEqual([
      ['ejected', 'ready'],
      ['healthy', 'waiting'],
    ]);
    await backend.sent();
    expect(backend.dialling.map((dial) => dial.target.origin)).toEqual([A]);
  });
});

describe("a balancer of the owner's that gives no position", () => {
  const earlier: unknown[] = [];
  test.each<[string, (candidates: readonly object[]) => unknown, string]>([
    ['nothing', () => undefined, 'got undefined'],
    ['a name of an array', () => 'length', "got 'length'"],
    ['a digit', () => '1', "got '1'"],
    [
      'a candidate of an earlier call',
      ([one]) => (earlier.length === 0 ? earlier.push(one) && one : earlier[0]),
      'got {',
    ],
    ['a promise', async () => 1, 'got Promise'],
    [
      'a promise that is rejected',
      async () => {
        throw new Error('lost');
      },
      'got Promise',
    ],
    ['a fraction', () => 0.5, 'got 0.5'],
    ['NaN', () => Number.NaN, 'got NaN'],
    ['the position after the last', ({ length }) => length, 'got 2'],
    ['a position before the first', () => -1, 'got -1'],
    ['a symbol', () => Symbol('first'), 'got Symbol(first)'],
    ['an object without a prototype', () => Object.create(null), 'got [Object: null prototype]'],
  ])('%s costs no request, and is told each time', async (_, pick, message) => {
    const backend = await MemoryBackend.open({ origins: [A, B], balance: { pick: pick as Balancer['pick'] } });
    const callers = [await backend.sent(), await backend.sent()];
    while (backend.dialling.length > 0) await backend.accept();
    for (const caller of callers) {
      backend.peerOf(caller)?.answer();
      await backend.settle();
    }
    const told = backend.eventsOf('balanceFailed') as { readonly error: Error }[];
    expect([callers.map(({ outcome }) => outcome), told.length]).toEqual([[200, 200], 2]);
    expect(told[0]?.error.message).toContain('the balancer must pick a position from 0 to 1');
    expect(told[0]?.error.message).toContain(message);
  });
});

describe('hash', () => {
  const balance = { type: 'hash', key: ({ fields }: { readonly fields: readonly string[] }) => fields[1] } as const;
  const keyed = (key: string) => ({ fields: ['X-Key', key] });

  test('a request waits for a connection of its own at its origin, though another has an idle one', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B], balance });
    const [first, second] = [await backend.sent(keyed('1')), await backend.sent(keyed('1'))];
    const targets = new Set(backend.dialling.map(({ target }) => target.origin));
    for (const peer of [await backend.accept(), await backend.accept()]) peer.answer();
    await backend.settle();
    expect([first?.outcome, second?.outcome, targets.size]).toEqual([200, 200, 1]);
  });

  test.each(['fresh', 'verified'] as const)(
    'a POST that travels %s takes the slot of an idle connection at its origin, though another has room',
    async (nonIdempotent) => {
      const backend = await MemoryBackend.open({ origins: [A, B], balance, nonIdempotent, maxConnections: 1 });
      const get = await backend.sent(keyed('1'));
      (await backend.accept()).answer();
      await backend.settle();
      const post = await backend.post(keyed('1'));
      (await backend.accept()).answer();
      await backend.settle();
      expect([post.outcome, backend.peerOf(post)?.origin]).toEqual([200, backend.peerOf(get)?.origin]);
    },
  );

  test('a request goes to another origin while its own is ejected, and back to it afterwards', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B], balance });
    const home = async () => {
      const caller = await backend.sent(keyed('1'));
      if (backend.dialling.length > 0) await backend.accept();
      const peer = backend.peerOf(caller);
      peer?.answer();
      await backend.settle();
      return peer?.origin;
    };
    const before = await home();
    void backend.fleet.drain(before ?? '');
    const meanwhile = await home();
    backend.fleet.ready(before ?? '');
    expect([new Set([before, meanwhile]).size, await home()]).toEqual([2, before]);
  });

  test('a key that throws costs no request, and is told', async () => {
    const error = new Error('no key');
    const broken = {
      type: 'hash',
      key: () => {
        throw error;
      },
    } as const;
    const backend = await MemoryBackend.open({ origins: [A, B], balance: broken });
    const caller = await backend.sent();
    (await backend.accept()).answer();
    await backend.settle();
    expect([caller.outcome, backend.eventsOf('balanceFailed')[0]]).toEqual([200, { error }]);
  });
});
