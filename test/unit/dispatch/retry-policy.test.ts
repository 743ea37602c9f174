import { describe, expect, test } from 'vitest';
import {
  type Ending,
  type FinalReason,
  judgeRetry,
  parseRetryAfter,
  type ResendReason,
  type RetryFacts,
  type RetryOn,
  withoutToken,
} from '../../../src/dispatch/retry-policy.js';

/** A GET that was sent whole on its first attempt, and to whom all limits are kind. */
const KIND: RetryFacts = {
  ending: 'closed',
  idempotent: true,
  reused: true,
  sent: 'all',
  received: 'nothing',
  headForwarded: false,
  bodySpent: false,
  attempts: 1,
  maxAttempts: 3,
  ambiguousResends: 0,
  retryOn: [],
  timeLeftMs: Number.POSITIVE_INFINITY,
  upgrade: false,
};

const OPTED_IN: readonly RetryOn[] = ['headers-timeout', 429, 500, 502, 503, 504];

/** One cell of the table: sent again and why, or not, why, and what the requester is told. */
type Cell =
  | `again: ${ResendReason}`
  | `final: ${FinalReason}, ${'fails' | 'passes'}, ${'unsent' | 'unknown' | 'answered'}`;

function cell(facts: RetryFacts): Cell {
  const verdict = judgeRetry(facts);
  if (verdict.retry) return `again: ${verdict.reason}`;
  return `final: ${verdict.reason}, ${verdict.passThrough ? 'passes' : 'fails'}, ${verdict.delivery}`;
}

/** The table: situation, its facts, the cell for an idempotent request, the cell for one that is not. */
const TABLE: readonly (readonly [string, Partial<RetryFacts>, Cell, Cell])[] = [
  // first write refused by the kernel
  ['first write refused, reused', { ending: 'refused-write', sent: 'nothing' }, 'again: unsent', 'again: unsent'],
  [
    'first write refused, fresh',
    { ending: 'refused-write', sent: 'nothing', reused: false },
    'again: unsent',
    'again: unsent',
  ],
  [
    'first write refused, upgrade',
    { ending: 'refused-write', sent: 'nothing', upgrade: true },
    'again: unsent',
    'again: unsent',
  ],
  // sent, then close or reset before any response byte
  ['closed, reused', {}, 'again: reused-closed', 'final: not-idempotent, fails, unknown'],
  ['closed, reused, sent in part', { sent: 'some' }, 'again: reused-closed', 'final: not-idempotent, fails, unknown'],
  ['closed, fresh', { reused: false }, 'again: fresh-closed', 'final: not-idempotent, fails, unknown'],
  [
    'closed, after an ambiguous re-send',
    { reused: false, attempts: 2, ambiguousResends: 1 },
    'final: ambiguous-before, fails, unknown',
    'final: not-idempotent, fails, unknown',
  ],
  ['closed, upgrade', { upgrade: true }, 'final: upgrade, fails, unknown', 'final: not-idempotent, fails, unknown'],
  // partial response head, then close
  [
    'partial head, reused',
    { ending: 'partial-head', received: 'some' },
    'again: partial-head',
    'final: not-idempotent, fails, unknown',
  ],
  [
    'partial head, fresh',
    { ending: 'partial-head', received: 'some', reused: false },
    'again: partial-head',
    'final: not-idempotent, fails, unknown',
  ],
  [
    'closed with bytes of a response',
    { received: 'some' },
    'again: partial-head',
    'final: not-idempotent, fails, unknown',
  ],
  // timeouts
  [
    'headers timeout',
    { ending: 'headers-timeout' },
    'final: timed-out, fails, unknown',
    'final: timed-out, fails, unknown',
  ],
  [
    'headers timeout, opted in',
    { ending: 'headers-timeout', retryOn: OPTED_IN },
    'again: headers-timeout',
    'final: not-idempotent, fails, unknown',
  ],
  [
    'headers timeout, opted in, once before',
    { ending: 'headers-timeout', retryOn: OPTED_IN, ambiguousResends: 1 },
    'final: ambiguous-before, fails, unknown',
    'final: not-idempotent, fails, unknown',
  ],
  [
    'send timeout, opted in',
    { ending: 'send-timeout', sent: 'some', retryOn: OPTED_IN },
    'final: timed-out, fails, unknown',
    'final: timed-out, fails, unknown',
  ],
  // 408
  [
    '408 on a reused connection',
    { ending: 'status', status: 408, received: 'all' },
    'again: idle-408',
    'final: not-idempotent, passes, answered',
  ],
  [
    '408 on a reused connection, once before',
    { ending: 'status', status: 408, received: 'all', ambiguousResends: 1 },
    'final: ambiguous-before, passes, answered',
    'final: not-idempotent, passes, answered',
  ],
  [
    '408 on a fresh connection',
    { ending: 'status', status: 408, received: 'all', reused: false },
    'final: answered, passes, answered',
    'final: answered, passes, answered',
  ],
  // other statuses, by default
  ...[200, 304, 400, 404, 409, 421, 425, 429, 500, 501, 502, 503, 504].map(
    (status) =>
      [
        `${status}`,
        { ending: 'status', status, received: 'some' },
        'final: answered, passes, answered',
        'final: answered, passes, answered',
      ] as const,
  ),
  // other statuses, opted in
  ...[200, 408, 421, 425, 501].map(
    (status) =>
      [
        `${status}, opted in, fresh`,
        { ending: 'status', status, received: 'some', retryOn: OPTED_IN, reused: false },
        'final: answered, passes, answered',
        'final: answered, passes, answered',
      ] as const,
  ),
  ...[429, 500, 502, 503, 504].map(
    (status) =>
      [
        `${status}, opted in`,
        { ending: 'status', status, received: 'some', retryOn: OPTED_IN },
        'again: status',
        'final: not-idempotent, passes, answered',
      ] as const,
  ),
  [
    '503, another one opted in',
    { ending: 'status', status: 503, received: 'some', retryOn: [502] },
    'final: answered, passes, answered',
    'final: answered, passes, answered',
  ],
  [
    '503, opted in, Retry-After of 1 s',
    { ending: 'status', status: 503, received: 'some', retryOn: OPTED_IN, retryAfterMs: 1000 },
    'again: status',
    'final: not-idempotent, passes, answered',
  ],
  [
    '503, opted in, Retry-After above 1 s',
    { ending: 'status', status: 503, received: 'some', retryOn: OPTED_IN, retryAfterMs: 1001 },
    'final: retry-after-too-long, passes, answered',
    'final: not-idempotent, passes, answered',
  ],
  [
    '503, opted in, attempts exhausted',
    { ending: 'status', status: 503, received: 'some', retryOn: OPTED_IN, attempts: 3 },
    'final: attempts-exhausted, passes, answered',
    'final: not-idempotent, passes, answered',
  ],
  // bad and truncated responses
  [
    'bad response',
    { ending: 'bad-response', received: 'some' },
    'final: bad-response, fails, unknown',
    'final: bad-response, fails, unknown',
  ],
  [
    'truncated before the head was forwarded',
    { ending: 'truncated', received: 'some' },
    'final: truncated, fails, answered',
    'final: truncated, fails, answered',
  ],
  [
    'truncated after',
    { ending: 'truncated', received: 'some', headForwarded: true },
    'final: head-forwarded, fails, answered',
    'final: head-forwarded, fails, answered',
  ],
  // body spent
  [
    'body spent, sent',
    { bodySpent: true },
    'final: body-spent, fails, unknown',
    'final: not-idempotent, fails, unknown',
  ],
  [
    'body spent, 503 opted in',
    { bodySpent: true, ending: 'status', status: 503, received: 'some', retryOn: OPTED_IN },
    'final: body-spent, passes, answered',
    'final: not-idempotent, passes, answered',
  ],
  [
    'body spent, nothing sent',
    { bodySpent: true, ending: 'refused-write', sent: 'nothing' },
    'again: unsent',
    'again: unsent',
  ],
  // the request's own failure
  [
    'request failed',
    { ending: 'request-failed', sent: 'some' },
    'final: request-failed, fails, unknown',
    'final: request-failed, fails, unknown',
  ],
  [
    'request failed, nothing sent',
    { ending: 'request-failed', sent: 'nothing' },
    'final: request-failed, fails, unsent',
    'final: request-failed, fails, unsent',
  ],
  [
    'nothing sent, and the head of another attempt is with the client',
    { ending: 'refused-write', sent: 'nothing', headForwarded: true },
    'final: head-forwarded, fails, answered',
    'final: head-forwarded, fails, answered',
  ],
  // limits, in order
  [
    'attempts exhausted',
    { attempts: 3 },
    'final: attempts-exhausted, fails, unknown',
    'final: not-idempotent, fails, unknown',
  ],
  [
    'attempts exhausted, nothing sent',
    { ending: 'refused-write', sent: 'nothing', attempts: 3 },
    'final: attempts-exhausted, fails, unsent',
    'final: attempts-exhausted, fails, unsent',
  ],
  [
    'deadline passed',
    { timeLeftMs: 0 },
    'final: deadline-passed, fails, unknown',
    'final: not-idempotent, fails, unknown',
  ],
  [
    'deadline would pass during the delay',
    { ending: 'status', status: 503, received: 'some', retryOn: OPTED_IN, retryAfterMs: 500, timeLeftMs: 400 },
    'final: deadline-passed, passes, answered',
    'final: not-idempotent, passes, answered',
  ],
  [
    'attempts exhausted and deadline passed',
    { attempts: 3, timeLeftMs: -1 },
    'final: attempts-exhausted, fails, unknown',
    'final: not-idempotent, fails, unknown',
  ],
];

describe('when a request is sent again', () => {
  test.each(TABLE)('%s', (_situation, facts, idempotent, notIdempotent) => {
    expect([cell({ ...KIND, ...facts }), cell({ ...KIND, ...facts, idempotent: false })]).toEqual([
      idempotent,
      notIdempotent,
    ]);
  });

  test('without a token the request fails, and a response that is here passes', () => {
    expect(withoutToken({ ...KIND, reused: false })).toEqual({
      retry: false,
      reason: 'budget-empty',
      delivery: 'unknown',
      countsAgainstHealth: true,
      passThrough: false,
    });
    expect(withoutToken({ ...KIND, ending: 'status', status: 503 })).toMatchObject({
      passThrough: true,
      delivery: 'answered',
    });
  });
});

describe('what a re-send costs and where it goes', () => {
  const race = { where: 'fresh', costsToken: false, preferOtherOrigin: false, countsAgainstHealth: false, delayMs: 0 };
  const fault = { where: 'fresh', costsToken: true, preferOtherOrigin: true, countsAgainstHealth: true, delayMs: 0 };
  const status = { ...fault, countsAgainstHealth: false };

  test.each<readonly [string, Partial<RetryFacts>, object]>([
    ['a reused connection closed', {}, { ...race, ambiguous: true }],
    [
      'a reused connection refused the write',
      { ending: 'refused-write', sent: 'nothing' },
      { ...race, ambiguous: false },
    ],
    ['408 on a reused connection', { ending: 'status', status: 408 }, { ...race, ambiguous: true }],
    ['a fresh connection closed', { reused: false }, { ...fault, ambiguous: true }],
    [
      'a fresh connection refused the write',
      { ending: 'refused-write', sent: 'nothing', reused: false },
      { ...fault, ambiguous: false },
    ],
    [
      'half a head on a fresh connection',
      { ending: 'partial-head', received: 'some', reused: false },
      { ...fault, ambiguous: true },
    ],
    [
      'half a head on a reused connection',
      { ending: 'partial-head', received: 'some' },
      { ...fault, countsAgainstHealth: false, ambiguous: true },
    ],
    [
      'a headers timeout on a fresh connection',
      { ending: 'headers-timeout', retryOn: OPTED_IN, reused: false },
      { ...fault, ambiguous: true },
    ],
    [
      'a headers timeout on a reused connection',
      { ending: 'headers-timeout', retryOn: OPTED_IN },
      { ...fault, countsAgainstHealth: false, ambiguous: true },
    ],
    [
      '408 on a reused connection with a Retry-After of 5 s, which is not about our request',
      { ending: 'status', status: 408, retryAfterMs: 5_000 },
      { ...race, ambiguous: true },
    ],
    ['503', { ending: 'status', status: 503, retryOn: OPTED_IN, reused: false }, { ...status, ambiguous: false }],
    [
      '429 with a Retry-After of 700 ms',
      { ending: 'status', status: 429, retryOn: OPTED_IN, retryAfterMs: 700 },
      { ...status, delayMs: 700, ambiguous: false },
    ],
  ])('%s', (_situation, facts, expected) => {
    expect(judgeRetry({ ...KIND, ...facts })).toMatchObject({ retry: true, ...expected });
  });

  test.each<readonly [Ending, boolean, boolean]>([
    ['refused-write', true, false],
    ['closed', true, false],
    ['partial-head', true, false],
    ['send-timeout', true, false],
    ['headers-timeout', true, false],
    ['truncated', true, false],
    ['bad-response', false, false],
    ['status', false, false],
    ['request-failed', false, false],
  ])('%s counts against health: on a fresh connection %s, on a reused one %s', (ending, fresh, reused) => {
    const counts = (facts: Partial<RetryFacts>) => judgeRetry({ ...KIND, ending, ...facts }).countsAgainstHealth;
    expect([counts({ reused: false }), counts({ reused: true })]).toEqual([fresh, reused]);
  });
});

// --- every combination -------------------------------------------------------------------------------------------------

const ENDINGS: readonly Ending[] = [
  'refused-write',
  'closed',
  'partial-head',
  'bad-response',
  'send-timeout',
  'headers-timeout',
  'status',
  'truncated',
  'request-failed',
];
const STATUSES = [undefined, 200, 408, 421, 503] as const;
const RETRY_AFTERS = [undefined, 1000, 1001] as const;
const PROGRESS = ['nothing', 'some', 'all'] as const;

/** Every combination of facts, the impossible ones too. The facts that have two values are the bits of a number. */
function everyCombination(): RetryFacts[] {
  const combinations: RetryFacts[] = [];
  for (const ending of ENDINGS) {
    for (const status of ending === 'status' ? STATUSES : [undefined]) {
      for (const retryAfterMs of ending === 'status' ? RETRY_AFTERS : [undefined]) {
        for (const sent of PROGRESS) {
          for (const received of PROGRESS) {
            for (let bits = 0; bits < 512; bits += 1) {
              combinations.push({
                ending,
                status,
                retryAfterMs,
                sent,
                received,
                idempotent: (bits & 1) !== 0,
                reused: (bits & 2) !== 0,
                headForwarded: (bits & 4) !== 0,
                bodySpent: (bits & 8) !== 0,
                upgrade: (bits & 16) !== 0,
                attempts: bits & 32 ? 2 : 1,
                maxAttempts: 2,
                timeLeftMs: bits & 64 ? 0 : Number.POSITIVE_INFINITY,
                ambiguousResends: bits & 128 ? 1 : 0,
                retryOn: bits & 256 ? OPTED_IN : [],
              });
            }
          }
        }
      }
    }
  }
  return combinations;
}

describe('for every combination of facts', () => {
  const combinations = everyCombination();

  /** The first combination that is sent again although it must not be. */
  function sentAgainAlthough(forbidden: (facts: RetryFacts) => boolean): RetryFacts | undefined {
    let judged = 0;
    for (const facts of combinations) {
      if (!forbidden(facts)) continue;
      judged += 1;
      if (judgeRetry(facts).retry) return facts;
    }
    expect(judged).toBeGreaterThan(1000);
    return undefined;
  }

  test.each<readonly [string, (facts: RetryFacts) => boolean]>([
    ['not idempotent and anything sent', (facts) => !facts.idempotent && facts.sent !== 'nothing'],
    ['the head was forwarded', (facts) => facts.headForwarded],
    ['the body is spent and anything was sent', (facts) => facts.bodySpent && facts.sent !== 'nothing'],
    ['an upgrade of which anything was sent', (facts) => facts.upgrade && facts.sent !== 'nothing'],
    ['no attempt is left', (facts) => facts.attempts >= facts.maxAttempts],
    ['the deadline has passed', (facts) => facts.timeLeftMs <= 0],
    ['the request itself failed', (facts) => facts.ending === 'request-failed'],
    [
      'Retry-After is above a second',
      (facts) => facts.sent !== 'nothing' && facts.retryAfterMs === 1001 && facts.status !== 408,
    ],
  ])('never again: %s', (_rule, forbidden) => {
    expect(sentAgainAlthough(forbidden)).toBe(undefined);
  });

  test('at most one re-send is ambiguous, and whatever was sent without an answer is', () => {
    for (const facts of combinations) {
      const verdict = judgeRetry(facts);
      if (!verdict.retry) continue;
      if (verdict.ambiguous && facts.ambiguousResends > 0) expect(facts).toBe('not sent again');
      if (!verdict.ambiguous && facts.sent !== 'nothing' && facts.ending !== 'status') expect(facts).toBe('ambiguous');
    }
  });

  test('a reused connection never counts against health', () => {
    for (const facts of combinations) {
      if (facts.reused && judgeRetry(facts).countsAgainstHealth) expect(facts).toBe('not counted');
    }
  });

  test('a response passes only when it answers what was sent and no byte of it was forwarded', () => {
    for (const facts of combinations) {
      const verdict = judgeRetry(facts);
      if (verdict.retry || !verdict.passThrough) continue;
      const answers = facts.ending === 'status' && facts.sent !== 'nothing' && !facts.headForwarded;
      if (!answers || verdict.delivery !== 'answered') expect(facts).toBe('not passed');
    }
  });

  test('delivery is unsent exactly when nothing was sent or forwarded', () => {
    for (const facts of combinations) {
      const verdict = judgeRetry(facts);
      if (verdict.retry) continue;
      const unsent = facts.sent === 'nothing' && !facts.headForwarded;
      if ((verdict.delivery === 'unsent') !== unsent) expect(facts).toBe(unsent ? 'unsent' : 'not unsent');
    }
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 30);

  test.each<readonly [string, number | undefined]>([
    ['0', 0],
    ['1', 1000],
    ['120', 120_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 7000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 7000],
    ['Sun Nov  6 08:49:37 1994', 7000],
    ['Wed Nov 16 08:49:30 1994', 10 * 86_400_000],
    ['x Sun, 06 Nov 1994 08:49:37 GMT', undefined],
    ['Sun, 06 Nov 1994 08:49:37 GMT+1', undefined],
    ['x Sunday, 06-Nov-94 08:49:37 GMT', undefined],
    ['Sunday, 06-Nov-94 08:49:37 GMT+1', undefined],
    ['x Sun Nov  6 08:49:37 1994', undefined],
    ['Sun Nov  6 08:49:37 1994 GMT', undefined],
    ['Sun, 06 Nov 1994 08:49:00 GMT', 0],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['1e3', undefined],
    ['soon', undefined],
    ['1994-11-06', undefined],
    ['Sun, 99 Nov 1994 08:49:37 GMT', undefined],
    ['Sun, 06 Foo 1994 08:49:37 GMT', undefined],
  ])('%j is %s ms', (value, ms) => {
    expect(parseRetryAfter(value, now)).toBe(ms);
  });

  // RFC 9110 §5.6.7: all three forms are in UTC, and one of them does not say so.
  test('a date is in UTC wherever the machine stands', () => {
    const { TZ } = process.env;
    process.env.TZ = 'America/New_York';
    try {
      expect(parseRetryAfter('Sun Nov  6 08:49:37 1994', now)).toBe(7000);
    } finally {
      if (TZ === undefined) delete process.env.TZ;
      else process.env.TZ = TZ;
    }
  });
});
