/** Your settings against a server that misbehaves on purpose: which request was executed, and how often? */

import assert from 'node:assert/strict';
import { BackendError, PooledBackend } from 'pooled-backend';
import { answer, checkStats, close, execute, ScriptedOrigin } from 'pooled-backend/testing';

// A real server on a free port. It answers the first request of a connection, then executes one and hangs up.
const origin = await ScriptedOrigin.start({
  script: ({ requestOnConnection }) =>
    requestOnConnection === 0 ? [execute(), answer({ body: 'ok' })] : [execute(), close()],
});

// What is under test: searches may be sent again, and nothing else that is a POST.
const backend = new PooledBackend({
  origins: [origin.url],
  nonIdempotent: 'any',
  idempotent: ({ path }) => (path.startsWith('/search') ? true : undefined),
});

async function send(method: string, path: string): Promise<string> {
  try {
    const { statusCode, body } = await backend.request({ method, path });
    await body.text();
    return String(statusCode);
  } catch (error) {
    assert(BackendError.is(error));
    return `${error.code}, ${error.delivery}`;
  }
}

await send('GET', '/first');
assert.equal(await send('POST', '/search?q=1'), '200');
assert.equal(origin.executions('/search?q=1'), 2); // lost with its connection, and sent again

assert.equal(await send('POST', '/orders'), 'connection_terminated, unknown');
assert.equal(origin.executions('/orders'), 1); // never twice

checkStats(backend.stats(), { atRest: true });
console.log(origin.describe());

await backend.close();
await origin.close();
