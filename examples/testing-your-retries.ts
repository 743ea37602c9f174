/** The settings of your own client of a payment service, tested without a socket and without waiting. */

import assert from 'node:assert/strict';
import { BackendError, PooledBackend, type PooledBackendOptions } from 'pooled-backend';
import { answer, close, execute, MemoryNetwork, ScriptedOrigin } from 'pooled-backend/testing';

/** What is under test. */
const settings: PooledBackendOptions = {
  origins: ['http://payments.internal:8080'],
  retryOn: [503],
  maxAttempts: 2,
  nonIdempotent: 'any',
  idempotencyKey: 'honoured',
};

const network = new MemoryNetwork();
let busyUntil = 0;
// As the real one, but that it hangs up after every second request, executed, and is busy when the test says so.
const payments = await ScriptedOrigin.start({
  network,
  hostname: 'payments.internal',
  port: 8080,
  script: ({ requestOnConnection }) => {
    if (network.clock.now() < busyUntil) return [answer({ status: 503, fields: { 'Retry-After': '1' } })];
    return [execute(), requestOnConnection % 2 === 1 ? close() : answer()];
  },
});
const backend = new PooledBackend(settings, network);

async function send(method: string, path: string, headers = {}): Promise<string> {
  try {
    const { statusCode, body, attempts } = await backend.request({ method, path, headers, body: '{}' });
    await body.text();
    return `${statusCode} after ${attempts.length}`;
  } catch (error) {
    assert(BackendError.is(error));
    return `${error.code}, ${error.delivery}`;
  }
}

await send('GET', '/');
assert.equal(await send('POST', '/no-key'), 'connection_terminated, unknown');
assert.equal(payments.executions('/no-key'), 1); // never twice
await send('GET', '/');
assert.equal(await send('POST', '/with-key', { 'Idempotency-Key': '42' }), '200 after 2');
assert.equal(payments.executions('/with-key'), 2); // which the service is to recognise

// A second of being busy is waited for, in no time at all. An hour is not.
busyUntil = network.clock.now() + 1_000;
const answered = send('GET', '/soon');
await network.advance(1_000);
assert.equal(await answered, '200 after 2');
busyUntil = Number.POSITIVE_INFINITY;
const refused = send('GET', '/never');
await network.advance(1_000);
assert.equal(await refused, '503 after 2');
console.log('a POST went out once, one with a key twice, and a second passed without a wait');
await backend.close();
