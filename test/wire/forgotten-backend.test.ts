import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { bundle, CACHE } from '../bundled.js';
import { startOrigin } from './setting.js';

const run = promisify(execFile);

const PROGRAM = `
import { PooledBackend } from 'pooled-backend';
const backend = new PooledBackend({ origins: [process.argv[2]], minConnections: 1, requestTimeout: 600_000 });
const { statusCode, body } = await backend.request({ path: '/' });
await body.text();
const leaving = new AbortController();
backend.once('attempt', () => setImmediate(() => leaving.abort()));
const { delivery } = await backend.request({ path: '/left', signal: leaving.signal }).catch((error) => error);
// One is open when it ends, in the place of the one that was left.
while (backend.stats().origins[0].connections.idle === 0) await new Promise((resolve) => setImmediate(resolve));
console.log(statusCode, delivery);
`;

test('a backend that nobody closes keeps its process alive for a request, and no longer', async () => {
  const origin = await startOrigin({ rules: [{ when: { path: '/left' }, steps: [] }] });
  const outfile = join(CACHE, 'forgotten-backend.mjs');
  await bundle({ stdin: { contents: PROGRAM, resolveDir: CACHE }, outfile });
  const { stdout } = await run(process.execPath, [outfile, origin.url], { timeout: 50_000 });
  expect(stdout).toBe('200 unknown\n');
});
