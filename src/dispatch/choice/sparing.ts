/** An origin that has just come back is spared as long as another can do its work: its caches are cold, its code not compiled. */

import { slowStartConnections } from '../../origin/health/slow-start.js';
import type { Origin } from '../../origin/origin.js';

/**
 * Whether the origin has as many connections busy or dialling as its share allows, and one of the others has its whole share.
 * `lent`: how many of these connections are at hand for the next request.
 */
export function isSpared(origin: Origin, others: Iterable<Origin>, lent = 0): boolean {
  const { share } = origin.standing;
  if (share === 1) return false;
  if (origin.busy + origin.dialling - lent < slowStartConnections(share, origin.address.maxConnections)) return false;
  for (const { standing, backoff } of others) if (standing.share === 1 && backoff.state.name === 'ready') return true;
  return false;
}
