import { answer, execute, type Script, send } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { authority, cert, key } from './certificate.js';
import { checkAtRest, load, startBackend, startOrigin } from './setting.js';

const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray';

// In a write, so in a TLS record, of its own: both are read from the kernel at once, and given out one after the other.
const script: Script = ({ request }) => [execute(), answer({ body: request.id }), send(stray)];

test.each(['GET', 'POST'])('nobody gets the second response that was decrypted with the first (%s)', async (method) => {
  const origin = await startOrigin({ script, tls: { key, cert } });
  const options = { maxConnections: 3, nonIdempotent: 'any', spareConnections: false } as const;
  const backend = startBackend(origin, { ...options, tls: { ca: authority } });
  const outcomes = await load(backend, { method, count: 20, lanes: 6 });
  expect([...outcomes.values()].filter((outcome) => !('code' in outcome) && outcome.body === 'stray')).toEqual([]);
  checkAtRest(backend, 3);
});

test('a full TLS pool keeps its connections, though their answers come before Node says that the requests were written', async () => {
  const origin = await startOrigin({ thread: true, tls: { key, cert } });
  const backend = startBackend(origin, { maxConnections: 4, tls: { ca: authority } });
  await load(backend, { count: 60, lanes: 16 });
  const [stats] = backend.stats().origins;
  expect({ dialled: stats?.dialled, closed: stats?.closed }).toEqual({ dialled: 4, closed: {} });
});
