/** The options of a backend as the library uses them: checked, every default filled in, frozen. */

import type { ResolvedAdaptiveConcurrency } from './adaptive-concurrency.js';
import type { PooledBackendOptions } from './backend.js';
import type { ResolvedConnect } from './connect.js';
import type { ClusterTotal } from './connections.js';
import type { ResolvedDns } from './discovery.js';
import type { ResolvedEjection } from './ejection.js';
import type { ResolvedCheck } from './health-check.js';
import type { IdempotentOption } from './hooks.js';
import type { Logger } from './logger.js';
import type { ResolvedOrigin } from './origins.js';
import type { ResolvedRetryBudget } from './retry.js';
import type { Complete } from './rules.js';
import type { ResolvedSticky } from './sticky.js';
import type { SubsetOptions } from './subset.js';

type Whole =
  | 'origins'
  | 'maxConnections'
  | 'dns'
  | 'subset'
  | 'idempotent'
  | 'retryBudget'
  | 'sticky'
  | 'ejection'
  | 'check'
  | 'adaptiveConcurrency'
  | 'connect'
  | 'logger';

/** The options of a backend with every default filled in. Frozen. */
export interface ResolvedOptions extends Complete<Omit<PooledBackendOptions, Whole>> {
  /** The current origins, without those being removed; empty if they are discovered at run time. */
  readonly origins: readonly ResolvedOrigin[];
  /** Limit of this process, or the total its cluster primary assigns it a share of. */
  readonly maxConnections: number | ClusterTotal;
  /** `undefined` if the origins are not found by the option `dns`. */
  readonly dns: ResolvedDns | undefined;
  /** `undefined` uses all origins. */
  readonly subset: SubsetOptions | undefined;
  /** `undefined` decides by the method. */
  readonly idempotent: IdempotentOption | undefined;
  /** Token bucket that limits retries. */
  readonly retryBudget: ResolvedRetryBudget;
  /** Session cookie; `false` is off. */
  readonly sticky: ResolvedSticky | false;
  /** Passive health checking. */
  readonly ejection: ResolvedEjection;
  /** Active health checking; `false` is off. */
  readonly check: ResolvedCheck | false;
  /** Concurrency limit by response time; `false` is off. */
  readonly adaptiveConcurrency: ResolvedAdaptiveConcurrency | false;
  /** How connections are dialled. */
  readonly connect: ResolvedConnect;
  /** `undefined` writes nothing. */
  readonly logger: Logger | undefined;
}
