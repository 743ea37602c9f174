import { describe, expect, test, vi } from 'vitest';
import { asBackendError, BackendError } from '../../src/errors.js';

test('an error says what happened, what to tell the client, and whether it may have been processed', () => {
  const cause = new Error('read ECONNRESET');
  const attempt = {
    origin: 'http://o',
    phase: 'wait',
    reused: true,
    sent: 'all',
    received: 'nothing',
    cause,
  } as const;
  const counts = [{ origin: 'http://o', busy: 1, idle: 0, spare: 0, dialling: 0 }];
  const error = new BackendError('connection_terminated', 'http://o closed the connection', {
    delivery: 'unknown',
    origin: 'http://o',
    attempts: [attempt],
    counts,
    cause,
  });
  expect(error).toMatchObject({
    name: 'BackendError',
    message: 'http://o closed the connection',
    code: 'connection_terminated',
    statusCode: 502,
    delivery: 'unknown',
    origin: 'http://o',
    attempts: [attempt],
    counts,
    cause,
    retryAfter: undefined,
  });
  expect(error).toBeInstanceOf(Error);
  expect(String(error)).toBe('BackendError: http://o closed the connection');
});

test('without details nothing was sent and nothing tried', () => {
  const error = new BackendError('connection_limit_reached', 'full');
  expect(error).toMatchObject({ delivery: 'unsent', attempts: [], counts: [], origin: undefined, statusCode: 503 });
  expect('cause' in error).toBe(false);
});

test.each([
  ['connection_refused', 502],
  ['connection_terminated', 502],
  ['http_response_incomplete', 502],
  ['http_protocol_error', 502],
  ['tls_certificate_error', 502],
  ['dns_error', 502],
  ['connection_timeout', 504],
  ['connection_read_timeout', 504],
  ['connection_write_timeout', 504],
  ['http_response_timeout', 504],
  ['connection_limit_reached', 503],
  ['destination_unavailable', 503],
  ['backend_closed', 503],
  ['http_request_error', 400],
  ['client_aborted', 499],
  ['body_already_read', 500],
  ['proxy_internal_error', 500],
] as const)('%s is told to clients as %i', (code, status) => {
  expect(new BackendError(code, '').statusCode).toBe(status);
});

test('a code that is none of these has the status 500, so that its client gets an answer', () => {
  expect(new BackendError('forbidden' as never, 'no').statusCode).toBe(500);
});

describe('BackendError.is', () => {
  test('knows its own and nothing else', () => {
    const lookalike = Object.assign(new Error('x'), { code: 'connection_refused', name: 'BackendError' });
    const values = [new BackendError('dns_error', ''), lookalike, undefined, null, 'BackendError', () => undefined];
    expect(values.map((value) => BackendError.is(value))).toEqual([true, false, false, false, false, false]);
  });

  test('knows that of another copy of the library', async () => {
    vi.resetModules();
    const other = await import('../../src/errors.js');
    const error = new other.BackendError('dns_error', '');
    expect([error instanceof BackendError, BackendError.is(error)]).toEqual([false, true]);
  });

  test('the brand is no field: it is neither listed nor copied', () => {
    const error = new BackendError('dns_error', '');
    expect([Object.getOwnPropertySymbols(error), BackendError.is({ ...error })]).toEqual([[], false]);
  });
});

test('in JSON it has its message and those of its causes, once each', () => {
  const cause = new BackendError('http_response_incomplete', 'closed without a byte', { delivery: 'unsent' });
  const attempt = { origin: 'http://o', phase: 'wait', reused: true, sent: 'all', received: 'nothing' } as const;
  const error = new BackendError('connection_terminated', 'http://o closed', {
    ...{ delivery: 'unknown', origin: 'http://o', cause },
    attempts: [{ ...attempt, cause }, attempt],
  });
  expect(JSON.parse(JSON.stringify({ error }))).toEqual({
    error: {
      ...{ name: 'BackendError', message: 'http://o closed', code: 'connection_terminated', statusCode: 502 },
      ...{ delivery: 'unknown', origin: 'http://o', counts: [], cause: 'closed without a byte' },
      attempts: [{ ...attempt, cause: 'closed without a byte' }, attempt],
    },
  });
});

describe('asBackendError', () => {
  test('leaves one as it is', () => {
    const error = new BackendError('dns_error', '');
    expect(asBackendError(error)).toBe(error);
  });

  test.each([
    [new TypeError('boom'), 'boom'],
    ['a string', 'a string'],
    [undefined, 'undefined'],
    [Symbol('of mine'), 'Symbol(of mine)'],
    [Object.create(null), 'something of type object was thrown'],
  ])('makes of %s a proxy_internal_error that says what was thrown', (thrown, message) => {
    const { code, statusCode, message: said, cause } = asBackendError(thrown);
    expect({ code, statusCode, said, cause }).toEqual({
      code: 'proxy_internal_error',
      statusCode: 500,
      said: message,
      cause: thrown,
    });
  });
});
