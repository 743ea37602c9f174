/** What a run needs of its dispatcher. */

import type { BackendError } from '../errors.js';
import type { Observer } from '../observe/observer.js';
import type { ResolvedOptions } from '../options.js';
import type { Origin } from '../origin/origin.js';
import type { Deadlines } from '../time/deadlines.js';
import type { RetrySetting } from './retry/attempt-verdict.js';
import type { TurnEnd } from './turn-end.js';

/** What all runs share. */
export interface RunSetting extends RetrySetting {
  readonly deadlines: Deadlines;
  readonly observer: Observer;
  readonly options: Pick<ResolvedOptions, 'maxAttempts' | 'retryOn' | 'idempotencyKey'>;
  readonly turnEnd: TurnEnd;
}

export interface RunDispatcher<Run> extends RunSetting {
  admit(run: Run): void;
  enqueue(run: Run): void;
  resend(run: Run, last: Origin, preferOther: boolean): void;
  leave(run: Run): void;
  waitedOut(run: Run): BackendError;
  finished(run: Run, exchangeMs: number | undefined): void;
}
