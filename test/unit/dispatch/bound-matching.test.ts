/** Requests that are bound to an origin: there, or as near to it as may be. */

import { describe, expect, test } from 'vitest';
import { type Caller, MemoryBackend, type MemoryBackendOptions, type Sending } from '../../memory-backend.js';

const [A, B] = ['http://a.test:80', 'http://b.test:80'] as const;
const BOUND: Sending = { boundTo: A };

/** Two origins, and as many requests under way at the first as it has connections. */
async function full(options: MemoryBackendOptions = {}) {
  const backend = await MemoryBackend.open({ origins: [A, B], maxConnections: 1, spareConnections: false, ...options });
  const first = await backend.sent(BOUND);
  const peer = await backend.accept();
  return { backend, first, peer };
}

const originOf = (caller: Caller) => caller.dispatch?.attempts.at(-1)?.origin;

describe('while its origin takes requests', () => {
  test('it goes there, whatever work the others have', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B], maxConnections: 10 });
    const callers = [];
    for (let n = 0; n < 5; n += 1) callers.push(await backend.sent({ boundTo: B }));
    while (backend.dialling.length > 0) await backend.accept();
    expect(callers.map(originOf)).toEqual([B, B, B, B, B]);
  });

  test('it rides an idle connection', async () => {
    const { backend, first, peer } = await full();
    peer.answer();
    await backend.settle();
    const second = await backend.sent(BOUND);
    expect([first.outcome, originOf(second), backend.dials.length]).toEqual([200, A, 1]);
  });

  test('a new connection carries it at once, though the idle ones were closed a while ago', async () => {
    const { backend, peer } = await full({ maxConnections: 2 });
    await backend.sent(BOUND);
    const peers = [peer, await backend.accept()];
    for (const one of peers) one.answer();
    await backend.settle();
    for (const one of peers) one.fin();
    await backend.settle();
    await backend.advance(50);
    await backend.sent(BOUND);
    expect((await backend.accept()).requests).toEqual(['GET /3']);
  });

  describe('and a connection is dialled for it', () => {
    async function dialledFor(sending: Sending) {
      const { backend, peer } = await full({ maxConnections: 3 });
      const second = await backend.sent({ ...BOUND, ...sending });
      return { backend, peer, second };
    }

    const POST = { method: 'POST', body: 'x' } as const;

    test('it rides one that comes back before, and what is dialled is kept', async () => {
      const { backend, peer, second } = await dialledFor({});
      peer.answer();
      await backend.settle();
      peer.answer();
      await backend.settle();
      await backend.accept();
      expect([second.outcome, peer.requests.length, backend.origin().counts.spare]).toEqual([200, 2, 1]);
    });

    test('a POST that travels fresh does not, and one that travels verified does when that is proven', async () => {
      const { backend, peer, second } = await dialledFor(POST);
      const third = await backend.sent({ ...BOUND, ...POST, nonIdempotent: 'verified' });
      peer.answer({ fields: ['Connection: keep-alive'] });
      await backend.settle();
      expect([backend.peerOf(second), backend.peerOf(third)]).toEqual([undefined, peer]);
    });

    test('one that has left takes nothing from the next', async () => {
      const { backend, peer, second } = await dialledFor({});
      const third = await backend.sent(BOUND);
      second.abort();
      peer.answer();
      await backend.settle();
      expect(backend.peerOf(third)).toBe(peer);
    });
  });

  test('it takes no room in the queue for two turns in which a connection is found to be alive', async () => {
    const { backend, first, peer } = await full({ maxQueue: 0 });
    let second: Caller | undefined;
    first.onEnd = () => {
      second = backend.send(BOUND);
    };
    peer.send('HTTP/1.1 204 No Content\r\n\r\n'); // what should not follow it may be on its way
    await backend.settle();
    peer.answer();
    await backend.settle();
    expect([second?.outcome, backend.dials.length]).toEqual([200, 1]);
  });

  test('it waits for it when it is full, though others have room', async () => {
    const { backend, peer } = await full();
    const second = await backend.sent(BOUND);
    expect([second.outcome, backend.dialling.length, backend.stats.queue.length]).toEqual(['waiting', 0, 1]);
    peer.answer();
    await backend.settle();
    backend.peerOf(second)?.answer();
    await backend.settle();
    expect([second.outcome, originOf(second), backend.stats.queue.length]).toEqual([200, A, 0]);
    backend.checkAtRest();
  });

  test('who waits for it and who waits for any take turns, as they came', async () => {
    const { backend, peer } = await full();
    await backend.sent();
    const other = await backend.accept(); // the other origin is full, too
    const callers = [await backend.sent(), await backend.sent(BOUND), await backend.sent(), await backend.sent(BOUND)];
    for (let n = 0; n < callers.length; n += 1) {
      peer.answer();
      await backend.settle();
    }
    expect(peer.requests).toEqual(['GET /1', 'GET /3', 'GET /4', 'GET /5', 'GET /6']);
    other.answer();
    expect(callers.map(originOf)).toEqual([A, A, A, A]);
  });

  test('a free connection of another origin is not for who waits for this one', async () => {
    const { backend } = await full();
    await backend.sent();
    const other = await backend.accept();
    const bound = await backend.sent(BOUND);
    other.answer();
    await backend.settle();
    expect([bound.outcome, other.requests]).toEqual(['waiting', ['GET /2']]);
  });

  test.each(['fresh', 'verified'] as const)(
    'a POST that travels %s gets its connection in the slot of one that comes back',
    async (travel) => {
      const { backend, peer } = await full({ nonIdempotent: travel });
      const post = await backend.post(BOUND);
      peer.answer();
      await backend.settle();
      const fresh = await backend.accept();
      expect([peer.closed, fresh.requests, originOf(post)]).toEqual([true, ['POST /2'], A]);
      fresh.answer();
      await backend.settle();
      backend.checkAtRest();
    },
  );

  test('a POST takes the slot of an idle connection there, not an empty one elsewhere', async () => {
    const { backend, peer } = await full();
    peer.answer();
    await backend.settle();
    await backend.post(BOUND);
    expect([peer.closed, backend.dialling.map((dial) => dial.target.origin)]).toEqual([true, [A]]);
  });

  test('a POST that may ride a proven connection rides the one that comes back, which is not closed for it', async () => {
    const { backend, peer } = await full();
    peer.answer();
    await backend.settle();
    await backend.sent(BOUND);
    const bound = await backend.sent({ ...BOUND, method: 'POST', body: 'x', nonIdempotent: 'verified' });
    peer.answer();
    await backend.settle();
    expect([peer.requests.at(-1), backend.dials.length]).toEqual([`POST /${bound.name.slice(1)}`, 1]);
  });

  test('what is dialled for a GET alone takes no share of what may travel fresh', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B], maxFreshConnections: 1, spareConnections: false });
    await backend.sent(BOUND);
    await backend.post(BOUND);
    expect(backend.dialling.map(({ target }) => target.origin)).toEqual([A, A]);
  });

  test('it waits no longer than queueTimeout, and is counted by maxQueue', async () => {
    const { backend } = await full({ queueTimeout: 1_000, maxQueue: 1 });
    const [waiting, refused] = [await backend.sent(BOUND), await backend.sent(BOUND)];
    await backend.advance(1_000);
    expect([waiting.outcome, refused.outcome]).toEqual(['connection_limit_reached', 'connection_limit_reached']);
    expect(backend.stats.queue.refused).toMatchObject({ full: 1, timeout: 1 });
  });

  test('one whose client leaves gives its place back', async () => {
    const { backend, peer } = await full();
    const [left, stays] = [await backend.sent(BOUND), await backend.sent(BOUND)];
    left.abort();
    peer.answer();
    await backend.settle();
    expect([peer.requests, backend.stats.queue.length, stays.outcome]).toEqual([['GET /1', 'GET /3'], 0, 'waiting']);
  });

  test('its re-send after a reused connection died stays there', async () => {
    const { backend, peer } = await full();
    peer.answer();
    await backend.settle();
    const second = await backend.sent(BOUND);
    peer.fin();
    await backend.settle();
    expect(backend.dialling.map((dial) => dial.target.origin)).toEqual([A]);
    (await backend.accept()).answer();
    await backend.settle();
    expect([second.outcome, originOf(second)]).toEqual([200, A]);
  });

  test('where the kernel cannot be asked, it waits until the connection is known to be alive', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B], maxConnections: 1 });
    await backend.sent(BOUND);
    const peer = await backend.accept({ asks: false });
    peer.answer();
    await backend.settle();
    const second = await backend.sent(BOUND);
    peer.answer();
    await backend.settle();
    expect([second.outcome, originOf(second)]).toEqual([200, A]);
    backend.checkAtRest();
  });

  test('where the kernel cannot be asked, nothing is dialled while an idle connection is looked at', async () => {
    const { backend, first } = await full({ maxConnections: 5 });
    first.abort();
    await backend.advance(1_000);
    for (let n = 0; n < 5; n += 1) {
      const caller = await backend.sent(BOUND);
      if (backend.dialling.length > 0) await backend.accept({ asks: false });
      backend.peerOf(caller)?.answer();
      await backend.settle();
    }
    expect([backend.callers.at(-1)?.outcome, backend.originStats().connections.open]).toEqual([200, 1]);
  });

  test('where the kernel cannot be asked, those above the idle connections are dialled for', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B], maxConnections: 5, spareConnections: false });
    await backend.sent(BOUND);
    (await backend.accept({ asks: false })).answer();
    await backend.settle();
    const callers = [backend.send(BOUND), backend.send(BOUND), backend.send(BOUND)];
    await backend.settle();
    while (backend.dialling.length > 0) await backend.accept({ asks: false });
    expect([callers.map(originOf), backend.dials.length]).toEqual([[A, A, A], 3]);
  });
});

describe('nobody is overtaken for ever', () => {
  const GET: Sending = {};
  const POST: Sending = { method: 'POST', body: 'x' };

  test.each([
    { what: 'a bound GET, by bound POSTs', waiting: BOUND, others: { ...POST, ...BOUND }, close: true },
    { what: 'a bound GET, by unbound POSTs', waiting: BOUND, others: POST, close: true },
    { what: 'an unbound GET, by bound GETs', waiting: GET, others: BOUND, close: true },
    { what: 'an unbound POST, by bound GETs', waiting: POST, others: BOUND, close: true },
    { what: 'a bound GET, by unbound POSTs, where connections are kept', waiting: BOUND, others: POST, close: false },
    {
      what: 'a bound POST, by unbound GETs, where connections are kept',
      waiting: { ...POST, ...BOUND },
      others: GET,
      close: false,
    },
  ])('$what', async ({ waiting, others, close }) => {
    const backend = await MemoryBackend.open({ origins: [A], maxConnections: 1, spareConnections: false });
    await backend.sent();
    await backend.accept();
    await backend.sent(waiting);
    for (let turns = 0; turns < 3; turns += 1) {
      await backend.sent(others);
      backend.peers.at(-1)?.answer({ close });
      await backend.settle();
      if (backend.dialling.length > 0) await backend.accept();
    }
    expect(backend.peers.flatMap(({ requests }) => requests)[1]).toMatch(/ \/2$/);
  });
});

describe('when its origin takes no requests', () => {
  const ends: Record<string, (backend: MemoryBackend) => unknown> = {
    ejected: (backend) => backend.origin(0).standing.eject('slow'),
    drained: (backend) => void backend.fleet.drain(A),
    removed: (backend) => void backend.fleet.remove(A),
    'of weight 0': (backend) => backend.fleet.setWeight(A, 0),
    'unknown to this backend': () => undefined,
  };

  test.each(Object.keys(ends))('%s, it goes elsewhere', async (what) => {
    const backend = await MemoryBackend.open({ origins: [A, B] });
    ends[what]?.(backend);
    const boundTo = what.startsWith('unknown') ? 'http://c.test:80' : A;
    const caller = await backend.sent({ boundTo });
    if (what.startsWith('unknown')) return expect(backend.dialling).toHaveLength(1);
    await backend.accept();
    return expect(originOf(caller)).toBe(B);
  });

  test.each(Object.keys(ends).slice(0, 4))('%s, those who wait for it go elsewhere', async (what) => {
    const { backend } = await full();
    const waiting = [await backend.sent(BOUND), await backend.sent(BOUND)];
    ends[what]?.(backend);
    await backend.settle();
    const other = await backend.accept();
    other.answer();
    await backend.settle();
    other.answer();
    await backend.settle();
    expect(waiting.map((caller) => [caller.outcome, originOf(caller)])).toEqual([
      [200, B],
      [200, B],
    ]);
  });

  test('in back-off after a failed dial, it goes elsewhere', async () => {
    const backend = await MemoryBackend.open({ origins: [A, B] });
    const caller = await backend.sent(BOUND);
    await backend.refuse();
    expect(backend.dialling.map((dial) => dial.target.origin)).toEqual([B]);
    (await backend.accept()).answer();
    await backend.settle();
    expect([caller.outcome, originOf(caller)]).toEqual([200, B]);
  });

  test('in back-off, a POST that must travel fresh goes elsewhere, though a GET would ride what is idle there', async () => {
    const { backend, peer } = await full({ maxConnections: 2 });
    peer.answer();
    await backend.settle();
    const post = await backend.post(BOUND);
    await backend.refuse();
    expect(backend.dialling.map((dial) => dial.target.origin)).toEqual([B]);
    const get = await backend.sent(BOUND);
    (await backend.accept()).answer();
    await backend.settle();
    expect([originOf(post), post.outcome, originOf(get)]).toEqual([B, 200, A]);
  });

  test('a backup that it is bound to has it only while backups serve', async () => {
    const backend = await MemoryBackend.open({ origins: [A, { url: B, backup: true }] });
    await backend.sent({ boundTo: B });
    expect(backend.dialling.map((dial) => dial.target.origin)).toEqual([A]);
  });
});

describe('an origin of weight 0, with sticky', () => {
  const origins = [{ url: A, weight: 0 }, B];
  const sticky = { cookie: 'at' };

  test('has the requests that are bound to it, and no others', async () => {
    const backend = await MemoryBackend.open({ origins, sticky, balance: 'round-robin' });
    const callers = [await backend.sent(), await backend.sent(BOUND), await backend.sent()];
    while (backend.dialling.length > 0) await backend.accept();
    for (const peer of backend.peers) peer.answer();
    await backend.settle();
    const later = [await backend.sent(), await backend.sent(BOUND)];
    expect([...callers, ...later].map(originOf)).toEqual([B, A, B, B, A]);
  });

  test('keeps those who wait for it, and its connection is for nobody else', async () => {
    const { backend, peer } = await full({ origins, sticky });
    await backend.sent();
    const other = await backend.accept(); // the other origin is full, too
    const [bound, any] = [await backend.sent(BOUND), await backend.sent()];
    peer.answer();
    await backend.settle();
    peer.answer();
    await backend.settle();
    expect([bound.outcome, any.outcome, peer.requests]).toEqual([200, 'waiting', ['GET /1', 'GET /3']]);
    other.answer();
    await backend.settle();
    other.answer();
    await backend.settle();
    expect([any.outcome, originOf(any)]).toEqual([200, B]);
  });

  test('gives up its sessions when it is drained', async () => {
    const backend = await MemoryBackend.open({ origins, sticky });
    void backend.fleet.drain(A);
    await backend.sent(BOUND);
    expect(backend.dialling.map((dial) => dial.target.origin)).toEqual([B]);
  });
});
