/** How `maxConnections` is read: as a limit of this process, or as a total of several processes. */

import { integer, isObject } from './checks.js';
import { checked, optional, type Rules, refusal, required, resolveSection } from './rules.js';

/** Sockets that one local address can hold to one server. */
export const MOST_CONNECTIONS = 65_535;

/** A limit on connections that several processes share. */
export interface SharedConnections {
  /** Maximum number of sockets to one origin, of all processes together: an integer from 1 to 65535. */
  readonly total: number;
  /**
   * Number of processes: an integer from 1 to `total`. Each uses an equal part, rounded down, without coordination.
   * Leave it out in a worker of `node:cluster` whose primary calls `shareConnections()`, which then assigns the parts.
   *
   * @default none
   */
  readonly workers?: number | undefined;
}

/** A total of which the primary of a cluster assigns this process a share. */
export interface ClusterTotal {
  /** Connections of all processes together. */
  readonly total: number;
}

const perProcess = integer(1, MOST_CONNECTIONS);
const rules: Rules<{ total: number; workers: number | undefined }> = {
  total: required(perProcess),
  workers: optional(perProcess),
};

/** @throws TypeError, RangeError that names the option, what it accepts and what it got */
export function readConnections(name: string, value: unknown): number | ClusterTotal {
  if (!isObject(value)) return checked(name, value, perProcess);
  const { total, workers } = resolveSection(name, value, rules);
  if (workers === undefined) return Object.freeze({ total });
  if (workers > total) throw refusal(`${name}.workers`, `at most total (${total})`, workers, true);
  return Math.floor(total / workers);
}

/** The most connections that one process may ever have. */
export function mostConnections(cap: number | ClusterTotal): number {
  return typeof cap === 'number' ? cap : cap.total;
}
