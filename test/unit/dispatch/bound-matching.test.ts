/** Requests that are bound to an origin: there, or as near to it as may be. */

import { describe, expect, test } from 'vitest';
import { type Caller, House, type HouseOptions, type Sending } from '../../house.js';

const [A, B] = ['http://a.test:80', 'http://b.test:80'] as const;
const BOUND: Sending = { boundTo: A };

/** Two origins, and as many requests under way at the first as it has connections. */
async function full(options: HouseOptions = {}) {
  const house = await House.open({ origins: [A, B], maxConnections: 1, spareConnections: false, ...options });
  const first = await house.sent(BOUND);
  const peer = await house.accept();
  return { house, first, peer };
}

const originOf = (caller: Caller) => caller.dispatch?.attempts.at(-1)?.origin;

describe('while its origin takes requests', () => {
  test('it goes there, whatever work the others have', async () => {
    const house = await House.open({ origins: [A, B], maxConnections: 10 });
    const callers = [];
    for (let n = 0; n < 5; n += 1) callers.push(await house.sent({ boundTo: B }));
    while (house.dialling.length > 0) await house.accept();
    expect(callers.map(originOf)).toEqual([B, B, B, B, B]);
  });

  test('it rides an idle connection', async () => {
    const { house, first, peer } = await full();
    peer.answer();
    await house.settle();
    const second = await house.sent(BOUND);
    expect([first.outcome, originOf(second), house.dials.length]).toEqual([200, A, 1]);
  });

  test('a new connection carries it at once, though the idle ones were closed a while ago', async () => {
    const { house, peer } = await full({ maxConnections: 2 });
    await house.sent(BOUND);
    const peers = [peer, await house.accept()];
    for (const one of peers) one.answer();
    await house.settle();
    for (const one of peers) one.fin();
    await house.settle();
    await house.advance(50);
    await house.sent(BOUND);
    expect((await house.accept()).requests).toEqual(['GET /3']);
  });

  describe('and a connection is dialled for it', () => {
    async function dialledFor(sending: Sending) {
      const { house, peer } = await full({ maxConnections: 3 });
      const second = await house.sent({ ...BOUND, ...sending });
      return { house, peer, second };
    }

    const POST = { method: 'POST', body: 'x' } as const;

    test('it rides one that comes back before, and what is dialled is kept', async () => {
      const { house, peer, second } = await dialledFor({});
      peer.answer();
      await house.settle();
      peer.answer();
      await house.settle();
      await house.accept();
      expect([second.outcome, peer.requests.length, house.origin().counts.spare]).toEqual([200, 2, 1]);
    });

    test('a POST that travels fresh does not, and one that travels verified does when that is proven', async () => {
      const { house, peer, second } = await dialledFor(POST);
      const third = await house.sent({ ...BOUND, ...POST, nonIdempotent: 'verified' });
      peer.answer({ fields: ['Connection: keep-alive'] });
      await house.settle();
      expect([house.peerOf(second), house.peerOf(third)]).toEqual([undefined, peer]);
    });

    test('one that has left takes nothing from the next', async () => {
      const { house, peer, second } = await dialledFor({});
      const third = await house.sent(BOUND);
      second.abort();
      peer.answer();
      await house.settle();
      expect(house.peerOf(third)).toBe(peer);
    });
  });

  test('it takes no room in the queue for two turns in which a connection is found to be alive', async () => {
    const { house, first, peer } = await full({ maxQueue: 0 });
    let second: Caller | undefined;
    first.onEnd = () => {
      second = house.send(BOUND);
    };
    peer.send('HTTP/1.1 204 No Content\r\n\r\n'); // what should not follow it may be on its way
    await house.settle();
    peer.answer();
    await house.settle();
    expect([second?.outcome, house.dials.length]).toEqual([200, 1]);
  });

  test('it waits for it when it is full, though others have room', async () => {
    const { house, peer } = await full();
    const second = await house.sent(BOUND);
    expect([second.outcome, house.dialling.length, house.stats.queue.length]).toEqual(['waiting', 0, 1]);
    peer.answer();
    await house.settle();
    house.peerOf(second)?.answer();
    await house.settle();
    expect([second.outcome, originOf(second), house.stats.queue.length]).toEqual([200, A, 0]);
    house.checkAtRest();
  });

  test('who waits for it and who waits for any take turns, as they came', async () => {
    const { house, peer } = await full();
    await house.sent();
    const other = await house.accept(); // the other origin is full, too
    const callers = [await house.sent(), await house.sent(BOUND), await house.sent(), await house.sent(BOUND)];
    for (let n = 0; n < callers.length; n += 1) {
      peer.answer();
      await house.settle();
    }
    expect(peer.requests).toEqual(['GET /1', 'GET /3', 'GET /4', 'GET /5', 'GET /6']);
    other.answer();
    expect(callers.map(originOf)).toEqual([A, A, A, A]);
  });

  test('a free connection of another origin is not for who waits for this one', async () => {
    const { house } = await full();
    await house.sent();
    const other = await house.accept();
    const bound = await house.sent(BOUND);
    other.answer();
    await house.settle();
    expect([bound.outcome, other.requests]).toEqual(['waiting', ['GET /2']]);
  });

  test.each(['fresh', 'verified'] as const)(
    'a POST that travels %s gets its connection in the slot of one that comes back',
    async (travel) => {
      const { house, peer } = await full({ nonIdempotent: travel });
      const post = await house.post(BOUND);
      peer.answer();
      await house.settle();
      const fresh = await house.accept();
      expect([peer.closed, fresh.requests, originOf(post)]).toEqual([true, ['POST /2'], A]);
      fresh.answer();
      await house.settle();
      house.checkAtRest();
    },
  );

  test('a POST takes the slot of an idle connection there, not an empty one elsewhere', async () => {
    const { house, peer } = await full();
    peer.answer();
    await house.settle();
    await house.post(BOUND);
    expect([peer.closed, house.dialling.map((dial) => dial.target.origin)]).toEqual([true, [A]]);
  });

  test('a POST that may ride a proven connection rides the one that comes back, which is not closed for it', async () => {
    const { house, peer } = await full();
    peer.answer();
    await house.settle();
    await house.sent(BOUND);
    const bound = await house.sent({ ...BOUND, method: 'POST', body: 'x', nonIdempotent: 'verified' });
    peer.answer();
    await house.settle();
    expect([peer.requests.at(-1), house.dials.length]).toEqual([`POST /${bound.name.slice(1)}`, 1]);
  });

  test('what is dialled for a GET alone takes no share of what may travel fresh', async () => {
    const house = await House.open({ origins: [A, B], maxFreshConnections: 1, spareConnections: false });
    await house.sent(BOUND);
    await house.post(BOUND);
    expect(house.dialling.map(({ target }) => target.origin)).toEqual([A, A]);
  });

  test('it waits no longer than queueTimeout, and is counted by maxQueue', async () => {
    const { house } = await full({ queueTimeout: 1_000, maxQueue: 1 });
    const [waiting, refused] = [await house.sent(BOUND), await house.sent(BOUND)];
    await house.advance(1_000);
    expect([waiting.outcome, refused.outcome]).toEqual(['connection_limit_reached', 'connection_limit_reached']);
    expect(house.stats.queue.refused).toMatchObject({ full: 1, timeout: 1 });
  });

  test('one whose client leaves gives its place back', async () => {
    const { house, peer } = await full();
    const [left, stays] = [await house.sent(BOUND), await house.sent(BOUND)];
    left.abort();
    peer.answer();
    await house.settle();
    expect([peer.requests, house.stats.queue.length, stays.outcome]).toEqual([['GET /1', 'GET /3'], 0, 'waiting']);
  });

  test('its re-send after a reused connection died stays there', async () => {
    const { house, peer } = await full();
    peer.answer();
    await house.settle();
    const second = await house.sent(BOUND);
    peer.fin();
    await house.settle();
    expect(house.dialling.map((dial) => dial.target.origin)).toEqual([A]);
    (await house.accept()).answer();
    await house.settle();
    expect([second.outcome, originOf(second)]).toEqual([200, A]);
  });

  test('where the kernel cannot be asked, it waits until the connection is known to be alive', async () => {
    const house = await House.open({ origins: [A, B], maxConnections: 1 });
    await house.sent(BOUND);
    const peer = await house.accept({ asks: false });
    peer.answer();
    await house.settle();
    const second = await house.sent(BOUND);
    peer.answer();
    await house.settle();
    expect([second.outcome, originOf(second)]).toEqual([200, A]);
    house.checkAtRest();
  });

  test('where the kernel cannot be asked, nothing is dialled while an idle connection is looked at', async () => {
    const { house, first } = await full({ maxConnections: 5 });
    first.abort();
    await house.advance(1_000);
    for (let n = 0; n < 5; n += 1) {
      const caller = await house.sent(BOUND);
      if (house.dialling.length > 0) await house.accept({ asks: false });
      house.peerOf(caller)?.answer();
      await house.settle();
    }
    expect([house.callers.at(-1)?.outcome, house.originStats().connections.open]).toEqual([200, 1]);
  });

  test('where the kernel cannot be asked, those above the idle connections are dialled for', async () => {
    const house = await House.open({ origins: [A, B], maxConnections: 5, spareConnections: false });
    await house.sent(BOUND);
    (await house.accept({ asks: false })).answer();
    await house.settle();
    const callers = [house.send(BOUND), house.send(BOUND), house.send(BOUND)];
    await house.settle();
    while (house.dialling.length > 0) await house.accept({ asks: false });
    expect([callers.map(originOf), house.dials.length]).toEqual([[A, A, A], 3]);
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
    const house = await House.open({ origins: [A], maxConnections: 1, spareConnections: false });
    await house.sent();
    await house.accept();
    await house.sent(waiting);
    for (let turns = 0; turns < 3; turns += 1) {
      await house.sent(others);
      house.peers.at(-1)?.answer({ close });
      await house.settle();
      if (house.dialling.length > 0) await house.accept();
    }
    expect(house.peers.flatMap(({ requests }) => requests)[1]).toMatch(/ \/2$/);
  });
});

describe('when its origin takes no requests', () => {
  const ends: Record<string, (house: House) => unknown> = {
    ejected: (house) => house.origin(0).standing.eject('slow'),
    drained: (house) => void house.fleet.drain(A),
    removed: (house) => void house.fleet.remove(A),
    'of weight 0': (house) => house.fleet.setWeight(A, 0),
    'unknown to this backend': () => undefined,
  };

  test.each(Object.keys(ends))('%s, it goes elsewhere', async (what) => {
    const house = await House.open({ origins: [A, B] });
    ends[what]?.(house);
    const boundTo = what.startsWith('unknown') ? 'http://c.test:80' : A;
    const caller = await house.sent({ boundTo });
    if (what.startsWith('unknown')) return expect(house.dialling).toHaveLength(1);
    await house.accept();
    return expect(originOf(caller)).toBe(B);
  });

  test.each(Object.keys(ends).slice(0, 4))('%s, those who wait for it go elsewhere', async (what) => {
    const { house } = await full();
    const waiting = [await house.sent(BOUND), await house.sent(BOUND)];
    ends[what]?.(house);
    await house.settle();
    const other = await house.accept();
    other.answer();
    await house.settle();
    other.answer();
    await house.settle();
    expect(waiting.map((caller) => [caller.outcome, originOf(caller)])).toEqual([
      [200, B],
      [200, B],
    ]);
  });

  test('in back-off after a failed dial, it goes elsewhere', async () => {
    const house = await House.open({ origins: [A, B] });
    const caller = await house.sent(BOUND);
    await house.refuse();
    expect(house.dialling.map((dial) => dial.target.origin)).toEqual([B]);
    (await house.accept()).answer();
    await house.settle();
    expect([caller.outcome, originOf(caller)]).toEqual([200, B]);
  });

  test('in back-off, a POST that must travel fresh goes elsewhere, though a GET would ride what is idle there', async () => {
    const { house, peer } = await full({ maxConnections: 2 });
    peer.answer();
    await house.settle();
    const post = await house.post(BOUND);
    await house.refuse();
    expect(house.dialling.map((dial) => dial.target.origin)).toEqual([B]);
    const get = await house.sent(BOUND);
    (await house.accept()).answer();
    await house.settle();
    expect([originOf(post), post.outcome, originOf(get)]).toEqual([B, 200, A]);
  });

  test('a backup that it is bound to has it only while backups serve', async () => {
    const house = await House.open({ origins: [A, { url: B, backup: true }] });
    await house.sent({ boundTo: B });
    expect(house.dialling.map((dial) => dial.target.origin)).toEqual([A]);
  });
});

describe('an origin of weight 0, with sticky', () => {
  const origins = [{ url: A, weight: 0 }, B];
  const sticky = { cookie: 'at' };

  test('has the requests that are bound to it, and no others', async () => {
    const house = await House.open({ origins, sticky, balance: 'round-robin' });
    const callers = [await house.sent(), await house.sent(BOUND), await house.sent()];
    while (house.dialling.length > 0) await house.accept();
    for (const peer of house.peers) peer.answer();
    await house.settle();
    const later = [await house.sent(), await house.sent(BOUND)];
    expect([...callers, ...later].map(originOf)).toEqual([B, A, B, B, A]);
  });

  test('keeps those who wait for it, and its connection is for nobody else', async () => {
    const { house, peer } = await full({ origins, sticky });
    await house.sent();
    const other = await house.accept(); // the other origin is full, too
    const [bound, any] = [await house.sent(BOUND), await house.sent()];
    peer.answer();
    await house.settle();
    peer.answer();
    await house.settle();
    expect([bound.outcome, any.outcome, peer.requests]).toEqual([200, 'waiting', ['GET /1', 'GET /3']]);
    other.answer();
    await house.settle();
    other.answer();
    await house.settle();
    expect([any.outcome, originOf(any)]).toEqual([200, B]);
  });

  test('gives up its sessions when it is drained', async () => {
    const house = await House.open({ origins, sticky });
    void house.fleet.drain(A);
    await house.sent(BOUND);
    expect(house.dialling.map((dial) => dial.target.origin)).toEqual([B]);
  });
});
