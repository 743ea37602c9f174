/** What the user's `idempotent` option says about a request. */

import { BackendError } from '../errors.js';
import type { IdempotentOption, RequestFacts } from '../options.js';
import { inHookAtOnce } from './hook.js';

/**
 * `undefined` leaves it to the method. Only `true` and `false` are a yes or a no: a promise would be a yes to every POST.
 * @throws BackendError `proxy_internal_error` when the hook throws, or returns anything else
 */
export function declaredIdempotence(judge: IdempotentOption | undefined, request: RequestFacts): boolean | undefined {
  if (judge === undefined) return undefined;
  const said: unknown = inHookAtOnce('idempotent', () => judge(request));
  if (said === undefined || typeof said === 'boolean') return said;
  const given = said === null ? 'null' : `a value of type ${typeof said}`;
  throw new BackendError(
    'proxy_internal_error',
    `the idempotent hook must return true, false or undefined, got ${given}`,
  );
}
