/** Finds a connection for a request that is sent again. */

import type { Origin } from '../../origin/origin.js';
import type { OriginChoice } from '../choice/origin-choice.js';
import type { Run } from '../run.js';
import { beginCarefully } from './careful-begin.js';
import { dialAlone } from './own-dial.js';

/**
 * Puts this re-send on an idle fresh connection of another origin, if it should go there. Else dials one for it alone, if possible
 * in the slot that its dead connection freed. Else it waits in the queue.
 */
export function resend(run: Run, last: Origin, preferOther: boolean, choice: OriginChoice): void {
  if (preferOther || last.shutdown.likely === 'yes') run.failedAt = [...run.failedAt, last];
  // A closed connection may mean that the process is dying. So a request goes elsewhere, unless it is bound to this origin or the
  // balancer keeps requests at their origins.
  const staysIfItCan = choice.keeps || run.request.boundTo === last.name;
  const elsewhere = run.failedAt.includes(last) || (last.shutdown.likely === 'perhaps' && !staysIfItCan);
  const origin = choice.originForResend(last, elsewhere, run);
  if (origin !== undefined && origin !== last && ride(run, origin)) return;
  const anyWouldDo = origin !== last || !staysIfItCan;
  // Dials for `minConnections` may have taken all free slots at once. Waiting requests get those connections.
  if (origin === undefined || !dialAlone(run, origin, { anyWouldDo })) run.enqueue();
}

/** Puts a re-send on an idle connection that never carried a request. False = there is none that is known to be alive. */
function ride(run: Run, origin: Origin): boolean {
  const taken = origin.hasConnectionFor(run.travel) ? origin.checkout(run.travel) : undefined;
  if (typeof taken !== 'object') return false;
  if (run.ended) origin.release(taken);
  else beginCarefully(run, origin, taken);
  return true;
}
