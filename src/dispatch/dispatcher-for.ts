/** A dispatcher by the options of a backend. */

import { balancerFor } from '../balance/balancers.js';
import type { ResolvedOptions } from '../options.js';
import { Dispatcher, type DispatcherSetting } from './dispatcher.js';
import { WaitQueue } from './queue/wait-queue.js';
import { RetryBudget } from './retry/retry-budget.js';

export function dispatcherFor(
  options: ResolvedOptions,
  surroundings: Pick<DispatcherSetting, 'clock' | 'deadlines' | 'observer'>,
): Dispatcher {
  const { clock } = surroundings;
  return new Dispatcher({
    ...surroundings,
    queue: new WaitQueue({ maxQueue: options.maxQueue, queueTimeoutMs: options.queueTimeout, clock }),
    budget: new RetryBudget(options.retryBudget, clock),
    balancer: balancerFor(options.balance),
    maxAttempts: options.maxAttempts,
    maxEjected: options.ejection.maxEjected,
    retryOn: options.retryOn,
    honoursIdempotencyKey: options.idempotencyKey === 'honoured',
  });
}
