import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { MemoryBody } from '../../../src/body/memory-body.js';
import { StreamBody } from '../../../src/body/stream-body.js';
import { isIdempotent } from '../../../src/dispatch/idempotence.js';
import type { OutgoingRequest } from '../../../src/dispatch/request.js';

const KEY = ['Idempotency-Key', '"8e03978e"'];

function request(given: Partial<OutgoingRequest>): OutgoingRequest {
  return {
    method: 'POST',
    path: '/',
    fields: [],
    host: undefined,
    body: undefined,
    idempotent: undefined,
    nonIdempotent: 'fresh',
    timeouts: { queueTimeout: 1, sendTimeout: 1, headersTimeout: 1, bodyTimeout: 1, requestTimeout: 1 },
    acceptsTrailers: false,
    ...given,
  };
}

test.each([
  ['GET', true],
  ['HEAD', true],
  ['OPTIONS', true],
  ['TRACE', true],
  ['PUT', true],
  ['DELETE', true],
  ['QUERY', true],
  ['POST', false],
  ['PATCH', false],
  ['PROPFIND', false],
  ['get', false],
])('%s is idempotent by itself: %j', (method, expected) => {
  expect(isIdempotent(request({ method }), false)).toBe(expected);
});

test.each([
  ['GET', false],
  ['POST', true],
])('what the owner says of a %s counts: %j', (method, idempotent) => {
  expect(isIdempotent(request({ method, idempotent, fields: KEY }), true)).toBe(idempotent);
});

test('what offers another protocol is not idempotent, whatever its method and its owner say', () => {
  const offer = { method: 'GET', upgrade: 'websocket', idempotent: true, fields: KEY };
  expect(isIdempotent(request(offer), true)).toBe(false);
});

describe('an Idempotency-Key', () => {
  const body = new MemoryBody(Buffer.from('x'));

  test('proves nothing where the owner does not say that the origins honour it', () => {
    expect(isIdempotent(request({ fields: KEY, body }), false)).toBe(false);
  });

  test.each([
    ['without a body', undefined],
    ['with a body that can be sent again', body],
  ])('makes a POST %s idempotent where they do', (_name, given) => {
    expect(isIdempotent(request({ fields: KEY, body: given }), true)).toBe(true);
  });

  test('makes nothing of a POST whose body cannot be sent again', () => {
    const gone = new MemoryBody(Buffer.from('x'));
    gone.abandon();
    expect(isIdempotent(request({ fields: KEY, body: gone }), true)).toBe(false);
  });

  test.each([
    ['is declared to be', { length: 5, replayBytes: 4 }, false],
    ['is already', { length: undefined, replayBytes: 4, prefix: [Buffer.from('hello')] }, false],
    ['is not known to be', { length: undefined, replayBytes: 4, prefix: [Buffer.from('hell')] }, true],
    ['is declared not to be', { length: 4, replayBytes: 4 }, true],
  ])('of a body that %s longer than what is kept of it: %#', (_name, options, expected) => {
    const stream = new StreamBody(Readable.from([]), options);
    expect(isIdempotent(request({ fields: KEY, body: stream }), true)).toBe(expected);
  });

  test('must be there', () => {
    expect(isIdempotent(request({ body }), true)).toBe(false);
  });

  test.each(['', ' ', '""'])('that is empty is none: %j', (value) => {
    expect(isIdempotent(request({ fields: ['Idempotency-Key', value], body }), true)).toBe(false);
  });
});
