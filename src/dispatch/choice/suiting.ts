/** Which origins suit a new request, before the balancer picks one of them. */

import type { Origin } from '../../origin/origin.js';
import type { Travel } from '../../origin/travel.js';

const canTake = (travel: Travel) => (one: Origin) => one.hasConnectionFor(travel) || isSoonDialled(one);

/** Whether an origin has a connection for a request of this travel, or may dial one. Made once: not a closure for each request. */
export const CAN_TAKE: Readonly<Record<Travel, (origin: Origin) => boolean>> = {
  any: canTake('any'),
  verified: canTake('verified'),
  fresh: canTake('fresh'),
  resent: canTake('resent'),
};

/** The same when the request should stay with its origin: then an idle connection that it may not ride can make room. */
export const CAN_KEEP: Readonly<Record<Travel, (origin: Origin) => boolean>> = {
  any: CAN_TAKE.any,
  verified: (origin) => CAN_TAKE.verified(origin) || mayMakeRoom(origin),
  fresh: (origin) => CAN_TAKE.fresh(origin) || (mayMakeRoom(origin) && origin.freshShareLeft > 0),
  resent: (origin) => CAN_TAKE.resent(origin) || mayMakeRoom(origin),
};

function isSoonDialled(origin: Origin): boolean {
  return origin.canDial && !origin.backoff.isLate;
}

function mayMakeRoom(origin: Origin): boolean {
  return origin.canMakeRoom && !origin.backoff.isLate;
}
