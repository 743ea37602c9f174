import { once } from 'node:events';
import type { OptionChanges } from 'pooled-backend';
import { PooledBackend } from 'pooled-backend';
import { answer, execute, hold, stall, wait } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { client, serve } from '../mount/setting.js';
import { load, outcomeOf, startBackend, startOrigin } from './setting.js';

describe('what may change', () => {
  test('fewer connections: idle ones are closed at once, and no more are dialled; then more', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin, { maxConnections: 8, minConnections: 8 });
    await backend.ready();
    await backend.update({ maxConnections: 3, minConnections: 1 });
    const shrunk = backend.stats().origins[0];
    await backend.update({ maxConnections: 6, minConnections: 6 });
    await backend.ready();
    const grown = backend.stats().origins[0];
    expect([shrunk?.connections.open, shrunk?.closed, grown?.connections.open]).toEqual([3, { shrunk: 5 }, 6]);
    expect(backend.options).toMatchObject({ maxConnections: 6, minConnections: 6, maxFreshConnections: 6 });
  });

  test.each([false, true])('what is busy beyond a limit is waited for; with the origins too: %s', async (isWhole) => {
    const origin = await startOrigin({ script: () => [execute(), hold(), answer()] });
    const backend = startBackend(origin);
    const both = [outcomeOf(backend), outcomeOf(backend)];
    await origin.until(() => origin.requests.length === 2);
    const open: unknown[] = [];
    const done = backend.update({ maxConnections: 1, origins: isWhole ? [origin.url] : undefined }).then(() => {
      open.push(backend.stats().origins[0]?.connections.open);
    });
    await startBackend(await startOrigin(), { minConnections: 1 }).ready(); // what resolves at once has by then
    open.push(backend.stats().origins[0]?.connections.open);
    await origin.release();
    await Promise.all([...both, done]);
    expect(open).toEqual([2, 1]);
  });

  test('a connection keeps its slot when there are fewer, and no two ever share one', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin, { maxConnections: 8, minConnections: 8 });
    const slots = () => backend.connections()[0]?.connections.map(({ slot }) => slot) ?? [];
    await backend.ready();
    const before = slots();
    await backend.update({ maxConnections: 3, minConnections: 1 });
    const left = slots();
    await backend.update({ maxConnections: 8, minConnections: 8 });
    await backend.ready();
    expect(before).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect([left.length, left.filter((slot) => !before.includes(slot)), slots()]).toEqual([3, [], before]);
  });

  test('timeouts hold for mounts that are there, from the next request on', async () => {
    const origin = await startOrigin({ script: () => [execute(), stall()] });
    const backend = startBackend(origin);
    const [inheriting, own] = [
      await serve(backend.handler()),
      await serve(backend.handler({ headersTimeout: 90_000 })),
    ];
    await backend.update({ headersTimeout: 30 });
    expect((await (await client(inheriting)).get('/')).status).toBe(504);
    const patient = (await client(own)).get('/').catch(() => undefined);
    await once(backend, 'attempt');
    expect(backend.stats().inFlight).toBe(1);
    backend.destroy();
    await patient;
  });

  test('requests that are not idempotent may travel otherwise', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin, { spareConnections: false });
    for (let sent = 0; sent < 3; sent += 1) await outcomeOf(backend, { method: 'POST', body: 'x' });
    const strict = backend.stats().origins[0]?.dialled;
    await backend.update({ nonIdempotent: 'any' });
    for (let sent = 0; sent < 3; sent += 1) await outcomeOf(backend, { method: 'POST', body: 'x' });
    expect([strict, backend.stats().origins[0]?.dialled]).toEqual([3, 3]);
  });

  test('the queue: nobody waits any more', async () => {
    const origin = await startOrigin({ script: () => [execute(), stall()] });
    const backend = startBackend(origin, { maxConnections: 1 });
    const first = outcomeOf(backend);
    await once(backend, 'attempt');
    await backend.update({ maxQueue: 0 });
    expect(await outcomeOf(backend)).toMatchObject({ code: 'connection_limit_reached', status: 503 });
    backend.destroy();
    await first;
  });

  test('the balancer', async () => {
    const [first, second] = [await startOrigin(), await startOrigin()];
    const backend = startBackend([first, second], { balance: 'first' });
    for (let sent = 0; sent < 4; sent += 1) await outcomeOf(backend);
    await backend.update({ balance: 'round-robin' });
    for (let sent = 0; sent < 4; sent += 1) await outcomeOf(backend);
    expect([first, second].map(({ requests }) => requests.length > 0)).toEqual([true, true]);
  });

  test('ejection: what is a failure, and how many of them there may be', async () => {
    const script = () => [execute(), answer({ status: 500 })];
    const [first, second] = [await startOrigin({ script }), await startOrigin({ script })];
    const backend = startBackend([first, second], { ejection: { maxEjected: 1 } });
    for (let sent = 0; sent < 12; sent += 1) await outcomeOf(backend);
    const before = backend.stats().origins.map(({ health }) => health.state);
    await backend.update({ ejection: { statuses: [500], failures: 1, time: 60_000, maxEjected: 0.5 } });
    await outcomeOf(backend);
    const after = backend.stats().origins.map(({ health }) => health.state);
    expect([before, after.toSorted()]).toEqual([
      ['healthy', 'healthy'],
      ['ejected', 'healthy'],
    ]);
  });

  test('checks: on, at another path, and off, which brings up what they took down', async () => {
    const [well, ill] = [
      await startOrigin(),
      await startOrigin({ rules: [{ when: { path: '/ill' }, steps: [answer({ status: 503 })] }] }),
    ];
    const backend = startBackend([well, ill]);
    const state = () => backend.stats().origins[1]?.health.state;
    const down = once(backend, 'down');
    await backend.update({ check: { path: '/ill', interval: 10, fall: 1, rise: 1 } });
    await down;
    const up = once(backend, 'readmit');
    const states = [state()];
    await backend.update({ check: { path: '/', interval: 10, fall: 1, rise: 1 } });
    states.push(state()); // until a check has passed
    await up;
    states.push(state());
    const downAgain = once(backend, 'down');
    await backend.update({ check: { path: '/ill', interval: 10, fall: 1, rise: 1 } });
    await downAgain;
    await backend.update({ check: false });
    states.push(state());
    expect([states, backend.stats().origins[1]?.check]).toEqual([['down', 'down', 'healthy', 'healthy'], null]);
  });

  test('slow start: of an origin that came back before, too, and only as long as the option is there', async () => {
    const rules = [{ when: { path: '/ill' }, steps: [execute(), answer({ status: 500 })] }];
    const ejection = { statuses: [500], failures: 1, time: 1, maxTime: 1 };
    const [steady, back] = [
      await startOrigin(),
      await startOrigin({
        rules,
        script: ({ request }) => (request.path === '/held' ? [execute(), hold(), answer()] : undefined),
      }),
    ];
    const backend = startBackend([steady, back], { ejection, maxConnections: 10, balance: 'round-robin' });
    const health = () => backend.stats().origins[1]?.health;
    while (health()?.ejections !== 1) await outcomeOf(backend, { path: '/ill' });
    while (health()?.state !== 'healthy') await outcomeOf(backend);
    const shares = [health()?.share];
    await backend.update({ slowStart: 3_600_000 });
    shares.push(Math.round((health()?.share ?? 0) * 10) / 10);
    const many = Array.from({ length: 8 }, () => outcomeOf(backend, { path: '/held' }));
    await steady.until(() => steady.requests.filter(({ path }) => path === '/held').length >= 7);
    const busy = backend.stats().origins.map(({ connections }) => connections.busy);
    await back.release();
    await Promise.all(many);
    await backend.update({ slowStart: false });
    expect([[...shares, health()?.share], busy[1]]).toEqual([[1, 0.1, 1], 1]);
  });

  test('adaptive concurrency: fewer at once for an origin that becomes slow, and as many as before without it', async () => {
    let isSlow = false;
    const origin = await startOrigin({ script: () => [execute(), ...(isSlow ? [wait(200)] : []), answer()] });
    const backend = startBackend(origin, { maxConnections: 20 });
    const limit = () => backend.stats().origins[0]?.concurrency?.limit;
    const limits = [limit()];
    await backend.update({ adaptiveConcurrency: { window: 10, tolerance: 1, min: 2 } });
    limits.push(limit());
    await load(backend, { count: 20, lanes: 20 });
    isSlow = true;
    while ((limit() ?? 0) > 15) await load(backend, { count: 1, lanes: 20 });
    const most = limit() ?? 0;
    await backend.update({ adaptiveConcurrency: false });
    expect([limits, most <= 15, limit()]).toEqual([[undefined, 20], true, undefined]);
  });

  test('the origins, as a whole', async () => {
    const [first, second] = [await startOrigin(), await startOrigin()];
    const backend = startBackend(first);
    await backend.update({ origins: [second.url] });
    await outcomeOf(backend);
    expect([backend.origins.names, second.requests.length]).toEqual([[second.url], 1]);
  });

  test('an option that is undefined stays, and each change is told', async () => {
    const backend = startBackend(await startOrigin(), { maxQueue: 7 });
    const told = once(backend, 'updated');
    await backend.update({ maxQueue: undefined, maxAttempts: 2 });
    expect([backend.options.maxQueue, backend.options.maxAttempts, await told]).toEqual([
      7,
      2,
      [{ names: ['maxAttempts'] }],
    ]);
  });
});

describe('a bad change changes nothing', () => {
  test.each<[object, string]>([
    [{ maxAttempts: 2, maxQueue: -1 }, 'maxQueue must be an integer from 0'],
    [{ maxQueue: 1, tls: {} }, 'the option tls cannot be changed at run time; these can: origins, maxConnections'],
    [{ maxQueues: 1 }, 'unknown option maxQueues'],
    [{ host: 'origin' }, 'unknown option host: it is an option of handler(); these can: '],
    [{ maxQueue: 1, ejection: { failures: 0 } }, 'ejection.failures must be an integer from 1'],
    [{ maxQueue: 1, check: { type: 'tls' } }, "check.type must be 'http' or 'tcp' for http://127.0.0.1:"],
    [{ maxQueue: 1, sticky: { cookie: 'a b' } }, 'sticky.cookie must be the name of a cookie'],
    [{ maxQueue: 1, origins: [] }, 'origins must be a list of at least one origin'],
    [{ maxQueue: 1, origins: () => [] }, 'origins must be a list of URLs or objects'],
    [{ maxQueue: 1, minConnections: 101 }, 'minConnections must be at most maxConnections (100)'],
    [[], 'the changes must be an object of options'],
  ])('%j', async (changes, message) => {
    const backend = startBackend(await startOrigin());
    const before = backend.options;
    expect(() => backend.update(changes as OptionChanges)).toThrow(message);
    expect([backend.options, backend.stats().queue.max]).toEqual([before, 10_000]);
  });

  test('one that does not suit an origin that was added by hand', async () => {
    const backend = startBackend(await startOrigin());
    backend.origins.add({ url: 'http://127.0.0.1:1', maxConnections: 2 });
    expect(() => backend.update({ minConnections: 5 })).toThrow(
      'minConnections must be at most origin.maxConnections (2)',
    );
    expect([backend.options.minConnections, backend.stats().origins[0]?.connections.open]).toEqual([0, 0]);
  });

  test('origins that are discovered', () => {
    const backend = new PooledBackend({ origins: () => ['http://127.0.0.1:1'] });
    onTestFinished(() => backend.destroy());
    expect(() => backend.update({ origins: ['http://127.0.0.1:2'] })).toThrow('the option origins cannot be changed');
  });
});

describe('origins that were changed by hand', () => {
  test("one that is added in the place of another comes last for 'first'", async () => {
    const [a, b, c] = [await startOrigin(), await startOrigin(), await startOrigin()];
    const backend = startBackend([a, b], { balance: 'first' });
    await backend.origins.remove(a.url);
    await outcomeOf(backend);
    backend.origins.add(c.url);
    for (let sent = 0; sent < 3; sent += 1) await outcomeOf(backend);
    expect([b.requests.length, c.requests.length, backend.origins.names]).toEqual([4, 0, [b.url, c.url]]);
  });

  test('one that was removed, and is leaving still, has no say', async () => {
    const [a, b] = [await startOrigin({ script: () => [execute(), stall()] }), await startOrigin()];
    const backend = new PooledBackend({ origins: [{ url: a.url, maxConnections: 5 }, b.url], balance: 'first' });
    onTestFinished(() => backend.destroy());
    const begun = outcomeOf(backend, { method: 'POST', body: 'x' });
    await once(backend, 'attempt');
    void backend.origins.remove(a.url);
    await backend.update({ minConnections: 10 });
    await backend.ready();
    const open = backend.stats().origins.map(({ service, connections }) => [service, connections.open]);
    backend.destroy();
    await begun;
    expect(open).toEqual([
      ['leaving', 1],
      ['serving', 10],
    ]);
  });

  test('are those that the options tell', async () => {
    const [a, b] = [await startOrigin(), await startOrigin()];
    const backend = startBackend(a);
    backend.origins.add(b.url);
    backend.origins.setWeight(b.url, 7);
    await backend.origins.remove(a.url);
    await backend.update({ maxConnections: 20 });
    expect(backend.options.origins).toMatchObject([{ origin: b.url, weight: 7, maxConnections: 20 }]);
  });

  test('may be none, or without a weight', async () => {
    const origin = await startOrigin();
    const backend = startBackend(origin);
    backend.origins.setWeight(origin.url, 0);
    await backend.update({ maxQueue: 7 });
    await backend.origins.remove(origin.url);
    await backend.update({ maxAttempts: 2 });
    expect(backend.options).toMatchObject({ origins: [], maxQueue: 7, maxAttempts: 2 });
  });

  test('outside of the subset they are told, too', async () => {
    const [a, b] = [await startOrigin(), await startOrigin()];
    const backend = startBackend([a, b], { subset: { size: 1, id: 'x' } });
    await backend.update({ maxQueue: 7 });
    expect([backend.origins.names.length, backend.options.origins.length]).toEqual([1, 2]);
  });
});

test('what its owner changes in the objects that were given stays as it was given, whatever is updated later', async () => {
  const [a, b] = [await startOrigin(), await startOrigin()];
  const retryBudget = { ratio: 0.1 };
  const ejection = { outliers: { window: 10_000 } };
  const listed = { url: new URL(a.url), weight: 2, maxConnections: { total: 8, workers: 2 } };
  const added = { url: b.url, weight: 3 };
  const backend = new PooledBackend({ origins: [listed], retryBudget, ejection });
  onTestFinished(() => backend.destroy());
  backend.origins.add(added);
  const before = backend.options;
  Object.assign(retryBudget, { ratio: 2 });
  ejection.outliers.window = 7;
  Object.assign(listed, { weight: 5 });
  listed.url.port = '1';
  listed.maxConnections.workers = 1;
  added.weight = 6;
  await backend.update({ maxQueue: 7 });
  const { maxQueue, origins, ...rest } = backend.options;
  expect(rest).toMatchObject({ retryBudget: before.retryBudget, ejection: before.ejection });
  expect([maxQueue, ...origins]).toMatchObject([
    7,
    { origin: a.url, weight: 2, maxConnections: 4 },
    { origin: b.url, weight: 3 },
  ]);
  await backend.update({ origins: [added] });
  added.weight = 9;
  await backend.update({ maxQueue: 8 });
  expect(backend.options.origins).toMatchObject([{ origin: b.url, weight: 6 }]);
});

test('what a listener changes in the midst of a change is added to it', async () => {
  const [a, b] = [await startOrigin(), await startOrigin()];
  const backend = startBackend(a);
  backend.on('originChanged', ({ change }) => void (change === 'added' && backend.update({ maxQueue: 77 })));
  await backend.update({ origins: [a.url, b.url], queueTimeout: 2_222 });
  const together = [backend.options.maxQueue, backend.options.queueTimeout, backend.stats().queue.max];
  await backend.update({ maxAttempts: 2 });
  const { maxQueue, queueTimeout, maxAttempts } = backend.options;
  expect([together, maxQueue, queueTimeout, maxAttempts]).toEqual([[77, 2_222, 77], 77, 2_222, 2]);
});

test('what a listener changes while origins leave is added to the set that comes', async () => {
  const [a, b] = [await startOrigin(), await startOrigin()];
  const backend = startBackend([a, b]);
  const news: string[] = [];
  backend.on('originChanged', ({ origin, change }) => {
    news.push(`${change} ${origin === a.url ? 'a' : 'b'}`);
    if (change === 'leaving') void backend.update({ maxQueue: 77 });
  });
  await backend.update({ origins: [{ url: b.url, weight: 7 }] });
  expect(backend.options).toMatchObject({ maxQueue: 77, origins: [{ origin: b.url, weight: 7 }] });
  expect(news.slice(0, 2)).toEqual(['leaving a', 'weight b']);
});

test.each<[string, (backend: PooledBackend, url: string) => unknown]>([
  ['add()', (backend, url) => backend.origins.add(url)],
  ['update()', (backend, url) => backend.update({ origins: [url] })],
])('an origin that comes by %s after the end is not dialled', async (_name, give) => {
  const [a, b] = [await startOrigin(), await startOrigin()];
  const backend = startBackend(a, { minConnections: 2 });
  await backend.close();
  give(backend, b.url);
  await startBackend(b, { minConnections: 1 }).ready(); // dials behind it
  const { open, dialling } = backend.stats().origins.at(-1)?.connections ?? {};
  expect([open, dialling]).toEqual([0, 0]);
});

test('under load no request is lost or doubled by any change', async () => {
  const script = () => [execute(), answer({ body: 'x' })];
  const origins = [await startOrigin({ script }), await startOrigin({ script }), await startOrigin({ script })];
  const [a, b, c] = origins;
  if (a === undefined || b === undefined || c === undefined) throw new Error('three were started');
  const backend = startBackend([a, b], { maxConnections: 6 });
  let isOver = false;
  const changing = (async () => {
    const changes = [
      () => backend.origins.add(c.url),
      () => backend.update({ maxConnections: 2 }),
      () => backend.origins.drain(a.url),
      () => backend.update({ balance: 'round-robin', maxConnections: 9, minConnections: 2 }),
      () => backend.origins.remove(b.url),
      () => backend.origins.ready(a.url),
      () => backend.origins.setWeight(a.url, 5),
      () => backend.update({ origins: [a.url, b.url], minConnections: 0, maxConnections: 6, balance: 'least-busy' }),
    ];
    for (let turn = 0; !isOver; turn += 1) {
      await changes[turn % changes.length]?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const outcomes = [
    ...(await load(backend, { count: 150, lanes: 10 })),
    ...(await load(backend, { count: 60, lanes: 5, method: 'POST', body: 'x' })),
  ];
  isOver = true;
  await changing;
  const executed = (id: string) => origins.reduce((sum, origin) => sum + origin.executions(id), 0);
  expect(outcomes.filter(([, outcome]) => outcome.status !== 200)).toEqual([]);
  expect(outcomes.filter(([id]) => executed(id) !== 1)).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(0);
});
