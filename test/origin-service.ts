/** What must hold of an origin whatever its owner has made of it, as soon as nothing more happens by itself. */

import type { House } from './house.js';

type Origin = House['origins'][number];

/** @throws Error that says what does not hold */
export function checkService(origin: Origin): void {
  const { address, counts, service, serves, isQuiet } = origin;
  const { idle, dialling } = counts;
  const { origin: name, maxConnections } = address;
  if (!serves && idle + dialling > 0) {
    throw new Error(`${idle} idle and ${dialling} dialling to ${name}, which takes no requests (${service.state})`);
  }
  if (service.state === 'leaving' && isQuiet) throw new Error(`${name} has nothing to do and does not leave`);
  // Too many are those that are busy, or were being dialled, when there might be more.
  if (idle > 0 && openTo(origin) > maxConnections) {
    throw new Error(
      `${openTo(origin)} connections to ${name}, ${idle} of them idle, where ${maxConnections} are allowed`,
    );
  }
}

/** Sockets that are there or on their way. */
export function openTo({ counts: { busy, idle, dialling } }: Origin): number {
  return busy + idle + dialling;
}
