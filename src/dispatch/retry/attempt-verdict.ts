/** What becomes of a request whose attempt has ended: collects the facts, has them judged, and takes what a re-send costs. */

import { fieldValue } from '../../http1/fields.js';
import type { ResponseHead } from '../../http1/response-head.js';
import { parseRetryAfter } from '../../http1/retry-after.js';
import type { ResolvedOptions } from '../../options.js';
import type { Clock } from '../../time/clock.js';
import type { OutgoingRequest } from '../request.js';
import type { TimeBudget } from '../time-budget.js';
import type { Attempts } from './attempts.js';
import type { RetryBudget } from './retry-budget.js';
import { type AttemptEnding, judgeRetry, type RetryFacts, type Verdict, withoutToken } from './retry-policy.js';

/** A request whose attempt has ended. */
export interface EndedAttempt {
  readonly ending: AttemptEnding;
  /** With the ending `status`. */
  readonly head?: ResponseHead;
  readonly attempts: Attempts;
  readonly run: { readonly request: OutgoingRequest; readonly timeBudget: TimeBudget; readonly idempotent: boolean };
}

/** How often, and after which ends, requests may be sent again. */
export interface RetrySetting {
  readonly clock: Clock;
  readonly options: Pick<ResolvedOptions, 'maxAttempts' | 'retryOn'>;
  readonly budget: RetryBudget;
}

/** A re-send that costs a token has taken it from the budget. */
export function attemptVerdict(ended: EndedAttempt, setting: RetrySetting): Verdict {
  const facts = factsOf(ended, setting);
  const verdict = judgeRetry(facts);
  const lacksToken = verdict.retry && verdict.isFault && !setting.budget.tryWithdraw();
  return lacksToken ? withoutToken(facts) : verdict;
}

function factsOf(ended: EndedAttempt, { options, clock }: RetrySetting): RetryFacts {
  const { ending, head, attempts, run } = ended;
  const { request, timeBudget, idempotent } = run;
  const retryAfter = head === undefined ? undefined : fieldValue(head.rawHeaders, 'retry-after');
  return {
    ending,
    status: head?.statusCode,
    retryAfterMs: retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, clock.wallNow()),
    idempotent,
    ...attempts.facts,
    bodySpent: request.body?.replayable === false,
    maxAttempts: options.maxAttempts,
    retryOn: options.retryOn,
    timeLeftMs: timeBudget.leftMs(),
  };
}
