/** What must hold for an origin after any change by its owner, as soon as nothing more happens by itself. */

import type { MemoryBackend } from './memory-backend.js';

type Origin = MemoryBackend['origins'][number];

/** @throws Error that says what is wrong */
export function checkService(origin: Origin): void {
  const { name, options, counts, service, serves, isQuiet } = origin;
  const { idle, dialling } = counts;
  const { maxConnections } = options;
  if (!serves && idle + dialling > 0) {
    throw new Error(`${idle} idle and ${dialling} dialling to ${name}, which takes no requests (${service.state})`);
  }
  if (service.state === 'leaving' && isQuiet) throw new Error(`${name} has nothing to do and does not leave`);
  // After the limit was lowered, busy and dialling connections may be too many, but no idle ones.
  if (idle > 0 && openTo(origin) > maxConnections) {
    throw new Error(
      `${openTo(origin)} connections to ${name}, ${idle} of them idle, where ${maxConnections} are allowed`,
    );
  }
}

/** Number of connections, those being dialled included. */
export function openTo({ counts: { busy, idle, dialling } }: Origin): number {
  return busy + idle + dialling;
}
