import { describe, expect, test } from 'vitest';
import type { Exchange } from '../../../src/connection/exchange.js';
import type { ExchangeEnding } from '../../../src/connection/exchange-ending.js';
import { Attempts } from '../../../src/dispatch/retry/attempts.js';
import { BackendError, type Phase, type Progress } from '../../../src/errors.js';
import { MemoryBackend } from '../../memory-backend.js';

/** What was tried of a request that a backend sends: its exchange is as far as the peer lets it be. */
async function triedUntil(answer: string): Promise<{ phase: Phase; sent: Progress; received: Progress }[]> {
  const backend = await MemoryBackend.open();
  const caller = await backend.sent({ method: 'POST', nonIdempotent: 'any' });
  const peer = await backend.accept();
  if (answer !== '') peer.send(answer);
  await backend.settle();
  peer.reset();
  await backend.settle();
  return caller.failure.attempts.map(({ phase, sent, received }) => ({ phase, sent, received }));
}

describe('an attempt that broke off says how far it came', () => {
  test.each<[string, string, Phase, Progress]>([
    ['after it was sent', '', 'wait', 'nothing'],
    ['inside the head', 'HTTP/1.1 200 OK\r\nConte', 'response-head', 'some'],
    ['inside the body', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx', 'response-body', 'some'],
  ])('%s', async (_name, answer, phase, received) => {
    expect(await triedUntil(answer)).toEqual([{ phase, sent: 'all', received }]);
  });
});

describe('the delivery of all attempts together', () => {
  function attempts(...sent: Progress[]): Attempts {
    const all = new Attempts();
    for (const one of sent) {
      all.begin('http://a.test:80', false, 0);
      all.record(undefined, new Error('broken')).sent = one;
    }
    return all;
  }

  test.each<[string, Progress[], string]>([
    ['nothing was tried', [], 'unsent'],
    ['nothing was sent', ['nothing', 'nothing'], 'unsent'],
    ['any of them was sent in part', ['some', 'nothing'], 'unknown'],
  ])('where %s', (_name, sent, delivery) => {
    expect(attempts(...sent).delivery).toBe(delivery);
  });

  test('where the requester has the head', () => {
    const all = attempts('all');
    all.headForwarded = true;
    expect(all.delivery).toBe('answered');
  });
});

test('the error for the requester has the cause, its code and all attempts', () => {
  const all = new Attempts();
  all.begin('http://a.test:80', true, 0);
  const cause = new BackendError('connection_terminated', 'it closed', { retryAfter: 3 });
  all.record(undefined, cause);
  const error = all.failure(cause);
  expect(error).toMatchObject({ code: 'connection_terminated', message: 'it closed', retryAfter: 3 });
  expect(error.cause).toBeUndefined();
  expect(error.origin).toBe('http://a.test:80');
  expect(error.attempts).toEqual([
    { origin: 'http://a.test:80', phase: 'checkout', reused: true, sent: 'nothing', received: 'nothing', cause },
  ]);
});

test('the error for the requester has the system error as its cause where there is one', () => {
  const system = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
  const error = new Attempts().failure(new BackendError('connection_terminated', 'it closed', { cause: system }));
  expect(error.cause).toBe(system);
});

test.each<[string, string]>([
  ['nothing', 'unknown'],
  ['HTTP/1.1 200 OK\r\nConte', 'unknown'],
  ['garbage', 'unknown'],
  ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx', 'answered'],
])('no cause of a failure calls a request unsent that was sent, after %j', async (answer, delivery) => {
  const backend = await MemoryBackend.open();
  const caller = await backend.sent({ method: 'POST', nonIdempotent: 'any' });
  const peer = await backend.accept();
  if (answer !== 'nothing') peer.send(answer);
  peer.fin();
  await backend.settle();
  const errors = [caller.failure, caller.failure.attempts[0]?.cause].flatMap(causes);
  expect(new Set(errors.map((error) => error.delivery))).toEqual(new Set([delivery]));
});

test('nor does that of a response for which the request was sent again', async () => {
  const backend = await MemoryBackend.open({ retryOn: [503], maxAttempts: 2 });
  const caller = await backend.sent();
  (await backend.accept()).answer({ status: 503, close: true });
  await backend.settle();
  (await backend.accept()).fin();
  await backend.settle();
  expect(caller.failure.attempts.map(({ cause }) => cause)).toMatchObject([
    { message: 'answered 503', delivery: 'unknown' },
    { code: 'connection_terminated', delivery: 'unknown' },
  ]);
});

test.each(['client_aborted', 'backend_closed'] as const)(
  'the cause of %s is what the application gave, though that is the error of another request, which was not sent',
  (code) => {
    const given = new BackendError('connection_limit_reached', 'the queue is full');
    const cause = new BackendError(code, 'it ended the request', { cause: given });
    const all = new Attempts().begin('http://a.test:80', false, 0);
    all.record(undefined, undefined).sent = 'all';
    expect(all.failure(cause).cause).toBe(given);
    expect(all.record(undefined, cause).cause).toMatchObject({ delivery: 'unknown', cause: given });
    expect(given.delivery).toBe('unsent');
  },
);

/** A BackendError and those among its causes. */
function causes(error: unknown): BackendError[] {
  return BackendError.is(error) ? [error, ...causes(error.cause)] : [];
}

test('an end without a beginning is refused', () => {
  expect(() => new Attempts().record(undefined, undefined)).toThrow('that was not begun');
});

test.each<[ExchangeEnding, Progress, boolean, string]>([
  ['closed', 'nothing', false, 'closed'],
  ['closed', 'some', false, 'partial-head'],
  ['closed', 'some', true, 'truncated'],
  ['garbage', 'some', false, 'bad-response'],
  ['garbage', 'some', true, 'truncated'],
  ['headers-timeout', 'nothing', false, 'headers-timeout'],
  ['send-timeout', 'nothing', false, 'send-timeout'],
  ['send-timeout', 'some', true, 'truncated'],
  ['body-timeout', 'some', true, 'truncated'],
  ['body-failed', 'nothing', false, 'request-failed'],
])(
  'an exchange that ended with %s, %s received, head forwarded %j, is judged as %s',
  (ending, received, forwarded, as) => {
    const all = new Attempts();
    all.headForwarded = forwarded;
    const exchange: Pick<Exchange, 'received'> = { received };
    expect(all.endingOf(ending, exchange as Exchange)).toBe(as);
  },
);
