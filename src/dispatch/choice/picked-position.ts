/** Checks what a balancer has picked: it may be the owner's own code, which no compiler has checked. */

import { inspect } from 'node:util';

/** A position below `count`, or an error that says why the value is not one. */
export function positionOf(picked: unknown, count: number): number | Error {
  if (typeof picked === 'number' && Number.isInteger(picked) && picked >= 0 && picked < count) return picked;
  // The error below reports it. The rejection of the promise must not end the process as well.
  if (picked instanceof Promise) picked.catch(() => {});
  const shown = inspect(picked, { depth: 0, breakLength: Number.POSITIVE_INFINITY });
  const message = `the balancer must pick a position from 0 to ${count - 1}, got ${shown}`;
  return typeof picked === 'number' ? new RangeError(message) : new TypeError(message);
}
