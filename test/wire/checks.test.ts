/** Active checks over real sockets: what passes, what fails, and what becomes of the origin. */

import { createServer } from 'node:net';
import type { BackendEvents, PooledBackend } from 'pooled-backend';
import { answer, reset, type ScriptedOrigin, stall } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { CheckOptions } from '../../src/options.js';
import { authority, cert, key } from './certificate.js';
import { checkAtRest, outcomeOf, startBackend, startOrigin } from './setting.js';

const FAST = { interval: 20, fastInterval: 20, timeout: 5_000, rise: 2, fall: 2 };

type Name = 'checkPassed' | 'checkFailed' | 'down' | 'readmit';

/** The next event of that name. */
function next<N extends Name>(backend: PooledBackend, name: N): Promise<BackendEvents[N][0]> {
  return new Promise((resolve) =>
    backend.once(name as 'readmit', (details) => resolve(details as BackendEvents[N][0])),
  );
}

function checking(origin: ScriptedOrigin, check: CheckOptions, options: object = {}): PooledBackend {
  return startBackend(origin, { check: { ...FAST, ...check }, ...options });
}

const health = (backend: PooledBackend, index = 0) => backend.stats().origins[index]?.health;

describe('a request', () => {
  test('is sent as configured, and passes with a status that is expected', async () => {
    const origin = await startOrigin({ script: () => [answer({ status: 204 })] });
    const backend = checking(origin, { method: 'OPTIONS', path: '/well?deep=1', host: 'app.test', expect: 204 });
    const passed = await next(backend, 'checkPassed');
    const [request] = origin.requests;
    expect(passed).toMatchObject({ origin: `${origin.url}`, type: 'http', what: 'status_204' });
    expect([request?.method, request?.path, request?.headers.host]).toEqual(['OPTIONS', '/well?deep=1', 'app.test']);
  });

  test('fails with another status', async () => {
    const origin = await startOrigin({ script: () => [answer({ status: 503 })] });
    const backend = checking(origin, { expect: '200-299' });
    expect(await next(backend, 'checkFailed')).toMatchObject({ what: 'status_503' });
  });

  test('is judged by a function, which sees the status, the fields and the body', async () => {
    const origin = await startOrigin({ script: () => [answer({ fields: { 'X-Ready': 'yes' }, body: '{"ok":true}' })] });
    const seen: unknown[] = [];
    const backend = checking(origin, {
      expect: ({ statusCode, rawHeaders, body }) => {
        seen.push([statusCode, rawHeaders.includes('X-Ready'), JSON.parse(body)]);
        return false;
      },
    });
    expect(await next(backend, 'checkFailed')).toMatchObject({ what: 'unexpected_answer' });
    expect(seen[0]).toEqual([200, true, { ok: true }]);
  });

  test.each<[string, () => boolean, string]>([
    [
      'throws',
      () => {
        throw new Error('no such thing');
      },
      'no such thing',
    ],
    ['gives a promise', (async () => true) as unknown as () => boolean, 'must return true or false'],
  ])('fails when that function %s, and the event has the error', async (_what, expecting, message) => {
    const origin = await startOrigin();
    const backend = checking(origin, { expect: expecting });
    const failed = await next(backend, 'checkFailed');
    expect([failed.what, String(failed.error)]).toEqual(['expect_failed', expect.stringContaining(message)]);
  });

  test('fails when no answer comes in time', async () => {
    const origin = await startOrigin({ script: () => [stall()] });
    const backend = checking(origin, { timeout: 50 });
    expect(await next(backend, 'checkFailed')).toMatchObject({ what: 'timeout' });
  });

  test('fails when the connection is reset', async () => {
    const origin = await startOrigin({ script: () => [reset()] });
    const backend = checking(origin, {});
    expect(await next(backend, 'checkFailed')).toMatchObject({ what: 'connection_terminated' });
  });

  test('is judged by its beginning when the body is long', async () => {
    const origin = await startOrigin({ script: () => [answer({ body: 'x'.repeat(300_000) })] });
    let length = 0;
    const backend = checking(origin, {
      expect: ({ body }) => {
        length = body.length;
        return true;
      },
    });
    await next(backend, 'checkPassed');
    expect(length).toBe(65_536);
  });

  test('goes over TLS where the origin does', async () => {
    const origin = await startOrigin({ tls: { key, cert } });
    const backend = startBackend(origin, { check: FAST, tls: { ca: authority } });
    expect(await next(backend, 'checkPassed')).toMatchObject({ type: 'http', what: 'status_200' });
  });
});

describe('a connection', () => {
  test('is enough for type tcp', async () => {
    const origin = await startOrigin();
    const backend = checking(origin, { type: 'tcp' });
    expect(await next(backend, 'checkPassed')).toMatchObject({ type: 'tcp', what: 'open' });
    expect(origin.requests).toEqual([]);
  });

  test('that is refused fails', async () => {
    const origin = await startOrigin();
    await origin.stopListening('reset');
    const backend = checking(origin, { type: 'tcp' });
    expect(await next(backend, 'checkFailed')).toMatchObject({ what: 'connection_refused' });
  });

  test('needs a handshake for type tls', async () => {
    const origin = await startOrigin({ tls: { key, cert } });
    const trusting = startBackend(origin, {
      ...{ check: { ...FAST, type: 'tls' as const }, tls: { ca: authority } },
    });
    expect(await next(trusting, 'checkPassed')).toMatchObject({ type: 'tls', what: 'secure' });
    const distrusting = startBackend(origin, { check: { ...FAST, type: 'tls' } });
    expect(await next(distrusting, 'checkFailed')).toMatchObject({ what: 'tls_certificate_error' });
  });

  test('without TLS behind it fails type tls', async () => {
    const server = createServer((socket) => socket.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const backend = startBackend([{ url: `https://127.0.0.1:${port}` } as ScriptedOrigin], {
      check: { ...FAST, type: 'tls' },
    });
    expect(await next(backend, 'checkFailed')).toMatchObject({ type: 'tls' });
  });
});

describe('an origin whose checks fail in a row', () => {
  /** Two origins; the first answers checks as `well` says. */
  async function pair(options: object = {}) {
    const state = { well: true };
    const ill = await startOrigin({
      script: ({ request: { path } }) => [
        answer({ status: path === '/health' && !state.well ? 503 : 200, body: 'ill' }),
      ],
    });
    const other = await startOrigin({ script: () => [answer({ body: 'other' })] });
    const check = { ...FAST, path: '/health' };
    return { state, ill, other, backend: startBackend([ill, other], { check, ...options }) };
  }

  test('gets no requests, loses its idle connections, and is shown with the reason', async () => {
    const { state, ill, backend } = await pair();
    await outcomeOf(backend, { path: '/a' });
    await outcomeOf(backend, { path: '/b' });
    state.well = false;
    expect(await next(backend, 'down')).toEqual({ origin: ill.url, reason: 'check_status_503' });
    const bodies = await Promise.all(Array.from({ length: 20 }, () => outcomeOf(backend)));
    const stats = backend.stats().origins[0];
    expect(new Set(bodies.map((one) => 'body' in one && one.body))).toEqual(new Set(['other']));
    expect(stats?.connections.open).toBe(0);
    expect(stats?.closed['check-failed']).toBe(1);
    expect(stats?.health).toMatchObject({ state: 'down', reason: 'check_status_503' });
    expect(stats?.check).toMatchObject({ type: 'http', state: 'down', last: { passed: false, what: 'status_503' } });
  });

  test('is back when they pass in a row', async () => {
    const { state, backend } = await pair();
    state.well = false;
    await next(backend, 'down');
    state.well = true;
    await next(backend, 'readmit');
    const bodies = await Promise.all(Array.from({ length: 20 }, () => outcomeOf(backend)));
    expect(bodies.some((one) => 'body' in one && one.body === 'ill')).toBe(true);
    expect(health(backend)).toMatchObject({ state: 'healthy', reason: null });
  });

  test('is asked all the same when all others are down, too', async () => {
    const origin = await startOrigin({
      script: ({ request: { path } }) => [answer({ status: path === '/health' ? 500 : 200 })],
    });
    const second = await startOrigin({
      script: ({ request: { path } }) => [answer({ status: path === '/health' ? 500 : 200 })],
    });
    const backend = startBackend([origin, second], { check: { ...FAST, path: '/health' } });
    await new Promise<void>((resolve) => {
      const up = new Set([origin.url, second.url]);
      backend.on('down', (details) => up.delete(details.origin) && up.size === 0 && resolve());
    });
    expect(await outcomeOf(backend)).toMatchObject({ status: 200 });
  });

  test('gets its minimum of connections when it is up again, not before', async () => {
    const { state, backend, ill } = await pair({ minConnections: 2 });
    state.well = false;
    await next(backend, 'down');
    const before = backend.stats().origins[0]?.dialled;
    for (let checks = 0; checks < 3; checks += 1) await next(backend, 'checkFailed');
    const dialledWhenDown = (backend.stats().origins[0]?.dialled ?? 0) - (before ?? 0);
    state.well = true;
    await next(backend, 'readmit');
    await ill.until(() => ill.openConnections >= 2);
    await backend.ready();
    expect([dialledWhenDown, backend.stats().origins[0]?.connections.open]).toEqual([0, 2]);
  });
});

describe('the connection of a check', () => {
  test('counts towards maxConnections, and finds a slot where requests never leave one idle', async () => {
    const origin = await startOrigin();
    const backend = checking(origin, { path: '/health' }, { maxConnections: 1 });
    let checks = 0;
    backend.on('checkPassed', () => (checks += 1));
    const failures: unknown[] = [];
    while (checks < 5) {
      const both = await Promise.all([outcomeOf(backend), outcomeOf(backend)]);
      failures.push(...both.filter(({ status }) => status !== 200));
    }
    expect([failures, origin.mostOpenConnections]).toEqual([[], 1]);
  });

  test('is no connection of the pool in the counts', async () => {
    const origin = await startOrigin();
    const backend = checking(origin, {});
    for (let n = 0; n < 3; n += 1) await next(backend, 'checkPassed');
    const stats = backend.stats().origins[0];
    expect([stats?.dialled, stats?.requests, stats?.connections.open, stats?.connections.dialling]).toEqual([
      0, 0, 0, 0,
    ]);
    checkAtRest(backend);
  });

  test('is closed with the backend, and no check follows', async () => {
    const origin = await startOrigin({ script: () => [stall()] });
    const backend = checking(origin, {});
    await origin.until(() => origin.requests.length === 1);
    await backend.close();
    await origin.until(() => origin.openConnections === 0);
    expect(origin.requests.length).toBe(1);
  });
});
