/** What a backend takes from the machine that it runs on: time, sockets, randomness. Tests pass in another one. */

import { type StartDial, startDial } from './connection/dial.js';
import { type Transport, TransportDial } from './connection/transport.js';
import { type Clock, systemClock } from './time/clock.js';

/** Clock, network and randomness of a backend. For tests: `MemoryNetwork` of `pooled-backend/testing` implements it. */
export interface Machine {
  /** Tells the time and runs all timers. */
  readonly clock: Clock;
  /** Opens the connections. @default TCP, TLS and Unix sockets */
  readonly transport?: Transport | undefined;
  /** Returns a number from 0 to below 1, like `Math.random`. */
  random(): number;
}

/**
 * Checks the second argument of the constructor: users who know undici's `new Pool(url, options)` may pass options there.
 * @throws TypeError
 */
export function checkedMachine(given: Machine): Machine {
  const isMachine =
    typeof given === 'object' && given !== null && isClock(given.clock) && typeof given.random === 'function';
  if (isMachine) return given;
  throw new TypeError(
    'the second argument must be a machine such as a MemoryNetwork; options are the first: { origins, … }',
  );
}

function isClock(given: unknown): boolean {
  return typeof given === 'object' && given !== null && 'now' in given && typeof given.now === 'function';
}

export const thisMachine: Machine = { clock: systemClock, random: Math.random };

/** Begins dials as this machine does. */
export function dialsOf({ transport }: Machine): StartDial {
  if (transport === undefined) return startDial;
  return (target, _session, deadlines, listener) => new TransportDial(transport, target, deadlines, listener);
}
