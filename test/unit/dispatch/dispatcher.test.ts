import { describe, expect, test } from 'vitest';
import { House } from '../../house.js';

test('a GET goes over a dialled connection and the next over the same', async () => {
  const house = await House.open();
  const a = await house.sent();
  const peer = await house.accept();
  expect(peer.requests).toEqual(['GET /1']);
  peer.answer();
  await house.settle();
  expect([a.outcome, a.body, [...a.contexts]]).toEqual([200, 'ok', ['r1']]);
  const b = await house.sent();
  peer.answer();
  await house.settle();
  expect([b.outcome, house.dials.length, [...b.contexts]]).toEqual([200, 1, ['r2']]);
  house.checkAtRest();
});

test('the dial that ends a back-off makes way for all who wait, not for one', async () => {
  const house = await House.open();
  const callers = [house.send(), house.send(), house.send()];
  await house.settle();
  while (house.dialling.length > 0) await house.refuse();
  await house.advance(30);
  const trials = house.dialling.length;
  await house.accept();
  expect([trials, house.dialling.length, house.peerOf(callers[0] ?? house.send())]).toEqual([1, 2, house.peers[0]]);
});

test('those who waited for the only origin to come back are served in their order, however long that took', async () => {
  const house = await House.open({ maxConnections: 1, queueTimeout: 1_000 });
  const first = await house.sent();
  await house.refuse();
  await house.advance(300);
  const second = house.send();
  await house.settle();
  for (let tries = 0; tries < 3; tries += 1) {
    if (house.dialling.length > 0) await house.refuse();
    await house.advance(200);
  }
  const peer = await house.accept();
  const served = [house.peerOf(first), house.peerOf(second)];
  peer.answer();
  await house.settle();
  expect([served, first.outcome, house.peerOf(second)]).toEqual([[peer, undefined], 200, peer]);
});

test('those who wait for a slow origin are served newest first, once the oldest has waited half of its time', async () => {
  const house = await House.open({ maxConnections: 1, queueTimeout: 1_000 });
  const slow = await house.sent();
  await house.refuse();
  await house.advance(100);
  const peer = await house.accept();
  await house.advance(1_000); // the origin is back since then
  const early = house.send();
  await house.advance(400);
  const late = house.send();
  await house.advance(200);
  peer.answer();
  await house.settle();
  expect([slow.outcome, house.peerOf(early), house.peerOf(late)]).toEqual([200, undefined, peer]);
});

test('a request whose connection was lost is not refused, and comes before those who have had none', async () => {
  const house = await House.open({ maxConnections: 1, maxQueue: 1 });
  const lost = await house.sent();
  (await house.accept()).answer();
  await house.settle();
  const again = await house.sent();
  const waiting = await house.sent();
  house.peers[0]?.fin();
  await house.settle();
  await house.refuse();
  const refused = [lost, again, waiting].map(({ outcome }) => outcome);
  await house.advance(1_000);
  const peer = await house.accept();
  peer.answer();
  await house.settle();
  expect([refused, again.outcome, house.peerOf(waiting)]).toEqual([[200, 'waiting', 'waiting'], 200, peer]);
});

test('a request whose connection to a draining origin was lost waits for it to be ready, though nobody may wait', async () => {
  const house = await House.open({ maxQueue: 0 });
  const lost = await house.sent();
  const peer = await house.accept();
  void house.fleet.drain('http://a.test:80');
  peer.fin();
  await house.settle();
  house.fleet.ready('http://a.test:80');
  await house.settle();
  (await house.accept()).answer();
  await house.settle();
  expect(lost.outcome).toBe(200);
});

test('where the kernel cannot be asked, a POST does not wait for the check of a connection that it may not ride', async () => {
  const house = await House.open({ maxConnections: 2, spareConnections: false });
  await house.sent();
  await house.sent();
  for (const peer of [await house.accept({ asks: false }), await house.accept({ asks: false })]) peer.answer();
  await house.settle();
  house.send();
  await house.post();
  expect([house.queue.length, house.dialling.length]).toEqual([1, 1]);
});

test('a GET is not overtaken for ever by POSTs where no connection comes back', async () => {
  const house = await House.open({ maxConnections: 2, spareConnections: false });
  await house.post();
  await house.post();
  const peers = [await house.accept(), await house.accept()];
  const get = await house.sent();
  const posts = [await house.post(), await house.post(), await house.post()];
  for (let served = 0; served < 3; served += 1) {
    peers.shift()?.answer({ close: true });
    await house.settle();
    peers.push(await house.accept());
  }
  expect([house.peerOf(get), ...posts.map((post) => house.peerOf(post))]).toEqual([
    house.peers[4],
    ...[house.peers[2], house.peers[3], undefined],
  ]);
});

test('a POST that needs a proven connection is not overtaken for ever by GETs where none can be proven', async () => {
  const house = await House.open({ maxConnections: 1, spareConnections: false });
  await house.sent();
  const peer = await house.accept();
  await house.sent();
  const post = await house.post({ nonIdempotent: 'verified' });
  await house.sent();
  for (let served = 0; served < 2; served += 1) {
    peer.answer({ fields: ['Keep-Alive: timeout=0'] });
    await house.settle();
  }
  const second = await house.accept();
  expect([peer.requests, peer.closed, house.peerOf(post)]).toEqual([['GET /1', 'GET /2'], true, second]);
});

test('a POST that needs a proven connection rides one that is, when a GET has taken the newer ones that are not', async () => {
  const house = await House.open({ maxConnections: 3, spareConnections: false });
  const proven = await house.idle(2);
  await house.sent();
  await house.sent();
  const newer = await house.accept();
  for (const peer of [proven, newer]) peer.answer();
  await house.settle();
  const post = await house.post({ nonIdempotent: 'verified' });
  await house.refuse();
  const before = house.peerOf(post);
  await house.sent();
  expect([before, house.peerOf(post)]).toEqual([undefined, proven]);
});

test.each([{}, { boundTo: 'http://a.test:80' }])(
  'connections that come back are not closed for POSTs that maxDialling keeps waiting: GETs ride them ($boundTo)',
  async (place) => {
    const house = await House.open({ maxConnections: 2, maxDialling: 1, spareConnections: false });
    await house.sent(place);
    await house.sent(place);
    const peers = [await house.accept(), await house.accept()];
    const posts = [await house.post(place), await house.post(place)];
    const get = await house.sent(place);
    for (const peer of peers) peer.answer();
    await house.settle();
    expect([peers.map(({ closed }) => closed), house.peerOf(get)]).toEqual([[true, false], peers[1]]);
    (await house.accept()).answer(); // closed for the next POST in turn
    await house.settle();
    (await house.accept()).answer();
    await house.settle();
    expect(posts.map(({ outcome }) => outcome)).toEqual([200, 200]);
  },
);

describe('requests that travel fresh, beyond their share', () => {
  const options = { maxConnections: 3, maxFreshConnections: 1, minConnections: 2, spareConnections: false } as const;

  test('wait beside a spare, and take it when the share is given back', async () => {
    const house = await House.open(options);
    const [first, second] = [await house.accept(), await house.accept()];
    await house.post();
    await house.post();
    const waiting = [house.queue.length, house.originStats().connections.spare];
    second.answer();
    await house.settle();
    expect([waiting, first.requests, second.closed]).toEqual([[1, 1], ['POST /2'], false]);
  });

  test('are not dialled for', async () => {
    const house = await House.open({ ...options, minConnections: 0 });
    await house.post();
    await house.accept();
    await house.post();
    await house.post();
    await house.sent();
    expect(house.dialling.length).toBe(1);
  });

  test.each([
    { what: 'bound to an origin', bound: { boundTo: 'http://a.test:80' } },
    {
      what: 'that a hash sends there',
      balance: { type: 'hash', key: 'path', load: Number.POSITIVE_INFINITY } as const,
    },
  ])('are not dialled for: those $what count what is being dialled for them', async ({ bound, balance }) => {
    const origins = ['http://a.test:80', 'http://b.test:80'];
    const house = await House.open({ ...options, minConnections: 0, origins, balance });
    for (let sent = 0; sent < 4; sent += 1) await house.post({ path: '/', ...bound });
    while (house.dialling.length > 0) await house.accept();
    expect(Math.max(...house.stats.origins.map(({ connections }) => connections.busy))).toBe(1);
    for (let answered = 0; answered < 4; answered += 1) {
      house.peers.find(({ owes }) => owes > 0)?.answer();
      await house.settle();
      while (house.dialling.length > 0) await house.accept();
    }
    expect(house.callers.map(({ outcome }) => outcome)).toEqual([200, 200, 200, 200]);
  });
});

describe('the end of a dispatcher', () => {
  test('a drain ends when all requests that were taken have ended', async () => {
    const house = await House.open({ maxConnections: 2 });
    for (let sent = 0; sent < 2; sent += 1) house.send();
    await house.settle();
    const peers = [await house.accept(), await house.accept()];
    let drained = false;
    void house.dispatcher.drain().then(() => {
      drained = true;
    });
    await house.settle();
    const seen = [drained];
    for (const peer of peers) {
      peer.answer();
      await house.settle();
      seen.push(drained);
    }
    expect(seen).toEqual([false, false, true]);
  });

  test('a drain ends when the dispatcher is closed in the middle of it', async () => {
    const house = await House.open();
    const caller = await house.sent();
    const drained = house.dispatcher.drain();
    house.destroy();
    await drained;
    expect(caller.outcome).toBe('backend_closed');
  });

  test('the first cause is the one that later requests are told', async () => {
    const house = await House.open();
    const cause = new Error('shutting down');
    house.destroy(cause);
    house.destroy();
    const late = await house.sent();
    expect([late.outcome, late.failure.cause]).toEqual(['backend_closed', cause]);
  });

  test('requests that come while it drains are refused, those that wait are served', async () => {
    const house = await House.open({ maxConnections: 1 });
    await house.sent();
    const waiting = await house.sent();
    void house.dispatcher.drain();
    const late = await house.sent();
    const peer = await house.accept();
    peer.answer();
    await house.settle();
    peer.answer();
    await house.settle();
    expect([waiting.outcome, late.outcome, late.failure.statusCode]).toEqual([200, 'backend_closed', 503]);
  });

  test('a close ends every request with its cause, and leaves nothing open', async () => {
    const house = await House.open({ maxConnections: 2 });
    const cause = new Error('shutting down');
    const sent = await house.sent();
    await house.accept();
    const dialling = await house.sent();
    const queued = await house.sent();
    house.destroy(cause);
    await house.settle();
    for (const caller of [sent, dialling, queued]) expect(caller.failure.cause).toBe(cause);
    expect([sent, dialling, queued].map((caller) => caller.failure.delivery)).toEqual(['unknown', 'unsent', 'unsent']);
    expect(house.originStats()).toMatchObject({ connections: { open: 0, dialling: 0 }, closed: { aborted: 1 } });
    house.clock.advance(60_000);
    expect([house.clock.pending, house.deadlines.size]).toEqual([0, 0]);
    house.checkAtRest();
  });
});

describe('a request whose body or hook is waited for', () => {
  test('is in flight until it has ended, and counts once when it is dispatched', async () => {
    const house = await House.open();
    const inFlight = () => house.stats.inFlight;
    const counts = [inFlight()];
    const place = house.dispatcher.announce({ requestTimeout: Number.POSITIVE_INFINITY }, { requestFailed: () => {} });
    counts.push(inFlight());
    const caller = house.send({}, place);
    counts.push(inFlight());
    await house.settle();
    (await house.accept()).answer();
    await house.settle();
    expect([caller.outcome, ...counts, inFlight()]).toEqual([200, 0, 1, 1, 0]);
  });

  test('takes as long as from the moment when it was accepted, whether its time is limited or not', async () => {
    const house = await House.open();
    for (const requestTimeout of [60_000, Number.POSITIVE_INFINITY]) {
      const place = house.dispatcher.announce({ requestTimeout }, { requestFailed: () => {} });
      await house.advance(40);
      house.send({ requestTimeout }, place);
      await house.settle();
      for (const dial of house.dialling) house.peers.push(dial.open());
      await house.settle();
      house.peers[0]?.answer();
      await house.settle();
    }
    expect(house.eventsOf('request')).toMatchObject([{ durationMs: 40 }, { durationMs: 40 }]);
  });
});
