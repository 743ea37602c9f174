import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { StreamBody } from '../../../src/body/stream-body.js';
import { type Caller, House, type HouseOptions, type Peer, type Sending } from '../../house.js';

const [A, B] = ['http://a.test:80', 'http://b.test:80'];
const GET: Sending = {};
const POST: Sending = { method: 'POST', body: 'x', nonIdempotent: 'any' };

type Where = 'reused' | 'fresh';

/** A request under way on a connection that had carried one before, or none. */
async function underWay(
  where: Where,
  sending: Sending,
  options: HouseOptions = {},
): Promise<{ house: House; peer: Peer; caller: Caller }> {
  const house = await House.open({ spareConnections: false, ...options });
  if (where === 'reused') {
    const peer = await house.idle();
    return { house, peer, caller: await house.sent(sending) };
  }
  const caller = await house.sent(sending);
  return { house, peer: await house.accept(), caller };
}

/** Answers whatever is asked again, and tells on how many connections the request was seen. */
async function finish(house: House, caller: Caller): Promise<number> {
  for (let round = 0; round < 5 && !caller.over; round += 1) {
    while (house.dialling.length > 0) await house.accept();
    const peer = house.peerOf(caller);
    if (peer !== undefined && peer.owes > 0) peer.answer({ body: 'again' });
    await house.settle();
  }
  const line = ` /${caller.name.slice(1)}`;
  return house.peers.flatMap((peer) => peer.requests).filter((one) => one.endsWith(line)).length;
}

const breaks: Record<string, (peer: Peer) => void> = {
  'a close': (peer) => peer.fin(),
  'a reset': (peer) => peer.reset(),
  'a close inside the head': (peer) => {
    peer.send('HTTP/1.1 200 OK\r\nContent-');
    peer.fin();
  },
};

describe.each(Object.keys(breaks))('%s instead of an answer', (name) => {
  const broken = breaks[name] ?? (() => undefined);

  test.each<Where>(['reused', 'fresh'])('sends a GET again, once, on a fresh connection (%s before)', async (where) => {
    const { house, peer, caller } = await underWay(where, GET);
    broken(peer);
    await house.settle();
    expect([await finish(house, caller), caller.outcome, caller.body]).toEqual([2, 200, 'again']);
    expect(caller.dispatch?.attempts.map((attempt) => attempt.reused)).toEqual([where === 'reused', false]);
    house.checkAtRest();
  });

  test.each<Where>(['reused', 'fresh'])(
    'never sends a POST again, and says that its fate is unknown (%s)',
    async (where) => {
      const { house, peer, caller } = await underWay(where, POST);
      broken(peer);
      await house.settle();
      expect(await finish(house, caller)).toBe(1);
      expect(caller.failure).toMatchObject({ code: 'connection_terminated', statusCode: 502, delivery: 'unknown' });
      expect(caller.failure.attempts).toMatchObject([{ origin: A, reused: where === 'reused', sent: 'all' }]);
      house.checkAtRest();
    },
  );

  test('sends a GET no second time again', async () => {
    const { house, peer, caller } = await underWay('reused', GET);
    broken(peer);
    await house.settle();
    const second = await house.accept();
    broken(second);
    await house.settle();
    expect([await finish(house, caller), caller.outcome]).toEqual([2, 'connection_terminated']);
    expect(caller.failure.attempts).toHaveLength(2);
  });
});

describe('a first write that the kernel refuses', () => {
  test.each(['GET', 'POST'])('sends a %s at once on a fresh connection, for nothing was sent', async (method) => {
    const house = await House.open({ spareConnections: false });
    const peer = await house.idle();
    peer.near.refuseNextWrite();
    const caller = await house.sent({ ...POST, method });
    expect([await finish(house, caller), caller.outcome]).toEqual([1, 200]);
    expect(caller.dispatch?.attempts.map(({ sent, reused }) => [sent, reused])).toEqual([
      ['nothing', true],
      ['all', false],
    ]);
    expect(house.originStats()).toMatchObject({ resent: { unsent: 1 }, closed: { stale: 1 } });
  });

  test('counts as an attempt, so that it ends, and nothing was sent', async () => {
    const house = await House.open({ spareConnections: false, maxAttempts: 1 });
    const peer = await house.idle();
    peer.near.refuseNextWrite();
    const caller = await house.sent(POST);
    expect(caller.failure).toMatchObject({
      code: 'connection_terminated',
      delivery: 'unsent',
      attempts: [{ sent: 'nothing' }],
    });
  });
});

describe('a re-send', () => {
  test('takes the slot of its dead connection, ahead of those who wait', async () => {
    const { house, peer, caller } = await underWay('reused', GET, { maxConnections: 1 });
    const waiting = await house.sent();
    peer.reset();
    await house.settle();
    const next = await house.accept();
    expect([next.requests, waiting.outcome]).toEqual([['GET /2'], 'waiting']);
    next.answer();
    await house.settle();
    next.answer();
    await house.settle();
    expect([caller.outcome, waiting.outcome]).toEqual([200, 200]);
  });

  test('goes to another origin when a fresh connection died', async () => {
    const { house, peer, caller } = await underWay('fresh', GET, { origins: [A, B] });
    peer.reset();
    await house.settle();
    expect(await finish(house, caller)).toBe(2);
    expect(caller.dispatch?.attempts.map((attempt) => attempt.origin)).toEqual([A, B]);
    expect(house.eventsOf('resend')).toMatchObject([{ origin: A, reason: 'fresh-closed' }]);
  });

  test('goes to an origin that it has not been sent to, while there is one', async () => {
    const origins = [A, B, 'http://c.test:80'];
    const { house, peer, caller } = await underWay('fresh', GET, { origins, retryOn: [503], balance: 'first' });
    peer.answer({ status: 503 });
    await house.settle();
    (await house.accept()).reset();
    await house.settle();
    await finish(house, caller);
    expect(caller.dispatch?.attempts.map((attempt) => attempt.origin)).toEqual([
      'http://a.test:80',
      'http://b.test:80',
      'http://c.test:80',
    ]);
  });

  test('stays with its origin when a reused connection died', async () => {
    const { house, peer, caller } = await underWay('reused', GET, { origins: [A, { url: B, weight: 0 }] });
    peer.reset();
    await house.settle();
    await finish(house, caller);
    expect(caller.dispatch?.attempts.map((attempt) => attempt.origin)).toEqual([A, A]);
  });

  test('after a reused connection died costs no token and counts against nobody', async () => {
    const { house, peer, caller } = await underWay('reused', GET, {
      retryBudget: { ratio: 0, minPerSecond: 0 },
      ejection: { failures: 1 },
      origins: [A, B],
    });
    for (let taken = 0; taken < 100; taken += 1) house.dispatcher.budget.tryWithdraw();
    peer.reset();
    await house.settle();
    await finish(house, caller);
    expect([caller.outcome, house.originStats().health.state]).toEqual([200, 'healthy']);
  });

  test('after a fresh connection died costs a token: without one there is none', async () => {
    const { house, peer, caller } = await underWay('fresh', GET, { retryBudget: { ratio: 0, minPerSecond: 0 } });
    for (let taken = 0; taken < 100; taken += 1) house.dispatcher.budget.tryWithdraw();
    peer.reset();
    await house.settle();
    expect([caller.outcome, house.dialling.length]).toEqual(['connection_terminated', 0]);
  });

  test('whose dial fails waits on, and is served by the next', async () => {
    const { house, peer, caller } = await underWay('reused', GET);
    peer.reset();
    await house.settle();
    await house.refuse();
    await house.advance(25);
    expect([await finish(house, caller), caller.outcome]).toEqual([2, 200]);
  });

  test('is not made once the response head is with the requester: it is told that the rest is missing', async () => {
    const { house, peer, caller } = await underWay('reused', GET);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nha');
    await house.settle();
    peer.fin();
    await house.settle();
    expect([caller.outcome, caller.body, house.dialling.length]).toEqual(['cut: http_response_incomplete', 'ha', 0]);
    expect(caller.failure.delivery).toBe('answered');
  });

  test('is not made of a body that is spent', async () => {
    const source = new PassThrough();
    const body = new StreamBody(source, { length: 6, replayBytes: 2 });
    const { house, peer, caller } = await underWay('reused', { method: 'PUT', body });
    source.write('abc');
    await house.settle();
    peer.reset();
    await house.settle();
    expect([caller.outcome, house.dialling.length]).toEqual(['connection_terminated', 0]);
  });

  test('after a Retry-After leaves the slot to the minimum when that is all there is, and rides what comes', async () => {
    const { house, peer, caller } = await underWay('fresh', GET, {
      ...{ retryOn: [503], maxConnections: 1, minConnections: 1 },
    });
    peer.answer({ status: 503, fields: ['Retry-After: 1'] });
    await house.settle();
    await house.advance(1_000);
    expect([await finish(house, caller), caller.outcome, house.dials.length]).toEqual([2, 200, 2]);
  });

  test('gives a live body from its first byte', async () => {
    const source = new PassThrough();
    const body = new StreamBody(source, { length: 6, replayBytes: 10 });
    const { house, peer, caller } = await underWay('reused', { method: 'PUT', body });
    source.write('abc');
    await house.settle();
    peer.reset();
    await house.settle();
    const next = await house.accept();
    source.end('def');
    await house.settle();
    next.answer();
    await house.settle();
    expect([next.heard.endsWith('\r\n\r\nabcdef'), caller.outcome]).toEqual([true, 200]);
  });
});

describe('an answer of the origin', () => {
  test.each([421, 425, 429, 500, 503])('of %d goes through as it is', async (status) => {
    const { house, peer, caller } = await underWay('reused', GET);
    peer.answer({ status });
    await house.settle();
    expect([caller.outcome, house.dials.length]).toEqual([status, 1]);
  });

  test('of 408 on a reused connection is that of its idle timer: a GET is sent again', async () => {
    const { house, peer, caller } = await underWay('reused', GET);
    peer.answer({ status: 408, close: true });
    await house.settle();
    expect([await finish(house, caller), caller.outcome]).toEqual([2, 200]);
  });

  test.each<[Where, Sending]>([
    ['fresh', GET],
    ['reused', POST],
  ])('of 408 goes through on a %s connection for %j', async (where, sending) => {
    const { house, peer, caller } = await underWay(where, sending);
    peer.answer({ status: 408, close: true });
    await house.settle();
    expect([await finish(house, caller), caller.outcome]).toEqual([1, 408]);
  });

  test('that retryOn names is sent again after its Retry-After', async () => {
    const { house, peer, caller } = await underWay('reused', GET, { retryOn: [503] });
    peer.answer({ status: 503, fields: ['Retry-After: 1'] });
    await house.settle();
    await house.advance(999);
    const before = house.dialling.length;
    await house.advance(1);
    expect([before, house.dialling.length]).toEqual([0, 1]);
    expect([await finish(house, caller), caller.outcome]).toEqual([2, 200]);
  });

  test.each([
    ['whose Retry-After is longer than a second', GET, ['Retry-After: 2']],
    ['to a POST', POST, []],
  ])('that retryOn names goes through %s', async (_name, sending, fields) => {
    const { house, peer, caller } = await underWay('reused', sending, { retryOn: [503] });
    peer.answer({ status: 503, fields });
    await house.settle();
    expect([caller.outcome, house.dials.length]).toEqual([503, 1]);
  });

  test('that retryOn names goes through when there are no attempts left', async () => {
    const { house, peer, caller } = await underWay('reused', GET, { retryOn: [503], maxAttempts: 2 });
    peer.answer({ status: 503 });
    await house.settle();
    (await house.accept()).answer({ status: 503, body: 'last' });
    await house.settle();
    expect([caller.outcome, caller.body, caller.dispatch?.attempts.length]).toEqual([503, 'last', 2]);
  });

  test('that is no HTTP is no answer, and is not asked for again', async () => {
    const { house, peer, caller } = await underWay('reused', GET);
    peer.send('SSH-2.0-OpenSSH_9.6\r\n');
    await house.settle();
    expect([caller.failure.statusCode, house.dialling.length, house.originStats().closed]).toEqual([
      502,
      0,
      { garbage: 1 },
    ]);
  });
});

describe('an origin that does not answer', () => {
  test.each(['GET', 'POST'])('ends a %s with 504 after headersTimeout, and is not asked again', async (method) => {
    const { house, caller } = await underWay('reused', { ...POST, method }, { headersTimeout: 1_000 });
    await house.advance(1_000);
    expect(caller.failure).toMatchObject({ code: 'http_response_timeout', statusCode: 504, delivery: 'unknown' });
    expect(house.dialling.length).toBe(0);
  });

  test('is asked again after headersTimeout where retryOn says so, elsewhere if it can be', async () => {
    const { house, caller } = await underWay('fresh', GET, {
      headersTimeout: 1_000,
      retryOn: ['headers-timeout'],
      origins: [A, B],
    });
    await house.advance(1_000);
    expect([await finish(house, caller), caller.dispatch?.attempts.map((one) => one.origin)]).toEqual([2, [A, B]]);
  });

  test('ends a request with 504 after requestTimeout, whatever it waits for', async () => {
    const house = await House.open({ maxConnections: 1, queueTimeout: 60_000, requestTimeout: 1_000 });
    const sent = await house.sent();
    const peer = await house.accept();
    const queued = await house.sent();
    await house.advance(1_000);
    expect([sent.outcome, queued.outcome]).toEqual(['http_response_timeout', 'http_response_timeout']);
    expect([sent.failure.delivery, queued.failure.delivery, peer.closed]).toEqual(['unknown', 'unsent', true]);
    house.checkAtRest();
  });
});

describe('a response that is complete, but held', () => {
  test.each([
    ['an answer', GET, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    [
      'a switch',
      { ...GET, upgrade: 'chat' },
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n',
    ],
  ])('is 504 after requestTimeout: %s', async (_what, sending, bytes) => {
    const { house, peer, caller } = await underWay('fresh', sending, { requestTimeout: 1_000 });
    caller.holds = true;
    await house.advance(400);
    peer.send(bytes);
    await house.advance(599);
    expect(caller.outcome).toBe('waiting');
    await house.advance(1);
    expect(caller.failure).toMatchObject({ code: 'http_response_timeout', statusCode: 504, delivery: 'answered' });
    house.checkAtRest();
  });

  test('is passed on when it is held no longer, and requestTimeout has no effect afterwards', async () => {
    const { house, peer, caller } = await underWay('fresh', GET, { requestTimeout: 1_000 });
    caller.holds = true;
    peer.answer();
    await house.advance(999);
    caller.holds = false;
    caller.dispatch?.resume();
    await house.advance(1_000);
    expect([caller.outcome, caller.endings, caller.late]).toEqual([200, 1, 0]);
    house.checkAtRest();
  });
});

describe('a request that is aborted', () => {
  /** Nothing is left of it: no slot, no place in the queue, nothing said. */
  async function checkNothingLeft(house: House, caller: Caller): Promise<void> {
    await house.settle();
    expect([caller.endings, caller.late]).toEqual([0, 0]);
    house.checkAtRest();
    expect(house.stats.queue.length).toBe(0);
  }

  test('while it waits leaves the queue, and is never sent', async () => {
    const { house, peer } = await underWay('fresh', GET, { maxConnections: 1 });
    const caller = await house.sent();
    caller.abort();
    peer.answer();
    await checkNothingLeft(house, caller);
    expect(peer.requests).toHaveLength(1);
  });

  test('while it is dialled for leaves the connection to others', async () => {
    const house = await House.open();
    const caller = await house.sent();
    caller.abort();
    await house.accept();
    await checkNothingLeft(house, caller);
    expect(house.originStats().connections).toMatchObject({ idle: 1, spare: 1 });
  });

  test('while its re-send is dialled for leaves the connection to whoever waits', async () => {
    const { house, peer, caller } = await underWay('reused', GET, { maxConnections: 1 });
    const waiting = await house.sent();
    peer.reset();
    await house.settle();
    caller.abort();
    const next = await house.accept();
    next.answer();
    await checkNothingLeft(house, caller);
    expect([next.requests, waiting.outcome]).toEqual([['GET /3'], 200]);
  });

  test('while its body is sent costs the connection', async () => {
    const source = new PassThrough();
    const body = new StreamBody(source, { length: 6, replayBytes: 10 });
    const { house, peer, caller } = await underWay('fresh', { method: 'PUT', body });
    source.write('abc');
    await house.settle();
    caller.abort();
    await checkNothingLeft(house, caller);
    expect([peer.closed, house.originStats().closed]).toEqual([true, { aborted: 1 }]);
  });

  test('while it waits for the head costs the connection', async () => {
    const { house, peer, caller } = await underWay('reused', GET);
    caller.abort();
    await checkNothingLeft(house, caller);
    expect([peer.closed, house.originStats().closed]).toEqual([true, { aborted: 1 }]);
  });

  test('near the end of its response leaves the connection alive', async () => {
    const { house, peer, caller } = await underWay('reused', GET);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nha');
    await house.settle();
    caller.abort();
    peer.send('llo');
    await checkNothingLeft(house, caller);
    const next = await house.sent();
    expect(house.peerOf(next)).toBe(peer);
  });

  test('near the end of a response that does not come costs the connection after a second', async () => {
    const { house, peer, caller } = await underWay('reused', GET);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nha');
    await house.settle();
    caller.abort();
    await house.advance(1_000);
    await checkNothingLeft(house, caller);
    expect(peer.closed).toBe(true);
  });

  test('far from the end of its response costs the connection', async () => {
    const { house, peer, caller } = await underWay('reused', GET);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nha');
    await house.settle();
    caller.abort();
    await checkNothingLeft(house, caller);
    expect(peer.closed).toBe(true);
  });

  test('while it waits for its Retry-After is not sent again', async () => {
    const { house, peer, caller } = await underWay('reused', GET, { retryOn: [503] });
    peer.answer({ status: 503, fields: ['Retry-After: 1'] });
    await house.settle();
    caller.abort();
    await house.advance(1_001);
    await checkNothingLeft(house, caller);
    expect(house.dialling.length).toBe(0);
  });
});

describe('every call of a sink', () => {
  test('is made in the context of its requester: on a reused connection, from the queue, after a re-send', async () => {
    const house = await House.open({ maxConnections: 1 });
    await house.sent();
    await house.sent();
    const peer = await house.accept();
    const aborted = await house.sent();
    aborted.abort();
    const late = await house.sent({ queueTimeout: 10 });
    await house.advance(10);
    for (const _ of [1, 2]) {
      peer.send('HTTP/1.1 103 Early Hints\r\n\r\n');
      peer.answer();
      await house.settle();
    }
    const resent = await house.sent();
    peer.reset();
    await house.settle();
    (await house.accept()).answer();
    await house.settle();
    expect([late.outcome, resent.outcome]).toEqual(['connection_limit_reached', 200]);
    for (const caller of house.callers) {
      if (!caller.aborted) expect([...caller.contexts]).toEqual([caller.name]);
    }
  });
});

describe('a re-send after a reused connection died, which may be the first of a process that dies', () => {
  test('goes to another origin where there is one', async () => {
    const { house, peer, caller } = await underWay('reused', GET, { origins: [A, B], balance: 'first' });
    peer.fin();
    await house.settle();
    await finish(house, caller);
    expect([caller.outcome, caller.dispatch?.attempts.map((attempt) => attempt.origin)]).toEqual([200, [A, B]]);
  });

  test('stays where the balancer keeps it', async () => {
    const balance = { pick: () => 0, keeps: true };
    const { house, peer, caller } = await underWay('reused', GET, { origins: [A, B], balance });
    peer.fin();
    await house.settle();
    await finish(house, caller);
    expect(caller.dispatch?.attempts.map((attempt) => attempt.origin)).toEqual([A, A]);
  });

  test('has nowhere else to go: it waits whether the next connection is closed, too', async () => {
    const { house, callers, backlog, other } = await resentIntoTheBacklog();
    await house.advance(20);
    other.fin();
    await house.advance(20);
    expect(backlog.requests).toEqual([]);
    backlog.reset();
    for (let round = 0; round < 4; round += 1) {
      await house.advance(51);
      while (house.dialling.length > 0) await house.accept();
      for (const peer of house.peers) if (peer.owes > 0) peer.answer();
      await house.settle();
    }
    expect(callers.map((caller) => caller.outcome)).toEqual([200, 200, 200]);
  });

  test('has nowhere else to go: it goes as soon as what was sent since is answered', async () => {
    const { house, backlog, other } = await resentIntoTheBacklog();
    other.answer(); // that was sent before
    await house.sent();
    await house.advance(20);
    expect(backlog.requests).toEqual([]);
    other.answer();
    await house.advance(10);
    expect(backlog.requests.length).toBe(1);
  });

  test('has nowhere else to go, and nothing is heard: it goes after a moment', async () => {
    const { house, backlog } = await resentIntoTheBacklog();
    await house.advance(40);
    expect(backlog.requests).toEqual([]);
    await house.advance(10);
    expect(backlog.requests.length).toBe(1);
  });

  test('has nowhere else to go, and its client leaves while it waits: the connection is there for others', async () => {
    const { house, callers, backlog } = await resentIntoTheBacklog();
    callers[0]?.abort();
    await house.advance(50);
    expect([backlog.requests, house.originStats().connections]).toEqual([
      [],
      expect.objectContaining({ idle: 1, busy: 2 }),
    ]);
  });

  test('has nowhere else to go, and nobody else is under way who could tell: it goes at once', async () => {
    const { house, peer, caller } = await underWay('reused', GET);
    peer.fin();
    await house.settle();
    await finish(house, caller);
    expect(caller.outcome).toBe(200);
  });

  test('has nowhere else to go: it waits as well on what was dialled for the minimum', async () => {
    const { house, backlog } = await resentIntoTheBacklog({ maxConnections: 3, minConnections: 3 });
    await house.advance(40);
    expect(backlog.requests).toEqual([]);
    await house.advance(10);
    expect(backlog.requests).toEqual(['GET /1']);
  });

  async function resentIntoTheBacklog(options: HouseOptions = {}) {
    const house = await House.open({ spareConnections: false, ...options });
    const callers = [await house.sent(), await house.sent(), await house.sent()];
    const [one, other] = [await house.accept(), await house.accept(), await house.accept()];
    one.fin();
    await house.settle();
    const backlog = await house.accept();
    await house.settle();
    return { house, callers, other, backlog };
  }
});
