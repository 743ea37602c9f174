import { type Answer, byteByByte, close, execute, type Step, send } from 'pooled-backend/testing';
import { expect, test } from 'vitest';
import { checkAtRest, newId, startBackend, startOrigin } from './setting.js';

const text = 'a body that comes in small pieces';
const fields = { 'X-Odd-CASE': 'kept', 'Set-Cookie': ['a=1', 'b=2'] };

const answers: Record<string, { answer: Answer; after: Step[]; connections: number }> = {
  'with a length': { answer: { fields, body: text }, after: [], connections: 1 },
  'in chunks with trailers': {
    answer: { fields, framing: 'chunked', body: [text.slice(0, 5), text.slice(5)], trailers: { 'X-Sum': '9' } },
    after: [],
    connections: 1,
  },
  'until close': { answer: { fields, framing: 'until-close', body: text }, after: [close()], connections: 2 },
};

test.each(Object.keys(answers))('an answer %s that comes byte by byte arrives as it was sent', async (kind) => {
  const { answer, after, connections } = answers[kind] ?? { answer: {}, after: [], connections: 0 };
  const origin = await startOrigin({ script: () => [execute(), byteByByte(answer), ...after] });
  const backend = startBackend(origin, { maxConnections: 1 });
  for (let round = 0; round < 2; round += 1) {
    const response = await backend.request({ method: 'GET', path: '/', headers: { 'X-Request-Id': newId() } });
    const body = await response.body.text();
    expect({ status: response.statusCode, body, raw: response.rawHeaders.slice(0, 6) }).toEqual({
      status: 200,
      body: text,
      raw: ['X-Odd-CASE', 'kept', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'],
    });
  }
  expect(origin.connectionsAccepted).toBe(connections);
  checkAtRest(backend, 1);
});

test('interim responses and the answer to a HEAD may come byte by byte too', async () => {
  const script = (): Step[] => [
    execute(),
    ...[...'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'].map(send),
    byteByByte({ body: text }),
  ];
  const origin = await startOrigin({ script });
  const backend = startBackend(origin, { maxConnections: 1 });
  const bodies: string[] = [];
  for (const method of ['HEAD', 'GET', 'HEAD']) {
    const response = await backend.request({ method, path: '/' });
    bodies.push(await response.body.text());
  }
  expect(bodies).toEqual(['', text, '']);
  expect(origin.requests.map((request) => request.method)).toEqual(['HEAD', 'GET', 'HEAD']);
});
