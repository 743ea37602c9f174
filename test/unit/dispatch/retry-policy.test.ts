import { describe, expect, test } from 'vitest';
import {
  type AttemptEnding,
  type FinalReason,
  judgeRetry,
  type RetryFacts,
  withoutToken,
} from '../../../src/dispatch/retry/retry-policy.js';
import type { ResendReason } from '../../../src/observe/reasons.js';
import type { RetryCondition } from '../../../src/options.js';

/** A GET that was sent whole on its first attempt, and to whom all limits are kind. */
const KIND: RetryFacts = {
  ending: 'closed',
  idempotent: true,
  reused: true,
  sent: 'all',
  headForwarded: false,
  bodySpent: false,
  attempts: 1,
  maxAttempts: 3,
  ambiguousResends: 0,
  retryOn: [],
  timeLeftMs: Number.POSITIVE_INFINITY,
};

const OPTED_IN: readonly RetryCondition[] = ['headers-timeout', 429, 500, 502, 503, 504];

/** One cell of the table: sent again and why, or why not. */
type Cell = `again: ${ResendReason}` | `final: ${FinalReason}`;

function cell(facts: RetryFacts): Cell {
  const verdict = judgeRetry(facts);
  return verdict.retry ? `again: ${verdict.reason}` : `final: ${verdict.reason}`;
}

/** The table: situation, its facts, the cell for an idempotent request, the cell for one that is not. */
const TABLE: readonly (readonly [string, Partial<RetryFacts>, Cell, Cell])[] = [
  // first write refused by the kernel
  ['first write refused, reused', { sent: 'nothing' }, 'again: unsent', 'again: unsent'],
  ['first write refused, fresh', { sent: 'nothing', reused: false }, 'again: unsent', 'again: unsent'],
  // sent, then close or reset before any response byte
  ['closed, reused', {}, 'again: reused-closed', 'final: not-idempotent'],
  ['closed, reused, sent in part', { sent: 'some' }, 'again: reused-closed', 'final: not-idempotent'],
  ['closed, fresh', { reused: false }, 'again: fresh-closed', 'final: not-idempotent'],
  [
    'closed, after an ambiguous re-send',
    { reused: false, attempts: 2, ambiguousResends: 1 },
    'final: ambiguous-before',
    'final: not-idempotent',
  ],
  // partial response head, then close
  ['partial head, reused', { ending: 'partial-head' }, 'again: partial-head', 'final: not-idempotent'],
  ['partial head, fresh', { ending: 'partial-head', reused: false }, 'again: partial-head', 'final: not-idempotent'],
  // timeouts
  ['headers timeout', { ending: 'headers-timeout' }, 'final: timed-out', 'final: timed-out'],
  [
    'headers timeout, opted in',
    { ending: 'headers-timeout', retryOn: OPTED_IN },
    'again: headers-timeout',
    'final: not-idempotent',
  ],
  [
    'headers timeout, opted in, once before',
    { ending: 'headers-timeout', retryOn: OPTED_IN, ambiguousResends: 1 },
    'final: ambiguous-before',
    'final: not-idempotent',
  ],
  [
    'send timeout, opted in',
    { ending: 'send-timeout', sent: 'some', retryOn: OPTED_IN },
    'final: timed-out',
    'final: timed-out',
  ],
  // 408
  ['408 on a reused connection', { ending: 'status', status: 408 }, 'again: idle-408', 'final: not-idempotent'],
  [
    '408 on a reused connection, once before',
    { ending: 'status', status: 408, ambiguousResends: 1 },
    'final: ambiguous-before',
    'final: not-idempotent',
  ],
  ['408 on a fresh connection', { ending: 'status', status: 408, reused: false }, 'final: answered', 'final: answered'],
  // other statuses, by default
  ...[200, 304, 400, 404, 409, 421, 425, 429, 500, 501, 502, 503, 504].map(
    (status) => [`${status}`, { ending: 'status', status }, 'final: answered', 'final: answered'] as const,
  ),
  // other statuses, opted in
  ...[200, 408, 421, 425, 501].map(
    (status) =>
      [
        `${status}, opted in, fresh`,
        { ending: 'status', status, retryOn: OPTED_IN, reused: false },
        'final: answered',
        'final: answered',
      ] as const,
  ),
  ...[429, 500, 502, 503, 504].map(
    (status) =>
      [
        `${status}, opted in`,
        { ending: 'status', status, retryOn: OPTED_IN },
        'again: status',
        'final: not-idempotent',
      ] as const,
  ),
  [
    '503, another one opted in',
    { ending: 'status', status: 503, retryOn: [502] },
    'final: answered',
    'final: answered',
  ],
  [
    '503, opted in, Retry-After of 1 s',
    { ending: 'status', status: 503, retryOn: OPTED_IN, retryAfterMs: 1000 },
    'again: status',
    'final: not-idempotent',
  ],
  [
    '503, opted in, Retry-After above 1 s',
    { ending: 'status', status: 503, retryOn: OPTED_IN, retryAfterMs: 1001 },
    'final: retry-after-too-long',
    'final: not-idempotent',
  ],
  [
    '503, opted in, attempts exhausted',
    { ending: 'status', status: 503, retryOn: OPTED_IN, attempts: 3 },
    'final: attempts-exhausted',
    'final: not-idempotent',
  ],
  // bad and truncated responses
  ['bad response', { ending: 'bad-response' }, 'final: bad-response', 'final: bad-response'],
  ['truncated before the head was forwarded', { ending: 'truncated' }, 'final: truncated', 'final: truncated'],
  ['truncated after', { ending: 'truncated', headForwarded: true }, 'final: head-forwarded', 'final: head-forwarded'],
  // body spent
  ['body spent, sent', { bodySpent: true }, 'final: body-spent', 'final: not-idempotent'],
  [
    'body spent, 503 opted in',
    { bodySpent: true, ending: 'status', status: 503, retryOn: OPTED_IN },
    'final: body-spent',
    'final: not-idempotent',
  ],
  ['body spent, nothing sent', { bodySpent: true, sent: 'nothing' }, 'again: unsent', 'again: unsent'],
  // the request's own failure
  ['request failed', { ending: 'request-failed', sent: 'some' }, 'final: request-failed', 'final: request-failed'],
  [
    'request failed, nothing sent',
    { ending: 'request-failed', sent: 'nothing' },
    'final: request-failed',
    'final: request-failed',
  ],
  [
    'nothing sent, and the head of another attempt is with the client',
    { sent: 'nothing', headForwarded: true },
    'final: head-forwarded',
    'final: head-forwarded',
  ],
  // limits, in order
  ['attempts exhausted', { attempts: 3 }, 'final: attempts-exhausted', 'final: not-idempotent'],
  [
    'attempts exhausted, nothing sent',
    { sent: 'nothing', attempts: 3 },
    'final: attempts-exhausted',
    'final: attempts-exhausted',
  ],
  ['deadline passed', { timeLeftMs: 0 }, 'final: deadline-passed', 'final: not-idempotent'],
  [
    'deadline would pass during the delay',
    { ending: 'status', status: 503, retryOn: OPTED_IN, retryAfterMs: 500, timeLeftMs: 400 },
    'final: deadline-passed',
    'final: not-idempotent',
  ],
  [
    'attempts exhausted and deadline passed',
    { attempts: 3, timeLeftMs: -1 },
    'final: attempts-exhausted',
    'final: not-idempotent',
  ],
];

describe('when a request is sent again', () => {
  test.each(TABLE)('%s', (_situation, facts, idempotent, notIdempotent) => {
    expect([cell({ ...KIND, ...facts }), cell({ ...KIND, ...facts, idempotent: false })]).toEqual([
      idempotent,
      notIdempotent,
    ]);
  });

  test('without a token it is not', () => {
    expect(withoutToken({ ...KIND, reused: false })).toEqual({
      retry: false,
      reason: 'budget-empty',
      countsAgainstHealth: true,
    });
  });
});

describe('what a re-send costs and where it goes', () => {
  const race = { isFault: false, countsAgainstHealth: false, delayMs: 0 };
  const fault = { isFault: true, countsAgainstHealth: true, delayMs: 0 };
  const status = { ...fault, countsAgainstHealth: false };

  test.each<readonly [string, Partial<RetryFacts>, object]>([
    ['a reused connection closed', {}, { ...race, ambiguous: true }],
    ['a reused connection refused the write', { sent: 'nothing' }, { ...race, ambiguous: false }],
    ['408 on a reused connection', { ending: 'status', status: 408 }, { ...race, ambiguous: true }],
    ['a fresh connection closed', { reused: false }, { ...fault, ambiguous: true }],
    ['a fresh connection refused the write', { sent: 'nothing', reused: false }, { ...fault, ambiguous: false }],
    ['half a head on a fresh connection', { ending: 'partial-head', reused: false }, { ...fault, ambiguous: true }],
    [
      'half a head on a reused connection',
      { ending: 'partial-head' },
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

  test.each<readonly [AttemptEnding, boolean, boolean]>([
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

const ENDINGS: readonly AttemptEnding[] = [
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
          for (let bits = 0; bits < 256; bits += 1) {
            combinations.push({
              ending,
              status,
              retryAfterMs,
              sent,
              idempotent: (bits & 1) !== 0,
              reused: (bits & 2) !== 0,
              headForwarded: (bits & 4) !== 0,
              bodySpent: (bits & 8) !== 0,
              attempts: bits & 16 ? 2 : 1,
              maxAttempts: 2,
              timeLeftMs: bits & 32 ? 0 : Number.POSITIVE_INFINITY,
              ambiguousResends: bits & 64 ? 1 : 0,
              retryOn: bits & 128 ? OPTED_IN : [],
            });
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
    expect(judged).toBeGreaterThan(500);
    return undefined;
  }

  test.each<readonly [string, (facts: RetryFacts) => boolean]>([
    ['not idempotent and anything sent', (facts) => !facts.idempotent && facts.sent !== 'nothing'],
    ['the head was forwarded', (facts) => facts.headForwarded],
    ['the body is spent and anything was sent', (facts) => facts.bodySpent && facts.sent !== 'nothing'],
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
});
