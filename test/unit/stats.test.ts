import { describe, expect, test } from 'vitest';
import { checkStats } from '../../src/testing/index.js';
import { MemoryBackend, type MemoryBackendOptions } from './../memory-backend.js';

const ALL = [
  'connect',
  'disconnect',
  'dialFailed',
  'reachable',
  'stale',
  'poisoned',
  'resend',
  'eject',
  'readmit',
  'request',
  'fail',
] as const;

/** A backend whose statistics must be right inside every event, too. */
async function watched(options: MemoryBackendOptions = {}): Promise<{ backend: MemoryBackend; seen: Set<string> }> {
  const backend = await MemoryBackend.open(options);
  const seen = new Set<string>();
  for (const name of ALL) {
    backend.emitter.on(name, () => {
      checkStats(backend.stats, { maxConnections: backend.maxConnections });
      seen.add(name);
    });
  }
  return { backend, seen };
}

test('before the first request everything is zero, and there is a place for each origin', async () => {
  const backend = await MemoryBackend.open({ origins: ['http://a.test:80', 'https://b.test'] });
  expect(backend.stats).toMatchObject({
    origins: [{ origin: 'http://a.test:80' }, { origin: 'https://b.test:443' }],
    inFlight: 0,
    queue: { length: 0, waits: 0 },
  });
  expect(backend.originStats()).toMatchObject({
    connections: { open: 0, idle: 0, busy: 0, dialling: 0, spare: 0, checking: 0 },
    ...{ dialled: 0, dialsFailed: 0, closed: {}, requests: 0, reused: 0, resent: {}, poisoned: 0 },
    idleLimitMs: { configured: 60_000, hinted: null, learned: null, effective: 60_000 },
    backoff: { state: 'ready', failures: 0, error: null, sinceMs: null },
    health: { state: 'healthy', ejections: 0, reason: null, sinceMs: null },
  });
});

test('they tell since when an origin cannot be dialled, and since when it is ejected', async () => {
  const backend = await MemoryBackend.open({ ejection: { failures: 1 } });
  await backend.sent();
  await backend.refuse();
  await backend.advance(20);
  expect(backend.originStats()).toMatchObject({ backoff: { sinceMs: 20 }, health: { state: 'ejected', sinceMs: 20 } });
});

test('they tell whether the backend is open, draining or closed', async () => {
  const backend = await MemoryBackend.open();
  const states = [backend.stats.state];
  await backend.sent();
  void backend.dispatcher.drain();
  states.push(backend.stats.state);
  backend.destroy();
  expect([...states, backend.stats.state]).toEqual(['open', 'draining', 'closed']);
});

test('they are frozen, however deep, and of one moment', async () => {
  const backend = await MemoryBackend.open();
  const { stats } = backend;
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
  await backend.idle();
  expect([frozen(stats), stats.origins[0]?.dialled]).toEqual([true, 0]);
});

describe('dialled less closed is open', () => {
  test('at every moment of the life of a connection', async () => {
    const { backend, seen } = await watched({ maxConnections: 2, ejection: { failures: 1 } });
    await backend.sent();
    await backend.refuse();
    await backend.advance(30);
    const peer = await backend.accept();
    peer.answer();
    await backend.settle();
    await backend.sent();
    peer.reset();
    await backend.settle();
    const second = await backend.accept();
    second.answer();
    await backend.settle();
    second.hold();
    second.fin();
    await backend.sent();
    (await backend.accept()).reset();
    await backend.settle();
    await backend.accept();
    await backend.advance(2_000);
    backend.callers.at(-1)?.abort();
    backend.destroy();
    expect([...seen]).toEqual(
      expect.arrayContaining(['connect', 'disconnect', 'dialFailed', 'resend', 'stale', 'fail']),
    );
    checkStats(backend.stats);
  });

  test('when stray bytes end an idle connection', async () => {
    const { backend, seen } = await watched();
    (await backend.idle()).send('bad');
    await backend.settle();
    expect([seen.has('poisoned'), backend.originStats().closed]).toEqual([true, { poisoned: 1 }]);
  });

  test('when a connection makes room for another', async () => {
    const { backend } = await watched({ maxConnections: 1, spareConnections: false });
    await backend.idle();
    await backend.post();
    expect(backend.originStats()).toMatchObject({
      dialled: 1,
      closed: { 'made-room': 1 },
      connections: { dialling: 1 },
    });
  });
});

test('requests, reuse, classes of answers and deliveries are counted by origin', async () => {
  const backend = await MemoryBackend.open({ spareConnections: false });
  const peer = await backend.idle();
  for (const status of [204, 304, 404, 500]) {
    await backend.sent();
    peer.answer({ status });
    await backend.settle();
  }
  await backend.post({ nonIdempotent: 'any' });
  peer.reset();
  await backend.settle();
  expect(backend.originStats()).toMatchObject({
    ...{ requests: 6, reused: 5, closed: { silent: 1 } },
    responses: { '2xx': 2, '3xx': 1, '4xx': 1, '5xx': 1, other: 0 },
    delivery: { unsent: 0, unknown: 1, answered: 0 },
  });
});

test('a request whose client left is told from those that failed', async () => {
  const backend = await MemoryBackend.open({ spareConnections: false });
  await backend.idle();
  await backend.sent();
  backend.callers.at(-1)?.abort();
  await backend.settle();
  expect(backend.originStats()).toMatchObject({
    delivery: { unsent: 0, unknown: 1, answered: 0 },
    aborted: { unsent: 0, unknown: 1, answered: 0 },
  });
});

test('back-off and ejection say why', async () => {
  const backend = await MemoryBackend.open({ ejection: { failures: 1 } });
  await backend.sent();
  await backend.refuse();
  expect(backend.originStats()).toMatchObject({
    dialsFailed: 1,
    backoff: { state: 'waiting', failures: 1, error: 'could not connect to http://a.test:80: ECONNREFUSED' },
    health: { state: 'ejected', ejections: 1, reason: 'connection_refused' },
  });
  await backend.advance(1_000);
  expect(backend.originStats()).toMatchObject({ backoff: { state: 'trial' }, health: { state: 'probing' } });
});
