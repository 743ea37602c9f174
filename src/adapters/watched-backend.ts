/** What metrics and traces need from a backend. */

import type { EventEmitter } from 'node:events';
import type { BackendEvents, BackendStats } from 'pooled-backend';

/** A `PooledBackend`, from any copy of the library. */
export interface WatchedBackend extends Pick<EventEmitter<BackendEvents>, 'on' | 'off'> {
  /** Returns the counts of the backend. */
  stats(): BackendStats;
}

/** @throws TypeError for anything else, which plain JavaScript may pass */
export function checkBackend(given: unknown): void {
  const isOne =
    typeof given === 'object' &&
    given !== null &&
    ['stats', 'on', 'off'].every((name) => typeof Reflect.get(given, name) === 'function');
  if (!isOne) throw new TypeError('the first argument must be a PooledBackend');
}

/** @throws TypeError for a value that is not an object, or an option that is not one of these */
export function checkNames(given: unknown, options: readonly string[]): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TypeError(`the options must be an object, got ${given}`);
  for (const name of Object.keys(given)) {
    if (!options.includes(name)) throw new TypeError(`unknown option ${name}; known: ${options.join(', ')}`);
  }
}

/** @throws TypeError for a name that cannot distinguish backends */
export function checkName(name: unknown): void {
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`name must be a string that is not empty, got ${name}`);
}
