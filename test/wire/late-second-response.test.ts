import { answer, execute, type Script, send } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { load, newId, type Outcome, outcomeOf, startBackend, startOrigin } from './setting.js';

// A second response that arrives when the next request on its connection has been sent: what comes "a few ms late".
const script: Script = ({ request }) => [
  ...(request.onConnection > 0 ? [send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray')] : []),
  execute(),
  answer({ body: request.id }),
];

const bodyOf = (outcome: Outcome) => ('body' in outcome ? outcome.body : outcome.code);

test('a second response that comes after the next request was sent is taken for its answer, and then the connection ends', async () => {
  const backend = startBackend(await startOrigin({ script }), { maxConnections: 1 });
  const seen = () => {
    const [stats] = backend.stats().origins;
    return (stats?.poisoned ?? 0) + (stats?.closed.leftover ?? 0);
  };
  const [first, third] = [newId(), newId()];
  expect(bodyOf(await outcomeOf(backend, { id: first }))).toBe(first);
  expect(bodyOf(await outcomeOf(backend))).toBe('stray');
  await expect.poll(seen).toBe(1);
  expect(bodyOf(await outcomeOf(backend, { id: third }))).toBe(third);
});

test.each([
  ['a POST that travels fresh', 'POST', {}],
  ['a GET that shares its connection with no other', 'GET', { maxRequestsPerConnection: 1 }],
])('%s never gets such a response', async (_what, method, options) => {
  const backend = startBackend(await startOrigin({ script }), { maxConnections: 3, ...options });
  const others = load(backend, { method: 'GET', count: 10, lanes: 4 });
  const outcomes = await load(backend, { method, count: 10, lanes: 4 });
  await others;
  expect([...outcomes].filter(([id, outcome]) => bodyOf(outcome) !== id)).toEqual([]);
});
