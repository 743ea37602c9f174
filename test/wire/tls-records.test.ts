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
