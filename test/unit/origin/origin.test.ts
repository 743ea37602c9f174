import { describe, expect, test } from 'vitest';
import { MemoryBackend, type Peer } from '../../memory-backend.js';

describe('an origin that speaks before it is asked', () => {
  test('is dialled again after a back-off, not in a loop, and its requests keep waiting', async () => {
    const backend = await MemoryBackend.open();
    const caller = await backend.sent();
    await backend.accept({ spokeFirst: true });
    const atOnce = backend.dialling.length;
    await backend.advance(26);
    expect([atOnce, backend.dialling.length, caller.outcome]).toEqual([0, 1, 'waiting']);
    expect(backend.originStats()).toMatchObject({ dialled: 0, dialsFailed: 1, poisoned: 1, connections: { open: 0 } });
  });

  test('does not strand the request that had a dial of its own', async () => {
    const backend = await MemoryBackend.open();
    const caller = await backend.sent();
    const peer = await backend.accept();
    peer.reset();
    await backend.settle();
    await backend.accept({ spokeFirst: true });
    await backend.advance(26);
    (await backend.accept()).answer();
    await backend.settle();
    expect(caller.outcome).toBe(200);
  });
});

test.each(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL'])(
  'dials that this host cannot make (%s) do not eject the origin',
  async (code) => {
    const backend = await MemoryBackend.open({ ejection: { failures: 2 } });
    const caller = await backend.sent();
    for (let dials = 0; dials < 3; dials += 1) {
      await backend.refuse(code);
      await backend.advance(1_000);
    }
    expect([caller.outcome, backend.originStats().health.state]).toEqual(['waiting', 'healthy']);
  },
);

test('a probe that this host cannot dial is tried again, and the ejection becomes no longer', async () => {
  const backend = await MemoryBackend.open({ ejection: { failures: 1 } });
  await backend.sent();
  await backend.refuse();
  await backend.advance(1_000);
  await backend.refuse('EMFILE');
  const { state, ejections } = backend.originStats().health;
  expect([state, ejections]).toEqual(['ejected', 1]);
  await backend.advance(1_000);
  expect([backend.dialling.length, backend.originStats().health.state]).toEqual([1, 'probing']);
});

describe('a connection that was dialled for a re-send while the server seemed to go', () => {
  /** Two connections are lost; the dial for the re-send has just ended. Another request waits for a dial that hangs. */
  async function held() {
    const backend = await MemoryBackend.open({ maxConnections: 2 });
    await backend.sent();
    await backend.sent();
    const peers = [await backend.accept(), await backend.accept()];
    for (const peer of peers) peer.answer();
    await backend.settle();
    const caller = await backend.sent();
    const riding = backend.peerOf(caller);
    for (const peer of peers) if (peer !== riding) peer.fin();
    await backend.settle();
    riding?.reset();
    await backend.settle();
    const fresh = await backend.accept();
    const waiting = await backend.sent();
    return { backend, caller, fresh, waiting };
  }

  test('carries it a moment later though an answer came that was on its way when the others were closed', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 3 });
    const callers = [await backend.sent(), await backend.sent(), await backend.sent()];
    const peers = [await backend.accept(), await backend.accept(), await backend.accept()];
    for (const peer of peers) peer.answer();
    await backend.settle();
    const [first, second, third] = [await backend.sent(), await backend.sent(), await backend.sent()];
    backend.peerOf(first)?.reset();
    backend.peerOf(second)?.reset();
    await backend.settle();
    backend.peerOf(third)?.answer();
    await backend.settle();
    const fresh = [await backend.accept(), await backend.accept()];
    await backend.settle();
    const before = fresh.map(({ requests }) => requests.length);
    await backend.advance(50);
    for (const peer of fresh) peer.answer();
    await backend.settle();
    expect([before, [...callers, first, second, third].map(({ outcome }) => outcome)]).toEqual([
      [0, 0],
      [200, 200, 200, 200, 200, 200],
    ]);
  });

  test('carries it a moment later', async () => {
    const { backend, caller, fresh } = await held();
    const before = fresh.requests.length;
    await backend.advance(50);
    fresh.answer();
    await backend.settle();
    expect([before, fresh.requests[0], caller.outcome]).toEqual([0, 'GET /3', 200]);
  });

  test('is lent to whoever waits when the re-send is aborted meanwhile', async () => {
    const { backend, caller, fresh } = await held();
    caller.abort();
    await backend.advance(50);
    expect(fresh.requests).toEqual(['GET /4']);
  });

  test('is lent to nobody when it has heard something meanwhile', async () => {
    const { backend, caller, fresh, waiting } = await held();
    caller.abort();
    fresh.hold();
    fresh.send('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad');
    await backend.advance(50);
    expect([waiting.outcome, fresh.requests, backend.originStats().poisoned]).toEqual(['waiting', [], 1]);
  });

  test('is no probe any more when it is closed meanwhile: the next dial is', async () => {
    const backend = await MemoryBackend.open({
      origins: ['http://a.test:80', 'http://b.test:80'],
      sticky: { cookie: 'at' },
    });
    const bound = { boundTo: 'http://a.test:80' };
    await backend.sent(bound);
    await backend.sent(bound);
    const idle = [await backend.accept(), await backend.accept()];
    for (const peer of idle) peer.answer();
    await backend.settle();
    backend.origin().standing.eject('connection_refused');
    await backend.advance(1_000);
    await backend.post(bound);
    for (const peer of idle) peer.fin();
    await backend.settle();
    const fresh = await backend.accept();
    fresh.reset();
    await backend.settle();
    await backend.advance(50);
    expect(backend.dialling.map((dial) => dial.target.origin)).toEqual(['http://a.test:80']);
  });

  test('leads to another dial when it is closed meanwhile', async () => {
    const { backend, caller, fresh } = await held();
    fresh.fin();
    await backend.settle();
    await backend.advance(50);
    for (const dial of backend.dialling) backend.peers.push(dial.open());
    await backend.settle();
    expect([caller.outcome, backend.peerOf(caller)?.closed]).toEqual(['waiting', false]);
  });
});

/** Idle connections, each used once. */
async function idlePeers(backend: MemoryBackend, count: number): Promise<Peer[]> {
  for (let sent = 0; sent < count; sent += 1) await backend.sent();
  const peers: Peer[] = [];
  while (backend.dialling.length > 0) peers.push(await backend.accept());
  for (const peer of peers) {
    peer.answer();
    await backend.settle();
  }
  return peers;
}

describe('the cap', () => {
  test('holds for dials too', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 3 });
    for (let sent = 0; sent < 10; sent += 1) await backend.sent();
    await backend.post();
    expect([backend.dialling.length, backend.queue.length]).toEqual([3, 11]);
  });

  test('is one of its own for an origin that has one', async () => {
    const backend = await MemoryBackend.open({
      origins: [{ url: 'http://a.test:80', maxConnections: 1 }, 'http://b.test:80'],
      maxConnections: 2,
    });
    for (let sent = 0; sent < 10; sent += 1) await backend.sent();
    expect(backend.stats.origins.map((one) => one.connections.dialling)).toEqual([1, 2]);
  });
});

describe('a connection that was found closed when it was wanted', () => {
  test('has its neighbours checked, and the request takes what is alive', async () => {
    const backend = await MemoryBackend.open();
    const [alive, gone, newest] = await idlePeers(backend, 3);
    for (const peer of [gone, newest]) {
      peer?.hold();
      peer?.fin();
    }
    const caller = await backend.sent();
    expect(backend.peerOf(caller)).toBe(alive);
    expect(backend.originStats()).toMatchObject({ stale: { found: 1, swept: 1 }, closed: { stale: 2 }, requests: 4 });
    expect(backend.eventsOf('stale')).toEqual([{ origin: 'http://a.test:80', swept: 1 }]);
    expect(caller.dispatch?.attempts).toHaveLength(1);
  });

  test('teaches no idle age when the next dial is refused: it was a restart', async () => {
    const backend = await MemoryBackend.open();
    let peer = await backend.idle();
    for (let restart = 0; restart < 3; restart += 1) {
      backend.clock.advance(2000);
      peer.fin();
      await backend.sent();
      await backend.refuse();
      backend.clock.advance(1000);
      await backend.settle();
      peer = await backend.accept();
      peer.answer();
      await backend.settle();
    }
    expect(backend.originStats()).toMatchObject({
      closed: { stale: 3 },
      dialsFailed: 3,
      idleLimitMs: { learned: null },
    });
  });

  test('with stray bytes is never ridden, and what it said is told', async () => {
    const backend = await MemoryBackend.open();
    const peer = await backend.idle();
    peer.hold();
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad');
    const caller = await backend.sent();
    const fresh = await backend.accept();
    fresh.answer({ body: 'good' });
    await backend.settle();
    expect([caller.body, backend.originStats().poisoned, backend.originStats().closed]).toEqual([
      'good',
      1,
      { poisoned: 1 },
    ]);
    expect(backend.eventsOf('poisoned')).toMatchObject([{ heard: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad' }]);
  });

  test('with stray bytes does not count as closed by its server, and neither do neighbours that have some', async () => {
    const backend = await MemoryBackend.open();
    const [, strayed, gone, newest] = await idlePeers(backend, 4);
    for (const peer of [strayed, gone, newest]) peer?.hold();
    for (const peer of [strayed, newest]) peer?.send('HTTP/1.1 408 Request Timeout\r\n\r\n');
    gone?.fin();
    await backend.sent();
    expect(backend.originStats()).toMatchObject({ stale: { found: 1, swept: 0 }, closed: { stale: 1, poisoned: 2 } });
    expect(backend.eventsOf('stale')).toEqual([{ origin: 'http://a.test:80', swept: 0 }]);
  });

  test.each([
    [1, 2000],
    [0, null],
  ])('with a 408, after %i exchanges, teaches the idle age %j', async (exchanges, learned) => {
    const backend = await MemoryBackend.open({ minConnections: exchanges === 0 ? 1 : 0 });
    const peer = await (exchanges === 0 ? backend.accept() : backend.idle());
    backend.clock.advance(2000);
    peer.send('HTTP/1.1 408 Request Timeout\r\n\r\n');
    await backend.settle();
    expect(backend.originStats()).toMatchObject({ closed: { poisoned: 1 }, idleLimitMs: { learned } });
  });

  test('is not handed from one request to the next either', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 1 });
    const first = await backend.sent();
    const second = await backend.sent();
    const peer = await backend.accept();
    peer.hold();
    peer.answer();
    peer.fin();
    peer.letGo(1);
    await backend.settle();
    expect([first.outcome, second.outcome, peer.requests.length]).toEqual([200, 'waiting', 1]);
    expect(backend.dialling.length).toBe(1);
  });
});

describe('where the kernel cannot be asked', () => {
  test('a connection is ridden two turns after it was wanted', async () => {
    const backend = await MemoryBackend.open();
    await backend.sent();
    const peer = await backend.accept({ asks: false });
    peer.answer();
    await backend.settle();
    backend.send();
    const seen = [peer.requests.length];
    backend.clock.runSoon();
    seen.push(peer.requests.length);
    backend.clock.runSoon();
    await backend.settle();
    seen.push(peer.requests.length);
    expect([seen, backend.dials.length]).toEqual([[1, 1, 2], 1]);
  });

  test('what arrives in these two turns ends it, and the request is dialled for', async () => {
    const backend = await MemoryBackend.open();
    await backend.sent();
    const peer = await backend.accept({ asks: false });
    peer.answer();
    await backend.settle();
    backend.send();
    peer.send('bad');
    await backend.settle();
    expect([peer.requests.length, backend.originStats().closed, backend.dialling.length]).toEqual([
      1,
      { poisoned: 1 },
      1,
    ]);
  });

  test('a request that was aborted in these two turns leaves the connection idle', async () => {
    const backend = await MemoryBackend.open();
    await backend.sent();
    const peer = await backend.accept({ asks: false });
    peer.answer();
    await backend.settle();
    backend.send().abort();
    await backend.settle();
    expect([backend.originStats().connections.idle, peer.requests.length]).toEqual([1, 1]);
    backend.checkAtRest();
  });
});

describe('retirement', () => {
  test('comes with maxRequestsPerConnection', async () => {
    const backend = await MemoryBackend.open({ maxRequestsPerConnection: 2 });
    const peer = await backend.idle(2);
    expect([peer.closed, backend.originStats().closed]).toEqual([true, { 'max-requests': 1 }]);
  });

  test('comes with the number that the origin announced', async () => {
    const backend = await MemoryBackend.open();
    await backend.sent();
    const peer = await backend.accept();
    peer.answer({ fields: ['Keep-Alive: max=2'] });
    await backend.settle();
    await backend.sent();
    peer.answer();
    await backend.settle();
    expect([peer.requests.length, backend.originStats().closed]).toEqual([2, { 'max-requests': 1 }]);
  });

  test('comes with maxConnectionAge at the end of the exchange, not in it', async () => {
    const backend = await MemoryBackend.open({ maxConnectionAge: 10_000 });
    const caller = await backend.sent();
    const peer = await backend.accept();
    await backend.advance(20_000);
    const during = peer.closed;
    peer.answer();
    await backend.settle();
    expect([during, caller.outcome, backend.originStats().closed]).toEqual([false, 200, { 'max-age': 1 }]);
  });

  test.each([
    ['that says it closes', { close: true }, 'server-close'],
    ['with bytes behind it', { body: 'ok' }, 'leftover'],
  ])('comes with an answer %s', async (_name, answer, reason) => {
    const backend = await MemoryBackend.open();
    const caller = await backend.sent();
    const peer = await backend.accept();
    if (reason === 'leftover') peer.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n');
    else peer.answer(answer);
    await backend.settle();
    expect([caller.outcome, caller.body, backend.originStats().closed]).toEqual([200, 'ok', { [reason]: 1 }]);
  });
});

describe('the idle age', () => {
  test('is what the origin announced, less a second', async () => {
    const backend = await MemoryBackend.open();
    await backend.sent();
    (await backend.accept()).answer({ fields: ['Keep-Alive: timeout=5'] });
    await backend.settle();
    expect(backend.originStats().idleLimitMs).toMatchObject({ hinted: 5_000, effective: 4_000 });
    await backend.advance(4_001);
    expect(backend.originStats().closed).toEqual({ 'idle-timeout': 1 });
  });

  test('is learned from connections that the origin closes again and again at one age', async () => {
    const backend = await MemoryBackend.open();
    for (const _ of [1, 2]) {
      const peer = await backend.idle();
      await backend.advance(10_000);
      peer.fin();
      await backend.settle();
      await backend.advance(2_000);
    }
    expect(backend.originStats().idleLimitMs).toMatchObject({ learned: 10_000, effective: 9_000 });
  });

  test('is not learned from connections that were never used', async () => {
    const backend = await MemoryBackend.open({ minConnections: 1 });
    for (const _ of [1, 2, 3]) {
      const peer = await backend.accept();
      await backend.advance(10_000);
      peer.fin();
      await backend.advance(2_000);
    }
    expect(backend.originStats().idleLimitMs.learned).toBeNull();
  });
});

describe('ready', () => {
  async function isReady(backend: MemoryBackend): Promise<() => boolean> {
    let ready = false;
    void backend
      .origin()
      .ready()
      .then(() => {
        ready = true;
      });
    await backend.settle();
    return () => ready;
  }

  test('is at once where no minimum is wanted', async () => {
    expect((await isReady(await MemoryBackend.open()))()).toBe(true);
  });

  test('is when the minimum is open', async () => {
    const backend = await MemoryBackend.open({ minConnections: 2 });
    const ready = await isReady(backend);
    await backend.accept();
    const before = ready();
    await backend.accept();
    expect([before, ready()]).toEqual([false, true]);
  });

  test.each([
    ['when it cannot be opened', (backend: MemoryBackend) => backend.refuse()],
    ['when the origin is closed', async (backend: MemoryBackend) => backend.destroy()],
  ])('is %s', async (_name, happen) => {
    const backend = await MemoryBackend.open({ minConnections: 2 });
    const ready = await isReady(backend);
    await happen(backend);
    await backend.settle();
    expect(ready()).toBe(true);
  });
});
