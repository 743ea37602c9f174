import type { LookupFunction } from 'node:net';
import { instrumentBackend } from 'pooled-backend/otel';
import { registerMetrics } from 'pooled-backend/prometheus';
import { expect, test } from 'vitest';
import { BackendError, type BackendEvents, PooledBackend, type PooledBackendOptions } from '../../src/index.js';
import { checkStats, ManualClock, MemoryNetwork } from '../../src/testing/index.js';

/** A name that is never resolved: its dials hang, and no socket is opened. */
const HANGING = { origins: ['http://a.test'], connect: { lookup: () => undefined } } satisfies PooledBackendOptions;

async function failureOf(answer: Promise<unknown>): Promise<BackendError> {
  const failure: unknown = await answer.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!BackendError.is(failure)) throw new Error(`not a BackendError: ${String(failure)}`);
  return failure;
}

test('a string is the URL of the only origin', async () => {
  await using backend = new PooledBackend('http://127.0.0.1:9001');
  expect(backend.options.origins.map((origin) => origin.origin)).toEqual(['http://127.0.0.1:9001']);
  expect(backend.stats().origins).toMatchObject([{ origin: 'http://127.0.0.1:9001', dialled: 0 }]);
});

test('the options tell the origins of the moment, and are the same object until something changes', async () => {
  await using backend = new PooledBackend({
    origins: ['http://a.test', 'http://b.test'],
    subset: { size: 1, id: 'x' },
  });
  const told = () => backend.options.origins.map(({ origin, weight }) => `${origin} ${weight}`);
  const [used = ''] = backend.origins.names;
  const other = ['http://a.test:80', 'http://b.test:80'].find((name) => name !== used);
  backend.origins.add({ url: 'http://c.test', weight: 2 });
  const added = told();
  backend.origins.setWeight('http://c.test', 7);
  await backend.origins.remove(used);
  expect([added.length, told()]).toEqual([3, [`${other} 1`, 'http://c.test:80 7']]);
  expect(backend.options).toBe(backend.options);
  await expect(backend.fetch(used)).rejects.toThrow('is not an origin of this backend');
});

test.each<[string, object, string]>([
  ['an unknown option', { origins: ['http://a.test'], maxConnection: 1 }, 'maxConnection'],
  ['a bad value', { origins: ['http://a.test'], maxConnections: 0 }, 'maxConnections'],
  ['more spare than room', { origins: ['http://a.test'], minConnections: 2, maxConnections: 1 }, 'minConnections'],
])('%s throws, and is named', (_name, options, named) => {
  expect(() => new PooledBackend(options as PooledBackendOptions)).toThrow(named);
});

test.each([{ maxConnections: 50 }, null, true])('options in the place of the machine are refused: %s', (given) => {
  expect(() => new PooledBackend('http://127.0.0.1:9001', given as never)).toThrow(
    /^the second argument must be a machine .* options are the first/,
  );
});

test('bad options of a handler throw when it is made', async () => {
  await using backend = new PooledBackend('http://127.0.0.1:9001');
  expect(() => backend.handler({ headersTimeout: 0 })).toThrow('headersTimeout');
  expect(backend.handler()).toBeTypeOf('function');
});

test('it is ready at once where no minimum is wanted', async () => {
  await using backend = new PooledBackend('http://127.0.0.1:9001');
  await expect(backend.ready()).resolves.toBeUndefined();
});

test('it is ready when the minimum could not be opened', async () => {
  const lookup: LookupFunction = (_name, _options, done) =>
    done(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '');
  await using backend = new PooledBackend({ origins: ['http://a.test'], minConnections: 1, connect: { lookup } });
  await backend.ready();
  // Twice, where the first wait of the back-off was over before we came.
  const { dialled, dialsFailed = 0 } = backend.stats().origins[0] ?? {};
  expect([dialled, dialsFailed > 0]).toEqual([0, true]);
});

test('a request after close() is refused with 503', async () => {
  const backend = new PooledBackend('http://127.0.0.1:9001');
  await backend.close();
  expect(await failureOf(backend.request({ path: '/' }))).toMatchObject({
    ...{ code: 'backend_closed', statusCode: 503, delivery: 'unsent', attempts: [] },
  });
});

test('destroy() ends what is under way, with its error as the cause, and leaves nothing', async () => {
  const backend = new PooledBackend(HANGING);
  const answers = [backend.request({ path: '/' }), backend.request({ path: '/', method: 'POST', body: 'x' })];
  const cause = new Error('enough');
  setImmediate(() => backend.destroy(cause));
  const failures = await Promise.all(answers.map(failureOf));
  for (const failure of failures) expect(failure).toMatchObject({ code: 'backend_closed', cause });
  const stats = backend.stats();
  checkStats(stats, { atRest: true });
  expect([stats.inFlight, stats.origins[0]?.connections.dialling]).toEqual([0, 0]);
});

test('close() ends although destroy() comes in the middle of it, each time that it was called', async () => {
  const backend = new PooledBackend(HANGING);
  const answer = failureOf(backend.request({ path: '/' }));
  const closings = [backend.close(), backend.close({ timeout: 60_000 }), backend[Symbol.asyncDispose]()];
  backend.destroy();
  await Promise.all(closings);
  expect((await answer).code).toBe('backend_closed');
});

test('close() with a timeout destroys what has not ended by then', async () => {
  const backend = new PooledBackend(HANGING);
  const answer = failureOf(backend.request({ path: '/' }));
  await backend.close({ timeout: 1 });
  expect((await answer).cause).toMatchObject({ message: 'close() took more than 1 ms' });
});

test('a request that is aborted while it is dialled for leaves nothing', async () => {
  const backend = new PooledBackend(HANGING);
  const abort = new AbortController();
  const answer = failureOf(backend.request({ path: '/', signal: abort.signal }));
  setImmediate(() => abort.abort());
  expect((await answer).code).toBe('client_aborted');
  expect(backend.stats()).toMatchObject({ inFlight: 0, queue: { length: 0 } });
  backend.destroy();
});

test.each([{ check: {} }, { ejection: { outliers: {} } }, { origins: ['http://a.test:80'], check: {} }])(
  'update(%j) of a backend that is closed begins nothing',
  async (changes) => {
    const clock = new ManualClock();
    const backend = new PooledBackend('http://a.test:80', new MemoryNetwork({ clock }));
    await backend.close();
    await backend.update(changes);
    expect(clock.pending).toBe(0);
  },
);

test('update() takes what an object inherits, and refuses of that, too, what cannot be changed', async () => {
  class Changes {
    get maxQueue(): number {
      return 7;
    }
  }
  class More extends Changes {
    get tls(): object {
      return {};
    }
  }
  await using backend = new PooledBackend(HANGING);
  await backend.update(new Changes());
  expect(backend.stats().queue.max).toBe(7);
  await expect(async () => backend.update(new More())).rejects.toThrow('the option tls cannot be changed at run time');
});

test.each([0, -1, Number.NaN, '5' as never])('close() refuses a timeout of %s, and closes nothing', async (timeout) => {
  const backend = new PooledBackend(HANGING);
  await expect(backend.close({ timeout })).rejects.toThrow(RangeError);
  const answer = failureOf(backend.request({ path: '/' }));
  backend.destroy();
  expect((await answer).message).toBe('the backend was closed');
});

test.each([
  [{ timout: 5 }, 'unknown option timout of close(); known: timeout'],
  [5, 'the options of close() must be an object, got 5'],
  [null, 'the options of close() must be an object, got null'],
])('close() refuses %o for its options, and closes nothing', async (options, message) => {
  const backend = new PooledBackend(HANGING);
  await expect(backend.close(options as never)).rejects.toThrow(new TypeError(message));
  expect(backend.stats().state).toBe('open');
  backend.destroy();
});

test('a backend with a subset uses only those origins, and the same ones each time', () => {
  const origins = Array.from({ length: 20 }, (_, n) => `http://127.0.0.1:${9001 + n}`);
  const used = () => {
    const backend = new PooledBackend({ origins, subset: { size: 3, id: 'web-1' } });
    backend.destroy();
    return backend.stats().origins.map(({ origin }) => origin);
  };
  const first = used();
  expect(first.length).toBe(3);
  expect(used()).toEqual(first);
});

test.each([[null], [5], [true], [['http://127.0.0.1:9001']]])('%j passes for no options', async (none) => {
  const given = none as never;
  await using backend = new PooledBackend('http://127.0.0.1:9001');
  expect(() => new PooledBackend(given)).toThrow('the options must be an object, or the URL of the only origin, got');
  for (const take of [
    () => backend.handler(given),
    () => backend.upgradeHandler(given),
    () => backend.statusHandler(given),
    () => registerMetrics(backend, given),
    () => instrumentBackend(backend, given),
  ]) {
    expect(take).toThrow('the options must be an object, got');
  }
  await expect(async () => backend.close(given)).rejects.toThrow('the options of close() must be an object, got');
  await expect(async () => backend.update(given)).rejects.toThrow('the changes must be an object of options, got');
});

test.each(['handler', 'upgradeHandler', 'statusHandler'] as const)(
  '%s that is handed over uncalled says so',
  (method) => {
    const detached = PooledBackend.prototype[method] as (options: object) => unknown;
    for (const owner of [undefined, {}]) {
      expect(() => Reflect.apply(detached, owner, [{}])).toThrow(`pass backend.${method}(), not backend.${method}`);
    }
  },
);

test.each([undefined, {}])(
  'fetch that is handed over without its backend, and called on %s, says what to hand over',
  (owner) => {
    const detached = PooledBackend.prototype.fetch as (path: string) => Promise<unknown>;
    return expect(Reflect.apply(detached, owner, ['/'])).rejects.toThrow('(input, init) => backend.fetch(input, init)');
  },
);

test('a list in the place of the options is told where lists go', () => {
  const list = ['http://a', 'http://b'] as never;
  expect(() => new PooledBackend(list)).toThrow('; a list of origins is { origins: [ … ] }');
});

test('a listener for several events has the type of any of them', async () => {
  await using backend = new PooledBackend('http://a.test');
  const heard: (string | readonly string[])[] = [];
  const listeners = (['originChanged', 'updated'] as const).map((name) => {
    const listener = (event: BackendEvents[typeof name][0]) => void heard.push('names' in event ? event.names : name);
    backend.on(name, listener);
    backend.once(name, (event) => heard.push('origin' in event ? event.origin : event.names));
    return () => backend.off(name, listener);
  });
  backend.origins.setWeight('http://a.test', 2);
  backend.update({ maxQueue: 5 });
  for (const stop of listeners) stop();
  backend.update({ maxQueue: 6 });
  expect(heard).toEqual(['originChanged', 'http://a.test:80', ['maxQueue'], ['maxQueue']]);
});
