/** What a backend takes from the machine that it runs on: time, sockets, chance. Tests hand in another one. */

import { type Clock, systemClock } from './clock.js';
import { type StartDial, startDial } from './connection/dial.js';
import { type Transport, TransportDial } from './connection/transport.js';

/** Made by `pooled-backend/testing`: a `MemoryNetwork` is one. */
export interface Machine {
  /** Tells the time and runs all timers. */
  readonly clock: Clock;
  /** Carries the connections. @default TCP, TLS and unix sockets */
  readonly transport?: Transport | undefined;
  /** A number from 0 to below 1, as of `Math.random`. */
  random(): number;
}

/**
 * What was given for the machine, if it is one: who knows `new Pool(url, options)` writes the options there.
 * @throws TypeError
 */
export function checkedMachine(given: Machine): Machine {
  const isMachine =
    typeof given === 'object' && given !== null && isClock(given.clock) && typeof given.random === 'function';
  if (isMachine) return given;
  throw new TypeError(
    'the second parameter must be a machine, such as a MemoryNetwork; options are the first: { origins, … }',
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
