import { createServer } from 'node:http';
import { type Answer, answer, close, execute, type Rule, reset, type Step } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RawClient } from './raw-client.js';
import { checkAtRest, outcomeOf, startBackend, startOrigin } from './setting.js';

const truncated: Record<string, Answer> = {
  'a body with a length': { body: '1234567890', cutBodyAt: 4 },
  'a chunked body': { framing: 'chunked', body: ['12345', '67890'], cutBodyAt: 10 },
  'a chunked body without its last chunk': { framing: 'chunked', body: ['12345'], cutBodyAt: 10 },
  'a chunked body without the end of its trailers': {
    framing: 'chunked',
    body: ['12345'],
    trailers: { 'X-Sum': '5' },
    cutBodyAt: 17,
  },
  'a body until close': { framing: 'until-close', body: '1234567890', cutBodyAt: 4 },
};

const ends: Record<'close' | 'reset', Step> = { close: close(), reset: reset() };

const CASES = Object.keys(truncated)
  .flatMap((what) => (['close', 'reset'] as const).map((how) => ({ what, how })))
  .filter(({ what, how }) => what !== 'a body until close' || how === 'reset'); // a close is its end

function rulesFor(what: string, how: 'close' | 'reset'): Rule[] {
  return [
    { when: { path: '/cut' }, steps: [execute(), answer(truncated[what]), ends[how]] },
    { steps: [execute(), answer({ body: 'ok' })] },
  ];
}

describe.each(CASES)('$what, cut by a $how', ({ what, how }) => {
  test('ends with an error, is not sent again, and its connection is not reused', async () => {
    const origin = await startOrigin({ rules: rulesFor(what, how) });
    const backend = startBackend(origin, { maxConnections: 1 });
    const outcome = await outcomeOf(backend, { path: '/cut', id: 'cut' });
    expect(outcome).toEqual({ code: 'http_response_incomplete', status: 502, delivery: 'answered', attempts: 1 });
    expect(await outcomeOf(backend)).toEqual({ status: 200, body: 'ok', attempts: 1 });
    expect([origin.executions('cut'), origin.connectionsAccepted]).toEqual([1, 2]);
    checkAtRest(backend, 1);
  });

  test('never ends clean for a client of a handler', async () => {
    const origin = await startOrigin({ rules: rulesFor(what, how) });
    const backend = startBackend(origin);
    const server = createServer(backend.handler());
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const client = await RawClient.connect({
      port: typeof address === 'object' && address !== null ? address.port : 0,
    });
    const response = await client.get('/cut');
    expect({ status: response.status, complete: response.complete }).toEqual({ status: 200, complete: false });
  });
});

test('half a head and then the end: a GET is sent once more', async () => {
  const rules: Rule[] = [{ when: { request: 0 }, steps: [execute(), answer({ cutAt: 12 }), close()] }];
  const origin = await startOrigin({ rules });
  const backend = startBackend(origin);
  expect(await outcomeOf(backend, { id: 'get' })).toMatchObject({ status: 200, attempts: 2 });
  expect(origin.executions('get')).toBe(2);
});

test('a body until close that ends with a FIN is complete', async () => {
  const origin = await startOrigin({ rules: [{ steps: [answer({ framing: 'until-close', body: 'all' }), close()] }] });
  const backend = startBackend(origin, { maxConnections: 1 });
  for (let round = 0; round < 3; round += 1)
    expect(await outcomeOf(backend)).toMatchObject({ status: 200, body: 'all' });
  checkAtRest(backend, 1);
});
