import { describe, expect, test } from 'vitest';
import { House, type Peer } from '../../house.js';

describe('an origin that speaks before it is asked', () => {
  test('is dialled again after a back-off, not in a loop, and its requests keep waiting', async () => {
    const house = await House.open();
    const caller = await house.sent();
    await house.accept({ spokeFirst: true });
    const atOnce = house.dialling.length;
    await house.advance(26);
    expect([atOnce, house.dialling.length, caller.outcome]).toEqual([0, 1, 'waiting']);
    expect(house.originStats()).toMatchObject({ dialled: 0, dialsFailed: 1, poisoned: 1, connections: { open: 0 } });
  });

  test('does not strand the request that had a dial of its own', async () => {
    const house = await House.open();
    const caller = await house.sent();
    const peer = await house.accept();
    peer.reset();
    await house.settle();
    await house.accept({ spokeFirst: true });
    await house.advance(26);
    (await house.accept()).answer();
    await house.settle();
    expect(caller.outcome).toBe(200);
  });
});

test.each(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL'])(
  'dials that this host cannot make (%s) do not eject the origin',
  async (code) => {
    const house = await House.open({ ejection: { failures: 2 } });
    const caller = await house.sent();
    for (let dials = 0; dials < 3; dials += 1) {
      await house.refuse(code);
      await house.advance(1_000);
    }
    expect([caller.outcome, house.originStats().health.state]).toEqual(['waiting', 'healthy']);
  },
);

test('a probe that this host cannot dial is tried again, and the ejection becomes no longer', async () => {
  const house = await House.open({ ejection: { failures: 1 } });
  await house.sent();
  await house.refuse();
  await house.advance(1_000);
  await house.refuse('EMFILE');
  const { state, ejections } = house.originStats().health;
  expect([state, ejections]).toEqual(['ejected', 1]);
  await house.advance(1_000);
  expect([house.dialling.length, house.originStats().health.state]).toEqual([1, 'probing']);
});

describe('a connection that was dialled for a re-send while the server seemed to go', () => {
  /** Two connections are lost; the dial for the re-send has just ended. Another request waits for a dial that hangs. */
  async function held() {
    const house = await House.open({ maxConnections: 2 });
    await house.sent();
    await house.sent();
    const peers = [await house.accept(), await house.accept()];
    for (const peer of peers) peer.answer();
    await house.settle();
    const caller = await house.sent();
    const riding = house.peerOf(caller);
    for (const peer of peers) if (peer !== riding) peer.fin();
    await house.settle();
    riding?.reset();
    await house.settle();
    const fresh = await house.accept();
    const waiting = await house.sent();
    return { house, caller, fresh, waiting };
  }

  test('carries it a moment later though an answer came that was on its way when the others were closed', async () => {
    const house = await House.open({ maxConnections: 3 });
    const callers = [await house.sent(), await house.sent(), await house.sent()];
    const peers = [await house.accept(), await house.accept(), await house.accept()];
    for (const peer of peers) peer.answer();
    await house.settle();
    const [first, second, third] = [await house.sent(), await house.sent(), await house.sent()];
    house.peerOf(first)?.reset();
    house.peerOf(second)?.reset();
    await house.settle();
    house.peerOf(third)?.answer();
    await house.settle();
    const fresh = [await house.accept(), await house.accept()];
    await house.settle();
    const before = fresh.map(({ requests }) => requests.length);
    await house.advance(50);
    for (const peer of fresh) peer.answer();
    await house.settle();
    expect([before, [...callers, first, second, third].map(({ outcome }) => outcome)]).toEqual([
      [0, 0],
      [200, 200, 200, 200, 200, 200],
    ]);
  });

  test('carries it a moment later', async () => {
    const { house, caller, fresh } = await held();
    const before = fresh.requests.length;
    await house.advance(50);
    fresh.answer();
    await house.settle();
    expect([before, fresh.requests[0], caller.outcome]).toEqual([0, 'GET /3', 200]);
  });

  test('is lent to whoever waits when the re-send is aborted meanwhile', async () => {
    const { house, caller, fresh } = await held();
    caller.abort();
    await house.advance(50);
    expect(fresh.requests).toEqual(['GET /4']);
  });

  test('is lent to nobody when it has heard something meanwhile', async () => {
    const { house, caller, fresh, waiting } = await held();
    caller.abort();
    fresh.hold();
    fresh.send('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad');
    await house.advance(50);
    expect([waiting.outcome, fresh.requests, house.originStats().poisoned]).toEqual(['waiting', [], 1]);
  });

  test('is no probe any more when it is closed meanwhile: the next dial is', async () => {
    const house = await House.open({ origins: ['http://a.test:80', 'http://b.test:80'], sticky: { cookie: 'at' } });
    const bound = { boundTo: 'http://a.test:80' };
    await house.sent(bound);
    await house.sent(bound);
    const idle = [await house.accept(), await house.accept()];
    for (const peer of idle) peer.answer();
    await house.settle();
    house.origin().standing.eject('connection_refused');
    await house.advance(1_000);
    await house.post(bound);
    for (const peer of idle) peer.fin();
    await house.settle();
    const fresh = await house.accept();
    fresh.reset();
    await house.settle();
    await house.advance(50);
    expect(house.dialling.map((dial) => dial.target.origin)).toEqual(['http://a.test:80']);
  });

  test('leads to another dial when it is closed meanwhile', async () => {
    const { house, caller, fresh } = await held();
    fresh.fin();
    await house.settle();
    await house.advance(50);
    for (const dial of house.dialling) house.peers.push(dial.open());
    await house.settle();
    expect([caller.outcome, house.peerOf(caller)?.closed]).toEqual(['waiting', false]);
  });
});

/** Idle connections, each used once. */
async function idlePeers(house: House, count: number): Promise<Peer[]> {
  for (let sent = 0; sent < count; sent += 1) await house.sent();
  const peers: Peer[] = [];
  while (house.dialling.length > 0) peers.push(await house.accept());
  for (const peer of peers) {
    peer.answer();
    await house.settle();
  }
  return peers;
}

describe('the cap', () => {
  test('holds for dials too', async () => {
    const house = await House.open({ maxConnections: 3 });
    for (let sent = 0; sent < 10; sent += 1) await house.sent();
    await house.post();
    expect([house.dialling.length, house.queue.length]).toEqual([3, 11]);
  });

  test('is one of its own for an origin that has one', async () => {
    const house = await House.open({
      origins: [{ url: 'http://a.test:80', maxConnections: 1 }, 'http://b.test:80'],
      maxConnections: 2,
    });
    for (let sent = 0; sent < 10; sent += 1) await house.sent();
    expect(house.stats.origins.map((one) => one.connections.dialling)).toEqual([1, 2]);
  });
});

describe('a connection that was found closed when it was wanted', () => {
  test('has its neighbours checked, and the request takes what is alive', async () => {
    const house = await House.open();
    const [alive, gone, newest] = await idlePeers(house, 3);
    for (const peer of [gone, newest]) {
      peer?.hold();
      peer?.fin();
    }
    const caller = await house.sent();
    expect(house.peerOf(caller)).toBe(alive);
    expect(house.originStats()).toMatchObject({ stale: { found: 1, swept: 1 }, closed: { stale: 2 }, requests: 4 });
    expect(house.eventsOf('stale')).toEqual([{ origin: 'http://a.test:80', swept: 1 }]);
    expect(caller.dispatch?.attempts).toHaveLength(1);
  });

  test('teaches no idle age when the next dial is refused: it was a restart', async () => {
    const house = await House.open();
    let peer = await house.idle();
    for (let restart = 0; restart < 3; restart += 1) {
      house.clock.advance(2000);
      peer.fin();
      await house.sent();
      await house.refuse();
      house.clock.advance(1000);
      await house.settle();
      peer = await house.accept();
      peer.answer();
      await house.settle();
    }
    expect(house.originStats()).toMatchObject({ closed: { stale: 3 }, dialsFailed: 3, idleLimitMs: { learned: null } });
  });

  test('with stray bytes is never ridden, and what it said is told', async () => {
    const house = await House.open();
    const peer = await house.idle();
    peer.hold();
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad');
    const caller = await house.sent();
    const fresh = await house.accept();
    fresh.answer({ body: 'good' });
    await house.settle();
    expect([caller.body, house.originStats().poisoned, house.originStats().closed]).toEqual([
      'good',
      1,
      { poisoned: 1 },
    ]);
    expect(house.eventsOf('poisoned')).toMatchObject([{ heard: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad' }]);
  });

  test('with stray bytes does not count as closed by its server, and neither do neighbours that have some', async () => {
    const house = await House.open();
    const [, strayed, gone, newest] = await idlePeers(house, 4);
    for (const peer of [strayed, gone, newest]) peer?.hold();
    for (const peer of [strayed, newest]) peer?.send('HTTP/1.1 408 Request Timeout\r\n\r\n');
    gone?.fin();
    await house.sent();
    expect(house.originStats()).toMatchObject({ stale: { found: 1, swept: 0 }, closed: { stale: 1, poisoned: 2 } });
    expect(house.eventsOf('stale')).toEqual([{ origin: 'http://a.test:80', swept: 0 }]);
  });

  test.each([
    [1, 2000],
    [0, null],
  ])('with a 408, after %i exchanges, teaches the idle age %j', async (exchanges, learned) => {
    const house = await House.open({ minConnections: exchanges === 0 ? 1 : 0 });
    const peer = await (exchanges === 0 ? house.accept() : house.idle());
    house.clock.advance(2000);
    peer.send('HTTP/1.1 408 Request Timeout\r\n\r\n');
    await house.settle();
    expect(house.originStats()).toMatchObject({ closed: { poisoned: 1 }, idleLimitMs: { learned } });
  });

  test('is not handed from one request to the next either', async () => {
    const house = await House.open({ maxConnections: 1 });
    const first = await house.sent();
    const second = await house.sent();
    const peer = await house.accept();
    peer.hold();
    peer.answer();
    peer.fin();
    peer.letGo(1);
    await house.settle();
    expect([first.outcome, second.outcome, peer.requests.length]).toEqual([200, 'waiting', 1]);
    expect(house.dialling.length).toBe(1);
  });
});

describe('where the kernel cannot be asked', () => {
  test('a connection is ridden two turns after it was wanted', async () => {
    const house = await House.open();
    await house.sent();
    const peer = await house.accept({ asks: false });
    peer.answer();
    await house.settle();
    house.send();
    const seen = [peer.requests.length];
    house.clock.runSoon();
    seen.push(peer.requests.length);
    house.clock.runSoon();
    await house.settle();
    seen.push(peer.requests.length);
    expect([seen, house.dials.length]).toEqual([[1, 1, 2], 1]);
  });

  test('what arrives in these two turns ends it, and the request is dialled for', async () => {
    const house = await House.open();
    await house.sent();
    const peer = await house.accept({ asks: false });
    peer.answer();
    await house.settle();
    house.send();
    peer.send('bad');
    await house.settle();
    expect([peer.requests.length, house.originStats().closed, house.dialling.length]).toEqual([1, { poisoned: 1 }, 1]);
  });

  test('a request that was aborted in these two turns leaves the connection idle', async () => {
    const house = await House.open();
    await house.sent();
    const peer = await house.accept({ asks: false });
    peer.answer();
    await house.settle();
    house.send().abort();
    await house.settle();
    expect([house.originStats().connections.idle, peer.requests.length]).toEqual([1, 1]);
    house.checkAtRest();
  });
});

describe('retirement', () => {
  test('comes with maxRequestsPerConnection', async () => {
    const house = await House.open({ maxRequestsPerConnection: 2 });
    const peer = await house.idle(2);
    expect([peer.closed, house.originStats().closed]).toEqual([true, { 'max-requests': 1 }]);
  });

  test('comes with the number that the origin announced', async () => {
    const house = await House.open();
    await house.sent();
    const peer = await house.accept();
    peer.answer({ fields: ['Keep-Alive: max=2'] });
    await house.settle();
    await house.sent();
    peer.answer();
    await house.settle();
    expect([peer.requests.length, house.originStats().closed]).toEqual([2, { 'max-requests': 1 }]);
  });

  test('comes with maxConnectionAge at the end of the exchange, not in it', async () => {
    const house = await House.open({ maxConnectionAge: 10_000 });
    const caller = await house.sent();
    const peer = await house.accept();
    await house.advance(20_000);
    const during = peer.closed;
    peer.answer();
    await house.settle();
    expect([during, caller.outcome, house.originStats().closed]).toEqual([false, 200, { 'max-age': 1 }]);
  });

  test.each([
    ['that says it closes', { close: true }, 'server-close'],
    ['with bytes behind it', { body: 'ok' }, 'leftover'],
  ])('comes with an answer %s', async (_name, answer, reason) => {
    const house = await House.open();
    const caller = await house.sent();
    const peer = await house.accept();
    if (reason === 'leftover') peer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n');
    else peer.answer(answer);
    await house.settle();
    expect([caller.outcome, caller.body, house.originStats().closed]).toEqual([200, 'ok', { [reason]: 1 }]);
  });
});

describe('the idle age', () => {
  test('is what the origin announced, less a second', async () => {
    const house = await House.open();
    await house.sent();
    (await house.accept()).answer({ fields: ['Keep-Alive: timeout=5'] });
    await house.settle();
    expect(house.originStats().idleLimitMs).toMatchObject({ hinted: 5_000, effective: 4_000 });
    await house.advance(4_001);
    expect(house.originStats().closed).toEqual({ 'idle-timeout': 1 });
  });

  test('is learned from connections that the origin closes again and again at one age', async () => {
    const house = await House.open();
    for (const _ of [1, 2]) {
      const peer = await house.idle();
      await house.advance(10_000);
      peer.fin();
      await house.settle();
      await house.advance(2_000);
    }
    expect(house.originStats().idleLimitMs).toMatchObject({ learned: 10_000, effective: 9_000 });
  });

  test('is not learned from connections that were never used', async () => {
    const house = await House.open({ minConnections: 1 });
    for (const _ of [1, 2, 3]) {
      const peer = await house.accept();
      await house.advance(10_000);
      peer.fin();
      await house.advance(2_000);
    }
    expect(house.originStats().idleLimitMs.learned).toBeNull();
  });
});

describe('ready', () => {
  async function isReady(house: House): Promise<() => boolean> {
    let ready = false;
    void house
      .origin()
      .ready()
      .then(() => {
        ready = true;
      });
    await house.settle();
    return () => ready;
  }

  test('is at once where no minimum is wanted', async () => {
    expect((await isReady(await House.open()))()).toBe(true);
  });

  test('is when the minimum is open', async () => {
    const house = await House.open({ minConnections: 2 });
    const ready = await isReady(house);
    await house.accept();
    const before = ready();
    await house.accept();
    expect([before, ready()]).toEqual([false, true]);
  });

  test.each([
    ['when it cannot be opened', (house: House) => house.refuse()],
    ['when the origin is closed', async (house: House) => house.destroy()],
  ])('is %s', async (_name, happen) => {
    const house = await House.open({ minConnections: 2 });
    const ready = await isReady(house);
    await happen(house);
    await house.settle();
    expect(ready()).toBe(true);
  });
});
