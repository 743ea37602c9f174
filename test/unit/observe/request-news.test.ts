import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { ReplayBody } from '../../../src/body/replay-body.js';
import { StreamBody } from '../../../src/body/stream-body.js';
import { BackendError } from '../../../src/errors.js';
import type { AttemptEndNews, AttemptNews, RequestCosts } from '../../../src/observe/events.js';
import { MemoryBackend, type MemoryBackendOptions, type Peer, requester } from '../../memory-backend.js';

const STRAY = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray';

type Story = [name: string, attempt: number, rest: object];

/** A backend with one warm connection, and what is told of attempts from then on. */
async function watched(options: MemoryBackendOptions = {}, how: { readonly asks?: boolean } = {}) {
  const backend = await MemoryBackend.open({ spareConnections: false, ...options });
  await backend.sent();
  const peer = await backend.accept(how);
  peer.answer();
  await backend.settle();
  const story: Story[] = [];
  const contexts: unknown[] = [];
  backend.emitter.on('attempt', ({ attempt, reused }) => {
    contexts.push(requester.getStore());
    story.push(['attempt', attempt, { reused }]);
  });
  backend.emitter.on('attemptEnd', ({ attempt, statusCode, error }) => {
    contexts.push(requester.getStore());
    story.push(['attemptEnd', attempt, { statusCode, error: error?.code }]);
  });
  return { backend, peer, story, contexts };
}

describe('an attempt is told as it begins and as it ends', () => {
  test('when it is answered, in the context of the requester', async () => {
    const { backend, peer, story, contexts } = await watched();
    await backend.sent();
    peer.answer();
    await backend.settle();
    expect(story).toEqual([
      ['attempt', 1, { reused: true }],
      ['attemptEnd', 1, { statusCode: 200, error: undefined }],
    ]);
    expect(contexts).toEqual(['r2', 'r2']);
  });

  test('when it broke off and the request is sent again', async () => {
    const { backend, peer, story } = await watched();
    await backend.sent();
    peer.fin();
    await backend.settle();
    const other = await backend.accept();
    other.answer();
    await backend.settle();
    expect(story).toEqual([
      ['attempt', 1, { reused: true }],
      ['attemptEnd', 1, { statusCode: undefined, error: 'connection_terminated' }],
      ['attempt', 2, { reused: false }],
      ['attemptEnd', 2, { statusCode: 200, error: undefined }],
    ]);
  });

  test('when its status led to a re-send', async () => {
    const { backend, peer, story } = await watched({ retryOn: [503] });
    await backend.sent();
    peer.answer({ status: 503 });
    await backend.settle();
    (await backend.accept()).answer();
    await backend.settle();
    expect(story.map(([name, attempt, rest]) => [name, attempt, 'statusCode' in rest ? rest.statusCode : 0])).toEqual([
      ['attempt', 1, 0],
      ['attemptEnd', 1, 503],
      ['attempt', 2, 0],
      ['attemptEnd', 2, 200],
    ]);
  });

  test('when the requester left', async () => {
    const { backend, story } = await watched();
    const caller = await backend.sent();
    caller.abort();
    await backend.settle();
    expect(story.at(-1)).toEqual(['attemptEnd', 1, { statusCode: undefined, error: 'client_aborted' }]);
  });

  test.each(['GET', 'POST'])('with what is known of the delivery of a %s, as the request itself is', async (method) => {
    const { backend, peer } = await watched({ maxAttempts: 1, nonIdempotent: 'any' });
    const told: unknown[] = [];
    backend.emitter.on('attemptEnd', ({ error }) => told.push(error?.delivery, error?.attempts.length));
    await backend.sent({ method });
    peer.fin();
    await backend.settle();
    expect(told).toEqual(['unknown', 1]);
  });

  test('with what was received of the body, and the time since its head was written', async () => {
    const { backend, peer } = await watched();
    const ends: AttemptEndNews[] = [];
    backend.emitter.on('attemptEnd', (end) => ends.push(end));
    await backend.sent();
    await backend.advance(70);
    peer.answer({ body: 'hello' });
    await backend.settle();
    expect(ends).toMatchObject([{ origin: 'http://a.test:80', durationMs: 70, receivedBytes: 5 }]);
  });
});

describe('a field that a listener adds', () => {
  test('is in the head of that attempt alone, in the place of fields of its name', async () => {
    const { backend, peer } = await watched();
    backend.emitter.once('attempt', (attempt) => attempt.addField('Traceparent', '00-a'));
    await backend.sent({ fields: ['traceparent', 'theirs'] });
    peer.fin();
    await backend.settle();
    const other = await backend.accept();
    const traced = [peer, other].map(({ heard }) => heard.match(/^traceparent: .*$/gim));
    expect(traced).toEqual([['Traceparent: 00-a'], ['traceparent: theirs']]);
  });

  const traced = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;

  test.each([
    ['goes on the trace of the client', ['traceparent', `00-${'1'.repeat(32)}-aaaaaaaaaaaaaaaa-00`], 1],
    ['begins another trace', ['traceparent', traced('2')], 0],
    ['begins a trace, as the client has sent two', ['traceparent', traced('1'), 'Traceparent', traced('1')], 0],
    ['begins a trace, as the client has sent none', [], 0],
  ])('and is a traceparent that %s', async (_what, fields, states) => {
    const { backend, peer } = await watched();
    backend.emitter.once('attempt', (attempt) => attempt.addField('traceparent', traced('1')));
    await backend.sent({ fields: [...fields, 'Tracestate', 'of=client'] });
    expect(peer.heard.match(/^tracestate: of=client/gim) ?? []).toHaveLength(states);
    expect(peer.heard.match(/^traceparent: .*$/gim)).toEqual([`traceparent: ${traced('1')}`]);
  });

  test.each([
    ['Host', 'b.test'],
    ['Content-Length', '3'],
    ['Transfer-Encoding', 'chunked'],
    ['Connection', 'close'],
    ['Expect', '100-continue'],
    ['X', 'a\r\nb'],
    ['a b', 'c'],
  ])('is refused when it is %s: %s', async (name, value) => {
    const { backend } = await watched();
    const thrown: unknown[] = [];
    backend.emitter.on('attempt', (attempt) => {
      try {
        attempt.addField(name, value);
      } catch (error) {
        thrown.push(BackendError.is(error) ? error.code : error);
      }
    });
    await backend.sent();
    expect(thrown).toEqual(['http_request_error']);
  });

  test('comes too late once the event is over', async () => {
    const { backend } = await watched();
    const told: AttemptNews[] = [];
    backend.emitter.on('attempt', (attempt) => told.push(attempt));
    await backend.sent();
    expect(() => told[0]?.addField('X', '1')).toThrow('after the attempt had begun');
  });
});

describe('what a listener does as an attempt begins', () => {
  test('to abort the request, ends it: nothing is sent', async () => {
    const { backend, peer, story } = await watched({ maxConnections: 1 });
    await backend.sent();
    const late = await backend.sent();
    backend.emitter.once('attempt', () => late.abort());
    peer.answer();
    await backend.settle();
    expect([peer.requests, late.aborted]).toEqual([['GET /1', 'GET /2'], true]);
    expect(story).toContainEqual(['attemptEnd', 1, { statusCode: undefined, error: 'client_aborted' }]);
    backend.checkAtRest();
  });

  test('to destroy the backend, ends it: nothing is sent, and its end is told', async () => {
    const { backend, peer, story } = await watched();
    backend.emitter.once('attempt', () => backend.destroy(new Error('enough')));
    const caller = await backend.sent();
    expect([peer.requests, caller.outcome]).toEqual([['GET /1'], 'backend_closed']);
    expect(story.at(-1)).toEqual(['attemptEnd', 1, { statusCode: undefined, error: 'backend_closed' }]);
    backend.checkAtRest();
  });

  test.each<[what: string, come: (peer: Peer) => void, closed: string]>([
    ['stray bytes come', (peer) => peer.send(STRAY), 'poisoned'],
    ['the connection is reset', (peer) => peer.reset(), 'stale'],
  ])('for so long that %s, is found out where the kernel cannot be asked, POST or not', async (_, come, closed) => {
    const { backend, peer } = await watched({ nonIdempotent: 'any' }, { asks: false });
    backend.emitter.once('attempt', () => backend.clock.soon(() => come(peer)));
    const caller = await backend.post();
    (await backend.accept({ asks: false })).answer();
    await backend.settle();
    expect([peer.requests, caller.outcome, caller.body]).toEqual([['GET /1'], 200, 'ok']);
    expect(caller.dispatch?.attempts.map(({ sent }) => sent)).toEqual(['nothing', 'all']);
    expect(backend.originStats()).toMatchObject({ resent: { unsent: 1 }, closed: { [closed]: 1 } });
    backend.checkAtRest();
  });

  test('for so long that the kernel would have to be asked which cannot be, costs a turn or two and no attempt', async () => {
    const { backend, peer } = await watched({ nonIdempotent: 'any' }, { asks: false });
    const caller = await backend.post();
    peer.answer();
    await backend.settle();
    expect([peer.requests, caller.outcome, caller.dispatch?.attempts.length]).toEqual([['GET /1', 'POST /2'], 200, 1]);
  });

  test('does not begin a request that is aborted before the turns are over in which the connection is looked at', async () => {
    const { backend, peer } = await watched({}, { asks: false });
    backend.emitter.once('attempt', () => backend.clock.soon(() => backend.callers[1]?.abort()));
    const caller = await backend.sent();
    expect([peer.requests, caller.aborted]).toEqual([['GET /1'], true]);
    backend.checkAtRest();
  });

  test('for so long that the connection is closed, costs an attempt of which nothing was sent, POST or not', async () => {
    const { backend, peer } = await watched({ nonIdempotent: 'any' });
    backend.emitter.once('attempt', () => {
      peer.hold();
      peer.fin();
    });
    const caller = await backend.post();
    (await backend.accept()).answer();
    await backend.settle();
    expect([peer.requests, caller.outcome]).toEqual([['GET /1'], 200]);
    expect(caller.dispatch?.attempts.map(({ sent }) => sent)).toEqual(['nothing', 'all']);
    expect(backend.originStats().resent).toEqual({ unsent: 1 });
  });
});

describe('the times of a request', () => {
  test('are of its wait, of the dial within it, of the head, and of the whole', async () => {
    const backend = await MemoryBackend.open({ spareConnections: false, maxConnections: 1 });
    const times: object[] = [];
    const queued: object[] = [];
    backend.emitter.on('request', ({ durationMs, waitedMs, connectMs, responseMs }) =>
      times.push({ durationMs, waitedMs, connectMs, responseMs }),
    );
    backend.emitter.on('wait', ({ travel, length }) => queued.push({ travel, length }));
    await backend.sent();
    await backend.advance(30); // dialling
    const peer = await backend.accept();
    await backend.sent();
    await backend.advance(100);
    peer.answerHead(2);
    await backend.advance(7);
    peer.answer();
    await backend.advance(5);
    peer.answer();
    await backend.settle();
    expect(queued).toEqual([
      { travel: 'any', length: 1 },
      { travel: 'any', length: 1 },
    ]);
    expect(times).toEqual([
      { durationMs: 137, waitedMs: 30, connectMs: 30, responseMs: 100 },
      { durationMs: 112, waitedMs: 107, connectMs: 0, responseMs: 5 },
    ]);
  });
});

describe('the bytes of a request', () => {
  async function bytesOf(body: string | ReplayBody, act: (peer: Peer) => void) {
    const { backend, peer } = await watched({ nonIdempotent: 'any' });
    const told: number[][] = [];
    const tell = ({ sentBytes, receivedBytes }: RequestCosts) => void told.push([sentBytes, receivedBytes]);
    backend.emitter.on('request', tell).on('fail', tell);
    await backend.post({ body });
    await backend.settle();
    act(peer);
    await backend.settle();
    return told;
  }

  test('are those of both bodies, of a small one that goes out with its head, too', async () => {
    expect(await bytesOf('hello', (peer) => peer.answer({ body: 'ok!' }))).toEqual([[5, 3]]);
  });

  test('are counted of a body that is given in pieces', async () => {
    const body = new StreamBody(Readable.from([Buffer.from('abc'), Buffer.from('defg')]), {
      length: undefined,
      replayBytes: 100,
    });
    expect(await bytesOf(body, (peer) => peer.answer({ body: 'ok' }))).toEqual([[7, 2]]);
  });

  test('are what came until it failed', async () => {
    const cut = (peer: Peer) => {
      peer.answerHead(10);
      peer.send('1234');
      peer.fin();
    };
    expect(await bytesOf('hello', cut)).toEqual([[5, 4]]);
  });
});
