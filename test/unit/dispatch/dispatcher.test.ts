import { describe, expect, test } from 'vitest';
import { MemoryBackend } from '../../memory-backend.js';

test('a GET goes over a dialled connection and the next over the same', async () => {
  const backend = await MemoryBackend.open();
  const a = await backend.sent();
  const peer = await backend.accept();
  expect(peer.requests).toEqual(['GET /1']);
  peer.answer();
  await backend.settle();
  expect([a.outcome, a.body, [...a.contexts]]).toEqual([200, 'ok', ['r1']]);
  const b = await backend.sent();
  peer.answer();
  await backend.settle();
  expect([b.outcome, backend.dials.length, [...b.contexts]]).toEqual([200, 1, ['r2']]);
  backend.checkAtRest();
});

test('the dial that ends a back-off makes way for all who wait, not for one', async () => {
  const backend = await MemoryBackend.open();
  const callers = [backend.send(), backend.send(), backend.send()];
  await backend.settle();
  while (backend.dialling.length > 0) await backend.refuse();
  await backend.advance(30);
  const trials = backend.dialling.length;
  await backend.accept();
  expect([trials, backend.dialling.length, backend.peerOf(callers[0] ?? backend.send())]).toEqual([
    1,
    2,
    backend.peers[0],
  ]);
});

test('those who waited for the only origin to come back are served in their order, however long that took', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 1, queueTimeout: 1_000 });
  const first = await backend.sent();
  await backend.refuse();
  await backend.advance(300);
  const second = backend.send();
  await backend.settle();
  for (let tries = 0; tries < 3; tries += 1) {
    if (backend.dialling.length > 0) await backend.refuse();
    await backend.advance(200);
  }
  const peer = await backend.accept();
  const served = [backend.peerOf(first), backend.peerOf(second)];
  peer.answer();
  await backend.settle();
  expect([served, first.outcome, backend.peerOf(second)]).toEqual([[peer, undefined], 200, peer]);
});

test('those who wait for a slow origin are served newest first, once the oldest has waited half of its time', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 1, queueTimeout: 1_000 });
  const slow = await backend.sent();
  await backend.refuse();
  await backend.advance(100);
  const peer = await backend.accept();
  await backend.advance(1_000); // the origin is back since then
  const early = backend.send();
  await backend.advance(400);
  const late = backend.send();
  await backend.advance(200);
  peer.answer();
  await backend.settle();
  expect([slow.outcome, backend.peerOf(early), backend.peerOf(late)]).toEqual([200, undefined, peer]);
});

test('a request whose connection was lost is not refused, and comes before those who have had none', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 1, maxQueue: 1 });
  const lost = await backend.sent();
  (await backend.accept()).answer();
  await backend.settle();
  const again = await backend.sent();
  const waiting = await backend.sent();
  backend.peers[0]?.fin();
  await backend.settle();
  await backend.refuse();
  const refused = [lost, again, waiting].map(({ outcome }) => outcome);
  await backend.advance(1_000);
  const peer = await backend.accept();
  peer.answer();
  await backend.settle();
  expect([refused, again.outcome, backend.peerOf(waiting)]).toEqual([[200, 'waiting', 'waiting'], 200, peer]);
});

test('a request whose connection to a draining origin was lost waits for it to be ready, though nobody may wait', async () => {
  const backend = await MemoryBackend.open({ maxQueue: 0 });
  const lost = await backend.sent();
  const peer = await backend.accept();
  void backend.fleet.drain('http://a.test:80');
  peer.fin();
  await backend.settle();
  backend.fleet.ready('http://a.test:80');
  await backend.settle();
  (await backend.accept()).answer();
  await backend.settle();
  expect(lost.outcome).toBe(200);
});

test('where the kernel cannot be asked, a POST does not wait for the check of a connection that it may not ride', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 2, spareConnections: false });
  await backend.sent();
  await backend.sent();
  for (const peer of [await backend.accept({ asks: false }), await backend.accept({ asks: false })]) peer.answer();
  await backend.settle();
  backend.send();
  await backend.post();
  expect([backend.queue.length, backend.dialling.length]).toEqual([1, 1]);
});

test('a GET is not overtaken for ever by POSTs where no connection comes back', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 2, spareConnections: false });
  await backend.post();
  await backend.post();
  const peers = [await backend.accept(), await backend.accept()];
  const get = await backend.sent();
  const posts = [await backend.post(), await backend.post(), await backend.post()];
  for (let served = 0; served < 3; served += 1) {
    peers.shift()?.answer({ close: true });
    await backend.settle();
    peers.push(await backend.accept());
  }
  expect([backend.peerOf(get), ...posts.map((post) => backend.peerOf(post))]).toEqual([
    backend.peers[4],
    ...[backend.peers[2], backend.peers[3], undefined],
  ]);
});

test('a POST that needs a proven connection is not overtaken for ever by GETs where none can be proven', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 1, spareConnections: false });
  await backend.sent();
  const peer = await backend.accept();
  await backend.sent();
  const post = await backend.post({ nonIdempotent: 'verified' });
  await backend.sent();
  for (let served = 0; served < 2; served += 1) {
    peer.answer({ fields: ['Keep-Alive: timeout=0'] });
    await backend.settle();
  }
  const second = await backend.accept();
  expect([peer.requests, peer.closed, backend.peerOf(post)]).toEqual([['GET /1', 'GET /2'], true, second]);
});

test('a POST that needs a proven connection rides one that is, when a GET has taken the newer ones that are not', async () => {
  const backend = await MemoryBackend.open({ maxConnections: 3, spareConnections: false });
  const proven = await backend.idle(2);
  await backend.sent();
  await backend.sent();
  const newer = await backend.accept();
  for (const peer of [proven, newer]) peer.answer();
  await backend.settle();
  const post = await backend.post({ nonIdempotent: 'verified' });
  await backend.refuse();
  const before = backend.peerOf(post);
  await backend.sent();
  expect([before, backend.peerOf(post)]).toEqual([undefined, proven]);
});

test.each([{}, { boundTo: 'http://a.test:80' }])(
  'connections that come back are not closed for POSTs that maxDialling keeps waiting: GETs ride them ($boundTo)',
  async (place) => {
    const backend = await MemoryBackend.open({ maxConnections: 2, maxDialling: 1, spareConnections: false });
    await backend.sent(place);
    await backend.sent(place);
    const peers = [await backend.accept(), await backend.accept()];
    const posts = [await backend.post(place), await backend.post(place)];
    const get = await backend.sent(place);
    for (const peer of peers) peer.answer();
    await backend.settle();
    expect([peers.map(({ closed }) => closed), backend.peerOf(get)]).toEqual([[true, false], peers[1]]);
    (await backend.accept()).answer(); // closed for the next POST in turn
    await backend.settle();
    (await backend.accept()).answer();
    await backend.settle();
    expect(posts.map(({ outcome }) => outcome)).toEqual([200, 200]);
  },
);

describe('requests that travel fresh, beyond their share', () => {
  const options = { maxConnections: 3, maxFreshConnections: 1, minConnections: 2, spareConnections: false } as const;

  test('wait beside a spare, and take it when the share is given back', async () => {
    const backend = await MemoryBackend.open(options);
    const [first, second] = [await backend.accept(), await backend.accept()];
    await backend.post();
    await backend.post();
    const waiting = [backend.queue.length, backend.originStats().connections.spare];
    second.answer();
    await backend.settle();
    expect([waiting, first.requests, second.closed]).toEqual([[1, 1], ['POST /2'], false]);
  });

  test('are not dialled for', async () => {
    const backend = await MemoryBackend.open({ ...options, minConnections: 0 });
    await backend.post();
    await backend.accept();
    await backend.post();
    await backend.post();
    await backend.sent();
    expect(backend.dialling.length).toBe(1);
  });

  test.each([
    { what: 'bound to an origin', bound: { boundTo: 'http://a.test:80' } },
    {
      what: 'that a hash sends there',
      balance: { type: 'hash', key: 'path', load: Number.POSITIVE_INFINITY } as const,
    },
  ])('are not dialled for: those $what count what is being dialled for them', async ({ bound, balance }) => {
    const origins = ['http://a.test:80', 'http://b.test:80'];
    const backend = await MemoryBackend.open({ ...options, minConnections: 0, origins, balance });
    for (let sent = 0; sent < 4; sent += 1) await backend.post({ path: '/', ...bound });
    while (backend.dialling.length > 0) await backend.accept();
    expect(Math.max(...backend.stats.origins.map(({ connections }) => connections.busy))).toBe(1);
    for (let answered = 0; answered < 4; answered += 1) {
      backend.peers.find(({ owes }) => owes > 0)?.answer();
      await backend.settle();
      while (backend.dialling.length > 0) await backend.accept();
    }
    expect(backend.callers.map(({ outcome }) => outcome)).toEqual([200, 200, 200, 200]);
  });
});

describe('the end of a dispatcher', () => {
  test('a drain ends when all requests that were taken have ended', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 2 });
    for (let sent = 0; sent < 2; sent += 1) backend.send();
    await backend.settle();
    const peers = [await backend.accept(), await backend.accept()];
    let drained = false;
    void backend.dispatcher.drain().then(() => {
      drained = true;
    });
    await backend.settle();
    const seen = [drained];
    for (const peer of peers) {
      peer.answer();
      await backend.settle();
      seen.push(drained);
    }
    expect(seen).toEqual([false, false, true]);
  });

  test('a drain ends when the dispatcher is closed in the middle of it', async () => {
    const backend = await MemoryBackend.open();
    const caller = await backend.sent();
    const drained = backend.dispatcher.drain();
    backend.destroy();
    await drained;
    expect(caller.outcome).toBe('backend_closed');
  });

  test('the first cause is the one that later requests are told', async () => {
    const backend = await MemoryBackend.open();
    const cause = new Error('shutting down');
    backend.destroy(cause);
    backend.destroy();
    const late = await backend.sent();
    expect([late.outcome, late.failure.cause]).toEqual(['backend_closed', cause]);
  });

  test('requests that come while it drains are refused, those that wait are served', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 1 });
    await backend.sent();
    const waiting = await backend.sent();
    void backend.dispatcher.drain();
    const late = await backend.sent();
    const peer = await backend.accept();
    peer.answer();
    await backend.settle();
    peer.answer();
    await backend.settle();
    expect([waiting.outcome, late.outcome, late.failure.statusCode]).toEqual([200, 'backend_closed', 503]);
  });

  test('a close ends every request with its cause, and leaves nothing open', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 2 });
    const cause = new Error('shutting down');
    const sent = await backend.sent();
    await backend.accept();
    const dialling = await backend.sent();
    const queued = await backend.sent();
    backend.destroy(cause);
    await backend.settle();
    for (const caller of [sent, dialling, queued]) expect(caller.failure.cause).toBe(cause);
    expect([sent, dialling, queued].map((caller) => caller.failure.delivery)).toEqual(['unknown', 'unsent', 'unsent']);
    expect(backend.originStats()).toMatchObject({ connections: { open: 0, dialling: 0 }, closed: { aborted: 1 } });
    backend.clock.advance(60_000);
    expect([backend.clock.pending, backend.deadlines.size]).toEqual([0, 0]);
    backend.checkAtRest();
  });
});

describe('a request whose body or hook is waited for', () => {
  test('is in flight until it has ended, and counts once when it is dispatched', async () => {
    const backend = await MemoryBackend.open();
    const inFlight = () => backend.stats.inFlight;
    const counts = [inFlight()];
    const place = backend.dispatcher.announce(
      { requestTimeout: Number.POSITIVE_INFINITY },
      { requestFailed: () => {} },
    );
    counts.push(inFlight());
    const caller = backend.send({}, place);
    counts.push(inFlight());
    await backend.settle();
    (await backend.accept()).answer();
    await backend.settle();
    expect([caller.outcome, ...counts, inFlight()]).toEqual([200, 0, 1, 1, 0]);
  });

  test('takes as long as from the moment when it was accepted, whether its time is limited or not', async () => {
    const backend = await MemoryBackend.open();
    for (const requestTimeout of [60_000, Number.POSITIVE_INFINITY]) {
      const place = backend.dispatcher.announce({ requestTimeout }, { requestFailed: () => {} });
      await backend.advance(40);
      backend.send({ requestTimeout }, place);
      await backend.settle();
      for (const dial of backend.dialling) backend.peers.push(dial.open());
      await backend.settle();
      backend.peers[0]?.answer();
      await backend.settle();
    }
    expect(backend.eventsOf('request')).toMatchObject([{ durationMs: 40 }, { durationMs: 40 }]);
  });
});
