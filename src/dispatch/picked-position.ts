/** What a balancer has given, which may be the owner's own and not checked by a compiler. */

import { inspect } from 'node:util';

/** A position below `count`, or why it is none. */
export function positionOf(picked: unknown, count: number): number | Error {
  if (typeof picked === 'number' && Number.isInteger(picked) && picked >= 0 && picked < count) return picked;
  // It is told of here: that it is rejected must not end the process as well.
  if (picked instanceof Promise) picked.catch(() => {});
  const shown = inspect(picked, { depth: 0, breakLength: Number.POSITIVE_INFINITY });
  const message = `the balancer must pick a position from 0 to ${count - 1}, got ${shown}`;
  return typeof picked === 'number' ? new RangeError(message) : new TypeError(message);
}
