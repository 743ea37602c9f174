import { type AnswerFields, answer, execute, type Script, send } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { checkAtRest, load, type Outcome, outcomeOf, startBackend, startOrigin } from './setting.js';

const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray';

// Every answer says whose it is, and brings a second one along.
const script: Script = ({ request }) => [execute(), answer({ body: request.id, append: stray })];

function others(outcomes: ReadonlyMap<string, Outcome>): unknown[] {
  return [...outcomes].filter(([id, outcome]) => !('body' in outcome) || outcome.body !== id);
}

test.each(['GET', 'POST'])('nobody gets the second response that came with the first (%s)', async (method) => {
  const origin = await startOrigin({ script });
  const backend = startBackend(origin, { maxConnections: 3, nonIdempotent: 'any', spareConnections: false });
  const outcomes = await load(backend, { method, count: 20, lanes: 6 });
  expect(others(outcomes)).toEqual([]);
  expect(origin.connectionsAccepted).toBe(outcomes.size);
  checkAtRest(backend, 3);
});

test.each([
  { status: 204, fields: {} as AnswerFields },
  { status: 304, fields: { ETag: '"1"' } as AnswerFields },
])('a body where none may be ($status) is given to nobody', async ({ status, fields }) => {
  const origin = await startOrigin({
    script: ({ request }) => [
      execute(),
      request.path === '/empty' ? answer({ status, fields, append: stray }) : answer({ body: request.id }),
    ],
  });
  const backend = startBackend(origin, { maxConnections: 1 });
  for (let round = 0; round < 5; round += 1) {
    const empty = await outcomeOf(backend, { path: '/empty' });
    const next = await outcomeOf(backend, { id: `next-${round}` });
    expect([empty, next]).toMatchObject([
      { status, body: '' },
      { status: 200, body: `next-${round}` },
    ]);
  }
});

test('a body after the answer to a HEAD is given to nobody', async () => {
  const origin = await startOrigin({
    script: ({ request }) => [
      execute(),
      answer({ body: request.id, append: request.method === 'HEAD' ? 'a body!' : '' }),
    ],
  });
  const backend = startBackend(origin, { maxConnections: 1 });
  for (let round = 0; round < 5; round += 1) {
    const head = await outcomeOf(backend, { method: 'HEAD' });
    const next = await outcomeOf(backend, { id: `next-${round}` });
    expect([head, next]).toMatchObject([
      { status: 200, body: '' },
      { status: 200, body: `next-${round}` },
    ]);
  }
});

test.each(['with it', 'after the next request'])(
  'once a body came behind the answer to a HEAD (%s), no request follows a HEAD on its connection',
  async (when) => {
    // One that comes after the next request was written is taken for its answer.
    const late: Script = ({ request }) => [
      ...(request.method === 'GET' && request.onConnection > 0 ? [send('a body!')] : []),
      execute(),
      answer({ body: request.id, append: when === 'with it' && request.id === 'first' ? 'a body!' : '' }),
    ];
    const backend = startBackend(await startOrigin({ script: late }), { maxConnections: 1 });
    await outcomeOf(backend, { method: 'HEAD', id: 'first' });
    await outcomeOf(backend);
    for (let round = 0; round < 5; round += 1) {
      expect(await outcomeOf(backend, { method: 'HEAD' })).toMatchObject({ status: 200 });
      expect(await outcomeOf(backend, { id: `next-${round}` })).toMatchObject({ status: 200, body: `next-${round}` });
    }
  },
);

test.each([
  ['malformed', 'HTTP/1.1 200 OK\r\nNo name: x\r\n\r\n'],
  ['too large', `HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(200_000)}\r\n\r\n`],
])(
  'a head that is %s behind a 304 is no body of that: connections are kept behind the next 304',
  async (_what, head) => {
    const script: Script = ({ request }) =>
      request.path === '/bad' ? [execute(), send(head)] : [execute(), answer({ status: 304 })];
    const origin = await startOrigin({ script });
    const backend = startBackend(origin, { maxConnections: 1, maxAttempts: 1 });
    await outcomeOf(backend);
    expect(await outcomeOf(backend, { path: '/bad' })).toMatchObject({ status: 502 });
    for (let round = 0; round < 5; round += 1) await outcomeOf(backend);
    expect([origin.connectionsAccepted, backend.stats().origins[0]?.closed]).toEqual([2, { garbage: 1 }]);
  },
);
