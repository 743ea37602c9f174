import { describe, expect, test } from 'vitest';
import { checkStats } from '../../src/testing/index.js';
import { House, type HouseOptions } from './../house.js';

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

/** A house whose statistics must be right inside every event, too. */
async function watched(options: HouseOptions = {}): Promise<{ house: House; seen: Set<string> }> {
  const house = await House.open(options);
  const seen = new Set<string>();
  for (const name of ALL) {
    house.emitter.on(name, () => {
      checkStats(house.stats, { maxConnections: house.maxConnections });
      seen.add(name);
    });
  }
  return { house, seen };
}

test('before the first request everything is zero, and there is a place for each origin', async () => {
  const house = await House.open({ origins: ['http://a.test:80', 'https://b.test'] });
  expect(house.stats).toMatchObject({
    origins: [{ origin: 'http://a.test:80' }, { origin: 'https://b.test:443' }],
    inFlight: 0,
    queue: { length: 0, waits: 0 },
  });
  expect(house.originStats()).toMatchObject({
    connections: { open: 0, idle: 0, busy: 0, dialling: 0, spare: 0, checking: 0 },
    ...{ dialled: 0, dialsFailed: 0, closed: {}, requests: 0, reused: 0, resent: {}, poisoned: 0 },
    idleLimitMs: { configured: 60_000, hinted: null, learned: null, effective: 60_000 },
    backoff: { state: 'ready', failures: 0, error: null, sinceMs: null },
    health: { state: 'healthy', ejections: 0, reason: null, sinceMs: null },
  });
});

test('they tell since when an origin cannot be dialled, and since when it is ejected', async () => {
  const house = await House.open({ ejection: { failures: 1 } });
  await house.sent();
  await house.refuse();
  await house.advance(20);
  expect(house.originStats()).toMatchObject({ backoff: { sinceMs: 20 }, health: { state: 'ejected', sinceMs: 20 } });
});

test('they tell whether the backend is open, draining or closed', async () => {
  const house = await House.open();
  const states = [house.stats.state];
  await house.sent();
  void house.dispatcher.drain();
  states.push(house.stats.state);
  house.destroy();
  expect([...states, house.stats.state]).toEqual(['open', 'draining', 'closed']);
});

test('they are frozen, however deep, and of one moment', async () => {
  const house = await House.open();
  const { stats } = house;
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
  await house.idle();
  expect([frozen(stats), stats.origins[0]?.dialled]).toEqual([true, 0]);
});

describe('dialled less closed is open', () => {
  test('at every moment of the life of a connection', async () => {
    const { house, seen } = await watched({ maxConnections: 2, ejection: { failures: 1 } });
    await house.sent();
    await house.refuse();
    await house.advance(30);
    const peer = await house.accept();
    peer.answer();
    await house.settle();
    await house.sent();
    peer.reset();
    await house.settle();
    const second = await house.accept();
    second.answer();
    await house.settle();
    second.hold();
    second.fin();
    await house.sent();
    (await house.accept()).reset();
    await house.settle();
    await house.accept();
    await house.advance(2_000);
    house.callers.at(-1)?.abort();
    house.destroy();
    expect([...seen]).toEqual(
      expect.arrayContaining(['connect', 'disconnect', 'dialFailed', 'resend', 'stale', 'fail']),
    );
    checkStats(house.stats);
  });

  test('when stray bytes end an idle connection', async () => {
    const { house, seen } = await watched();
    (await house.idle()).send('bad');
    await house.settle();
    expect([seen.has('poisoned'), house.originStats().closed]).toEqual([true, { poisoned: 1 }]);
  });

  test('when a connection makes room for another', async () => {
    const { house } = await watched({ maxConnections: 1, spareConnections: false });
    await house.idle();
    await house.post();
    expect(house.originStats()).toMatchObject({ dialled: 1, closed: { 'made-room': 1 }, connections: { dialling: 1 } });
  });
});

test('requests, reuse, classes of answers and deliveries are counted by origin', async () => {
  const house = await House.open({ spareConnections: false });
  const peer = await house.idle();
  for (const status of [204, 304, 404, 500]) {
    await house.sent();
    peer.answer({ status });
    await house.settle();
  }
  await house.post({ nonIdempotent: 'any' });
  peer.reset();
  await house.settle();
  expect(house.originStats()).toMatchObject({
    ...{ requests: 6, reused: 5, closed: { silent: 1 } },
    responses: { '2xx': 2, '3xx': 1, '4xx': 1, '5xx': 1, other: 0 },
    delivery: { unsent: 0, unknown: 1, answered: 0 },
  });
});

test('a request whose client left is told from those that failed', async () => {
  const house = await House.open({ spareConnections: false });
  await house.idle();
  await house.sent();
  house.callers.at(-1)?.abort();
  await house.settle();
  expect(house.originStats()).toMatchObject({
    delivery: { unsent: 0, unknown: 1, answered: 0 },
    aborted: { unsent: 0, unknown: 1, answered: 0 },
  });
});

test('back-off and ejection say why', async () => {
  const house = await House.open({ ejection: { failures: 1 } });
  await house.sent();
  await house.refuse();
  expect(house.originStats()).toMatchObject({
    dialsFailed: 1,
    backoff: { state: 'waiting', failures: 1, error: 'could not connect to http://a.test:80: ECONNREFUSED' },
    health: { state: 'ejected', ejections: 1, reason: 'connection_refused' },
  });
  await house.advance(1_000);
  expect(house.originStats()).toMatchObject({ backoff: { state: 'trial' }, health: { state: 'probing' } });
});
