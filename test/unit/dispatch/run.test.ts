import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { StreamBody } from '../../../src/body/stream-body.js';
import {
  type Caller,
  MemoryBackend,
  type MemoryBackendOptions,
  type Peer,
  type Sending,
} from '../../memory-backend.js';

const [A, B] = ['http://a.test:80', 'http://b.test:80'];
const GET: Sending = {};
const POST: Sending = { method: 'POST', body: 'x', nonIdempotent: 'any' };

type Where = 'reused' | 'fresh';

/** A request under way on a connection that had carried one before, or none. */
async function underWay(
  where: Where,
  sending: Sending,
  options: MemoryBackendOptions = {},
): Promise<{ backend: MemoryBackend; peer: Peer; caller: Caller }> {
  const backend = await MemoryBackend.open({ spareConnections: false, ...options });
  if (where === 'reused') {
    const peer = await backend.idle();
    return { backend, peer, caller: await backend.sent(sending) };
  }
  const caller = await backend.sent(sending);
  return { backend, peer: await backend.accept(), caller };
}

/** Answers whatever is asked again, and tells on how many connections the request was seen. */
async function finish(backend: MemoryBackend, caller: Caller): Promise<number> {
  for (let round = 0; round < 5 && !caller.over; round += 1) {
    while (backend.dialling.length > 0) await backend.accept();
    const peer = backend.peerOf(caller);
    if (peer !== undefined && peer.owes > 0) peer.answer({ body: 'again' });
    await backend.settle();
  }
  const line = ` /${caller.name.slice(1)}`;
  return backend.peers.flatMap((peer) => peer.requests).filter((one) => one.endsWith(line)).length;
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
    const { backend, peer, caller } = await underWay(where, GET);
    broken(peer);
    await backend.settle();
    expect([await finish(backend, caller), caller.outcome, caller.body]).toEqual([2, 200, 'again']);
    expect(caller.dispatch?.attempts.map((attempt) => attempt.reused)).toEqual([where === 'reused', false]);
    backend.checkAtRest();
  });

  test.each<Where>(['reused', 'fresh'])(
    'never sends a POST again, and says that its fate is unknown (%s)',
    async (where) => {
      const { backend, peer, caller } = await underWay(where, POST);
      broken(peer);
      await backend.settle();
      expect(await finish(backend, caller)).toBe(1);
      expect(caller.failure).toMatchObject({ code: 'connection_terminated', statusCode: 502, delivery: 'unknown' });
      expect(caller.failure.attempts).toMatchObject([{ origin: A, reused: where === 'reused', sent: 'all' }]);
      backend.checkAtRest();
    },
  );

  test('sends a GET no second time again', async () => {
    const { backend, peer, caller } = await underWay('reused', GET);
    broken(peer);
    await backend.settle();
    const second = await backend.accept();
    broken(second);
    await backend.settle();
    expect([await finish(backend, caller), caller.outcome]).toEqual([2, 'connection_terminated']);
    expect(caller.failure.attempts).toHaveLength(2);
  });
});

describe('a first write that the kernel refuses', () => {
  test.each(['GET', 'POST'])('sends a %s at once on a fresh connection, for nothing was sent', async (method) => {
    const backend = await MemoryBackend.open({ spareConnections: false });
    const peer = await backend.idle();
    peer.near.refuseNextWrite();
    const caller = await backend.sent({ ...POST, method });
    expect([await finish(backend, caller), caller.outcome]).toEqual([1, 200]);
    expect(caller.dispatch?.attempts.map(({ sent, reused }) => [sent, reused])).toEqual([
      ['nothing', true],
      ['all', false],
    ]);
    expect(backend.originStats()).toMatchObject({ resent: { unsent: 1 }, closed: { stale: 1 } });
  });

  test('counts as an attempt, so that it ends, and nothing was sent', async () => {
    const backend = await MemoryBackend.open({ spareConnections: false, maxAttempts: 1 });
    const peer = await backend.idle();
    peer.near.refuseNextWrite();
    const caller = await backend.sent(POST);
    expect(caller.failure).toMatchObject({
      code: 'connection_terminated',
      delivery: 'unsent',
      attempts: [{ sent: 'nothing' }],
    });
  });
});

describe('a re-send', () => {
  test('takes the slot of its dead connection, ahead of those who wait', async () => {
    const { backend, peer, caller } = await underWay('reused', GET, { maxConnections: 1 });
    const waiting = await backend.sent();
    peer.reset();
    await backend.settle();
    const next = await backend.accept();
    expect([next.requests, waiting.outcome]).toEqual([['GET /2'], 'waiting']);
    next.answer();
    await backend.settle();
    next.answer();
    await backend.settle();
    expect([caller.outcome, waiting.outcome]).toEqual([200, 200]);
  });

  test('goes to another origin when a fresh connection died', async () => {
    const { backend, peer, caller } = await underWay('fresh', GET, { origins: [A, B] });
    peer.reset();
    await backend.settle();
    expect(await finish(backend, caller)).toBe(2);
    expect(caller.dispatch?.attempts.map((attempt) => attempt.origin)).toEqual([A, B]);
    expect(backend.eventsOf('resend')).toMatchObject([{ origin: A, reason: 'fresh-closed' }]);
  });

  test('goes to an origin that it has not been sent to, while there is one', async () => {
    const origins = [A, B, 'http://c.test:80'];
    const { backend, peer, caller } = await underWay('fresh', GET, { origins, retryOn: [503], balance: 'first' });
    peer.answer({ status: 503 });
    await backend.settle();
    (await backend.accept()).reset();
    await backend.settle();
    await finish(backend, caller);
    expect(caller.dispatch?.attempts.map((attempt) => attempt.origin)).toEqual([
      'http://a.test:80',
      'http://b.test:80',
      'http://c.test:80',
    ]);
  });

  test('stays with its origin when a reused connection died', async () => {
    const { backend, peer, caller } = await underWay('reused', GET, { origins: [A, { url: B, weight: 0 }] });
    peer.reset();
    await backend.settle();
    await finish(backend, caller);
    expect(caller.dispatch?.attempts.map((attempt) => attempt.origin)).toEqual([A, A]);
  });

  test('after a reused connection died costs no token and counts against nobody', async () => {
    const { backend, peer, caller } = await underWay('reused', GET, {
      retryBudget: { ratio: 0, minPerSecond: 0 },
      ejection: { failures: 1 },
      origins: [A, B],
    });
    for (let taken = 0; taken < 100; taken += 1) backend.dispatcher.budget.tryWithdraw();
    peer.reset();
    await backend.settle();
    await finish(backend, caller);
    expect([caller.outcome, backend.originStats().health.state]).toEqual([200, 'healthy']);
  });

  test('after a fresh connection died costs a token: without one there is none', async () => {
    const { backend, peer, caller } = await underWay('fresh', GET, { retryBudget: { ratio: 0, minPerSecond: 0 } });
    for (let taken = 0; taken < 100; taken += 1) backend.dispatcher.budget.tryWithdraw();
    peer.reset();
    await backend.settle();
    expect([caller.outcome, backend.dialling.length]).toEqual(['connection_terminated', 0]);
  });

  test('whose dial fails waits on, and is served by the next', async () => {
    const { backend, peer, caller } = await underWay('reused', GET);
    peer.reset();
    await backend.settle();
    await backend.refuse();
    await backend.advance(25);
    expect([await finish(backend, caller), caller.outcome]).toEqual([2, 200]);
  });

  test('is not made once the response head is with the requester: it is told that the rest is missing', async () => {
    const { backend, peer, caller } = await underWay('reused', GET);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nha');
    await backend.settle();
    peer.fin();
    await backend.settle();
    expect([caller.outcome, caller.body, backend.dialling.length]).toEqual(['cut: http_response_incomplete', 'ha', 0]);
    expect(caller.failure.delivery).toBe('answered');
  });

  test('is not made of a body that is spent', async () => {
    const source = new PassThrough();
    const body = new StreamBody(source, { length: 6, replayBytes: 2 });
    const { backend, peer, caller } = await underWay('reused', { method: 'PUT', body });
    source.write('abc');
    await backend.settle();
    peer.reset();
    await backend.settle();
    expect([caller.outcome, backend.dialling.length]).toEqual(['connection_terminated', 0]);
  });

  test('after a Retry-After leaves the slot to the minimum when that is all there is, and rides what comes', async () => {
    const { backend, peer, caller } = await underWay('fresh', GET, {
      ...{ retryOn: [503], maxConnections: 1, minConnections: 1 },
    });
    peer.answer({ status: 503, fields: ['Retry-After: 1'] });
    await backend.settle();
    await backend.advance(1_000);
    expect([await finish(backend, caller), caller.outcome, backend.dials.length]).toEqual([2, 200, 2]);
  });

  test('gives a live body from its first byte', async () => {
    const source = new PassThrough();
    const body = new StreamBody(source, { length: 6, replayBytes: 10 });
    const { backend, peer, caller } = await underWay('reused', { method: 'PUT', body });
    source.write('abc');
    await backend.settle();
    peer.reset();
    await backend.settle();
    const next = await backend.accept();
    source.end('def');
    await backend.settle();
    next.answer();
    await backend.settle();
    expect([next.heard.endsWith('\r\n\r\nabcdef'), caller.outcome]).toEqual([true, 200]);
  });
});

describe('an answer of the origin', () => {
  test.each([421, 425, 429, 500, 503])('of %d goes through as it is', async (status) => {
    const { backend, peer, caller } = await underWay('reused', GET);
    peer.answer({ status });
    await backend.settle();
    expect([caller.outcome, backend.dials.length]).toEqual([status, 1]);
  });

  test('of 408 on a reused connection is that of its idle timer: a GET is sent again', async () => {
    const { backend, peer, caller } = await underWay('reused', GET);
    peer.answer({ status: 408, close: true });
    await backend.settle();
    expect([await finish(backend, caller), caller.outcome]).toEqual([2, 200]);
  });

  test.each<[Where, Sending]>([
    ['fresh', GET],
    ['reused', POST],
  ])('of 408 goes through on a %s connection for %j', async (where, sending) => {
    const { backend, peer, caller } = await underWay(where, sending);
    peer.answer({ status: 408, close: true });
    await backend.settle();
    expect([await finish(backend, caller), caller.outcome]).toEqual([1, 408]);
  });

  test('that retryOn names is sent again after its Retry-After', async () => {
    const { backend, peer, caller } = await underWay('reused', GET, { retryOn: [503] });
    peer.answer({ status: 503, fields: ['Retry-After: 1'] });
    await backend.settle();
    await backend.advance(999);
    const before = backend.dialling.length;
    await backend.advance(1);
    expect([before, backend.dialling.length]).toEqual([0, 1]);
    expect([await finish(backend, caller), caller.outcome]).toEqual([2, 200]);
  });

  test.each([
    ['whose Retry-After is longer than a second', GET, ['Retry-After: 2']],
    ['to a POST', POST, []],
  ])('that retryOn names goes through %s', async (_name, sending, fields) => {
    const { backend, peer, caller } = await underWay('reused', sending, { retryOn: [503] });
    peer.answer({ status: 503, fields });
    await backend.settle();
    expect([caller.outcome, backend.dials.length]).toEqual([503, 1]);
  });

  test('that retryOn names goes through when there are no attempts left', async () => {
    const { backend, peer, caller } = await underWay('reused', GET, { retryOn: [503], maxAttempts: 2 });
    peer.answer({ status: 503 });
    await backend.settle();
    (await backend.accept()).answer({ status: 503, body: 'last' });
    await backend.settle();
    expect([caller.outcome, caller.body, caller.dispatch?.attempts.length]).toEqual([503, 'last', 2]);
  });

  test('that is no HTTP is no answer, and is not asked for again', async () => {
    const { backend, peer, caller } = await underWay('reused', GET);
    peer.send('SSH-2.0-OpenSSH_9.6\r\n');
    await backend.settle();
    expect([caller.failure.statusCode, backend.dialling.length, backend.originStats().closed]).toEqual([
      502,
      0,
      { garbage: 1 },
    ]);
  });
});

describe('an origin that does not answer', () => {
  test.each(['GET', 'POST'])('ends a %s with 504 after headersTimeout, and is not asked again', async (method) => {
    const { backend, caller } = await underWay('reused', { ...POST, method }, { headersTimeout: 1_000 });
    await backend.advance(1_000);
    expect(caller.failure).toMatchObject({ code: 'http_response_timeout', statusCode: 504, delivery: 'unknown' });
    expect(backend.dialling.length).toBe(0);
  });

  test('is asked again after headersTimeout where retryOn says so, elsewhere if it can be', async () => {
    const { backend, caller } = await underWay('fresh', GET, {
      headersTimeout: 1_000,
      retryOn: ['headers-timeout'],
      origins: [A, B],
    });
    await backend.advance(1_000);
    expect([await finish(backend, caller), caller.dispatch?.attempts.map((one) => one.origin)]).toEqual([2, [A, B]]);
  });

  test('ends a request with 504 after requestTimeout, whatever it waits for', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 1, queueTimeout: 60_000, requestTimeout: 1_000 });
    const sent = await backend.sent();
    const peer = await backend.accept();
    const queued = await backend.sent();
    await backend.advance(1_000);
    expect([sent.outcome, queued.outcome]).toEqual(['http_response_timeout', 'http_response_timeout']);
    expect([sent.failure.delivery, queued.failure.delivery, peer.closed]).toEqual(['unknown', 'unsent', true]);
    backend.checkAtRest();
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
    const { backend, peer, caller } = await underWay('fresh', sending, { requestTimeout: 1_000 });
    caller.holds = true;
    await backend.advance(400);
    peer.send(bytes);
    await backend.advance(599);
    expect(caller.outcome).toBe('waiting');
    await backend.advance(1);
    expect(caller.failure).toMatchObject({ code: 'http_response_timeout', statusCode: 504, delivery: 'answered' });
    backend.checkAtRest();
  });

  test('is passed on when it is held no longer, and requestTimeout has no effect afterwards', async () => {
    const { backend, peer, caller } = await underWay('fresh', GET, { requestTimeout: 1_000 });
    caller.holds = true;
    peer.answer();
    await backend.advance(999);
    caller.holds = false;
    caller.dispatch?.resume();
    await backend.advance(1_000);
    expect([caller.outcome, caller.endings, caller.late]).toEqual([200, 1, 0]);
    backend.checkAtRest();
  });
});

describe('a request that is aborted', () => {
  /** Nothing is left of it: no slot, no place in the queue, nothing said. */
  async function checkNothingLeft(backend: MemoryBackend, caller: Caller): Promise<void> {
    await backend.settle();
    expect([caller.endings, caller.late]).toEqual([0, 0]);
    backend.checkAtRest();
    expect(backend.stats.queue.length).toBe(0);
  }

  test('while it waits leaves the queue, and is never sent', async () => {
    const { backend, peer } = await underWay('fresh', GET, { maxConnections: 1 });
    const caller = await backend.sent();
    caller.abort();
    peer.answer();
    await checkNothingLeft(backend, caller);
    expect(peer.requests).toHaveLength(1);
  });

  test('while it is dialled for leaves the connection to others', async () => {
    const backend = await MemoryBackend.open();
    const caller = await backend.sent();
    caller.abort();
    await backend.accept();
    await checkNothingLeft(backend, caller);
    expect(backend.originStats().connections).toMatchObject({ idle: 1, spare: 1 });
  });

  test('while its re-send is dialled for leaves the connection to whoever waits', async () => {
    const { backend, peer, caller } = await underWay('reused', GET, { maxConnections: 1 });
    const waiting = await backend.sent();
    peer.reset();
    await backend.settle();
    caller.abort();
    const next = await backend.accept();
    next.answer();
    await checkNothingLeft(backend, caller);
    expect([next.requests, waiting.outcome]).toEqual([['GET /3'], 200]);
  });

  test('while its body is sent costs the connection', async () => {
    const source = new PassThrough();
    const body = new StreamBody(source, { length: 6, replayBytes: 10 });
    const { backend, peer, caller } = await underWay('fresh', { method: 'PUT', body });
    source.write('abc');
    await backend.settle();
    caller.abort();
    await checkNothingLeft(backend, caller);
    expect([peer.closed, backend.originStats().closed]).toEqual([true, { aborted: 1 }]);
  });

  test('while it waits for the head costs the connection', async () => {
    const { backend, peer, caller } = await underWay('reused', GET);
    caller.abort();
    await checkNothingLeft(backend, caller);
    expect([peer.closed, backend.originStats().closed]).toEqual([true, { aborted: 1 }]);
  });

  test('near the end of its response leaves the connection alive', async () => {
    const { backend, peer, caller } = await underWay('reused', GET);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nha');
    await backend.settle();
    caller.abort();
    peer.send('llo');
    await checkNothingLeft(backend, caller);
    const next = await backend.sent();
    expect(backend.peerOf(next)).toBe(peer);
  });

  test('near the end of a response that does not come costs the connection after a second', async () => {
    const { backend, peer, caller } = await underWay('reused', GET);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nha');
    await backend.settle();
    caller.abort();
    await backend.advance(1_000);
    await checkNothingLeft(backend, caller);
    expect(peer.closed).toBe(true);
  });

  test('far from the end of its response costs the connection', async () => {
    const { backend, peer, caller } = await underWay('reused', GET);
    peer.send('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nha');
    await backend.settle();
    caller.abort();
    await checkNothingLeft(backend, caller);
    expect(peer.closed).toBe(true);
  });

  test('while it waits for its Retry-After is not sent again', async () => {
    const { backend, peer, caller } = await underWay('reused', GET, { retryOn: [503] });
    peer.answer({ status: 503, fields: ['Retry-After: 1'] });
    await backend.settle();
    caller.abort();
    await backend.advance(1_001);
    await checkNothingLeft(backend, caller);
    expect(backend.dialling.length).toBe(0);
  });
});

describe('every call of a sink', () => {
  test('is made in the context of its requester: on a reused connection, from the queue, after a re-send', async () => {
    const backend = await MemoryBackend.open({ maxConnections: 1 });
    await backend.sent();
    await backend.sent();
    const peer = await backend.accept();
    const aborted = await backend.sent();
    aborted.abort();
    const late = await backend.sent({ queueTimeout: 10 });
    await backend.advance(10);
    for (const _ of [1, 2]) {
      peer.send('HTTP/1.1 103 Early Hints\r\n\r\n');
      peer.answer();
      await backend.settle();
    }
    const resent = await backend.sent();
    peer.reset();
    await backend.settle();
    (await backend.accept()).answer();
    await backend.settle();
    expect([late.outcome, resent.outcome]).toEqual(['connection_limit_reached', 200]);
    for (const caller of backend.callers) {
      if (!caller.aborted) expect([...caller.contexts]).toEqual([caller.name]);
    }
  });
});

describe('a re-send after a reused connection died, which may be the first of a process that dies', () => {
  test('goes to another origin where there is one', async () => {
    const { backend, peer, caller } = await underWay('reused', GET, { origins: [A, B], balance: 'first' });
    peer.fin();
    await backend.settle();
    await finish(backend, caller);
    expect([caller.outcome, caller.dispatch?.attempts.map((attempt) => attempt.origin)]).toEqual([200, [A, B]]);
  });

  test('stays where the balancer keeps it', async () => {
    const balance = { pick: () => 0, keeps: true };
    const { backend, peer, caller } = await underWay('reused', GET, { origins: [A, B], balance });
    peer.fin();
    await backend.settle();
    await finish(backend, caller);
    expect(caller.dispatch?.attempts.map((attempt) => attempt.origin)).toEqual([A, A]);
  });

  test('has nowhere else to go: it waits whether the next connection is closed, too', async () => {
    const { backend, callers, backlog, other } = await resentIntoTheBacklog();
    await backend.advance(20);
    other.fin();
    await backend.advance(20);
    expect(backlog.requests).toEqual([]);
    backlog.reset();
    for (let round = 0; round < 4; round += 1) {
      await backend.advance(51);
      while (backend.dialling.length > 0) await backend.accept();
      for (const peer of backend.peers) if (peer.owes > 0) peer.answer();
      await backend.settle();
    }
    expect(callers.map((caller) => caller.outcome)).toEqual([200, 200, 200]);
  });

  test('has nowhere else to go: it goes as soon as what was sent since is answered', async () => {
    const { backend, backlog, other } = await resentIntoTheBacklog();
    other.answer(); // that was sent before
    await backend.sent();
    await backend.advance(20);
    expect(backlog.requests).toEqual([]);
    other.answer();
    await backend.advance(10);
    expect(backlog.requests.length).toBe(1);
  });

  test('has nowhere else to go, and nothing is heard: it goes after a moment', async () => {
    const { backend, backlog } = await resentIntoTheBacklog();
    await backend.advance(40);
    expect(backlog.requests).toEqual([]);
    await backend.advance(10);
    expect(backlog.requests.length).toBe(1);
  });

  test('has nowhere else to go, and its client leaves while it waits: the connection is there for others', async () => {
    const { backend, callers, backlog } = await resentIntoTheBacklog();
    callers[0]?.abort();
    await backend.advance(50);
    expect([backlog.requests, backend.originStats().connections]).toEqual([
      [],
      expect.objectContaining({ idle: 1, busy: 2 }),
    ]);
  });

  test('has nowhere else to go, and nobody else is under way who could tell: it goes at once', async () => {
    const { backend, peer, caller } = await underWay('reused', GET);
    peer.fin();
    await backend.settle();
    await finish(backend, caller);
    expect(caller.outcome).toBe(200);
  });

  test('has nowhere else to go: it waits as well on what was dialled for the minimum', async () => {
    const { backend, backlog } = await resentIntoTheBacklog({ maxConnections: 3, minConnections: 3 });
    await backend.advance(40);
    expect(backlog.requests).toEqual([]);
    await backend.advance(10);
    expect(backlog.requests).toEqual(['GET /1']);
  });

  async function resentIntoTheBacklog(options: MemoryBackendOptions = {}) {
    const backend = await MemoryBackend.open({ spareConnections: false, ...options });
    const callers = [await backend.sent(), await backend.sent(), await backend.sent()];
    const [one, other] = [await backend.accept(), await backend.accept(), await backend.accept()];
    one.fin();
    await backend.settle();
    const backlog = await backend.accept();
    await backend.settle();
    return { backend, callers, other, backlog };
  }
});
