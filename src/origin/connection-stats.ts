/** Lists the connections of one origin, for `backend.connections()`. */

import type { ResolvedOptions } from '../options.js';
import type { Slot } from '../pool/slot.js';
import type { Clock } from '../time/clock.js';
import type { PoolEntry } from './pool-entry.js';

/**
 * What a connection is doing.
 * - `dialling`: being opened.
 * - `spare`: idle, and has never carried a request.
 * - `fresh`: carries its first request.
 * - `busy`: carries a later request.
 * - `idle`: has carried requests, and is ready for the next.
 * - `retired`: carries its last request, and will then be closed.
 * - `tunnel`: has switched protocols (101).
 */
export type ConnectionState = 'dialling' | 'spare' | 'fresh' | 'busy' | 'idle' | 'retired' | 'tunnel';

/** One connection at one moment. */
export interface ConnectionStats {
  /**
   * Number of its slot in the pool of the origin, from 0. Does not change. Below the highest `maxConnections` there has
   * been.
   */
  readonly slot: number;
  /** What it is doing. */
  readonly state: ConnectionState;
  /** Exchanges that ended on it. */
  readonly exchanges: number;
  /** Milliseconds since it was opened; 0 while `dialling`. */
  readonly ageMs: number;
  /** Milliseconds since its last exchange ended or, for a `spare`, since it was opened; 0 in all other states. */
  readonly idleMs: number;
}

/** The rules by which a connection is retired at the end of its exchange. */
export interface RetirementRules {
  readonly clock: Clock;
  readonly options: Pick<ResolvedOptions, 'maxRequestsPerConnection'>;
}

/** All connections of an origin, by slot. */
export function connectionStats(
  entries: Iterable<PoolEntry>,
  dialled: Iterable<Slot<PoolEntry>>,
  rules: RetirementRules,
): readonly ConnectionStats[] {
  const list: ConnectionStats[] = [];
  for (const { index } of dialled) {
    list.push(Object.freeze({ slot: index, state: 'dialling', exchanges: 0, ageMs: 0, idleMs: 0 }));
  }
  for (const entry of entries) list.push(statsOf(entry, rules));
  return Object.freeze(list.sort((one, other) => one.slot - other.slot));
}

function statsOf(entry: PoolEntry, rules: RetirementRules): ConnectionStats {
  const { slot, connection } = entry;
  const state = stateOf(entry, rules);
  return Object.freeze({
    slot: slot.index,
    state,
    exchanges: connection.exchanges,
    ageMs: rules.clock.now() - connection.openedAt,
    idleMs: slot.state === 'idle' ? connection.idleMs() : 0,
  });
}

function stateOf(entry: PoolEntry, rules: RetirementRules): ConnectionState {
  const { slot, connection } = entry;
  if (connection.tunnel !== undefined) return 'tunnel';
  if (slot.state === 'idle') return connection.fresh ? 'spare' : 'idle';
  const isLast = entry.exchangesLeft(rules.options.maxRequestsPerConnection) <= 1;
  if (isLast || rules.clock.now() >= entry.retireAt) return 'retired';
  return connection.exchanges === 0 ? 'fresh' : 'busy';
}
