/** What a connection is told at its birth. */

import type { Clock } from '../clock.js';
import type { Deadlines } from '../deadlines.js';
import type { ParserLimits } from '../http1/parser-limits.js';
import type { RepeatedHead } from '../http1/repeated-head.js';

/** What a connection needs from the backend it lives in. */
export interface ConnectionSetting {
  readonly origin: string;
  readonly secure: boolean;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly limits: ParserLimits;
  /** Of the origin: its connections read the same heads. */
  readonly repeated: RepeatedHead;
  readonly window: Buffer;
}
