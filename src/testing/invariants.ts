/** What must be true of the counts of a pool and of a backend at every moment, whatever happened before. */

import { checkNames } from './known-names.js';

/** Counts of a pool of slots. */
export interface CountsToCheck {
  /** All slots. */
  readonly size: number;
  /** Slots without a connection. */
  readonly empty: number;
  /** Slots whose connection is being opened. */
  readonly dialling: number;
  /** Slots with an idle connection. */
  readonly idle: number;
  /** Idle connections that never carried a request; a part of `idle`. */
  readonly fresh: number;
  /** Slots in use. */
  readonly busy: number;
}

/** The part of `backend.stats()` that {@link checkStats} reads. */
export interface StatsToCheck {
  /** All origins. */
  readonly origins: readonly OriginStatsToCheck[];
  /** Requests waiting for a connection. */
  readonly queue: {
    /** Number of waiting requests. */
    readonly length: number;
  };
}

/** The part of `OriginStats` that {@link checkStats} reads. */
export interface OriginStatsToCheck {
  /** Name of the origin, as `scheme://host:port`. */
  readonly origin: string;
  /** Connections now. */
  readonly connections: {
    /** Open connections: `idle` + `busy`. */
    readonly open: number;
    /** Idle connections. */
    readonly idle: number;
    /** Connections in use. */
    readonly busy: number;
    /** Connections being opened. */
    readonly dialling: number;
    /** Idle connections that never carried a request; a part of `idle`. */
    readonly spare: number;
    /** Connections held by health checks. */
    readonly checking?: number;
  };
  /** Connections opened so far. */
  readonly dialled: number;
  /** Connections closed so far, by reason. */
  readonly closed: Readonly<Record<string, number>>;
}

/** What {@link checkPool} checks in addition. */
export interface CheckOptions {
  /**
   * Requires that nothing is in progress: no connection in use or being dialled for a request, no request waiting.
   *
   * @default false
   */
  readonly atRest?: boolean | undefined;
}

/** What {@link checkStats} checks in addition. */
export interface StatsCheckOptions extends CheckOptions {
  /** Maximum number of sockets to each origin. @default not checked */
  readonly maxConnections?: number | undefined;
}

/**
 * Checks that every slot is in exactly one state, and that fresh connections are idle.
 *
 * @throws Error that says what is wrong, with the counts
 */
export function checkPool(counts: CountsToCheck, options: CheckOptions = {}): void {
  checkNames('checkPool()', options, ['atRest']);
  const { size, empty, dialling, idle, fresh, busy } = counts;
  const broken = negatives(counts, '');
  if (empty + dialling + idle + busy !== size) broken.push('empty + dialling + idle + busy is not size');
  if (fresh > idle) broken.push('fresh is more than idle');
  if (options.atRest === true && busy + dialling > 0) broken.push('busy or dialling at rest');
  complain('pool', broken, counts);
}

/**
 * Checks that every connection ever dialled is either open or closed for a reason, that every open one is idle or busy,
 * and that the limit holds.
 *
 * @throws Error that says what is wrong, with the statistics
 *
 * @example
 * ```ts
 * checkStats(backend.stats(), { atRest: true, maxConnections: 100 });
 * ```
 */
export function checkStats(stats: StatsToCheck, options: StatsCheckOptions = {}): void {
  checkNames('checkStats()', options, ['atRest', 'maxConnections']);
  const broken = negatives(stats, '');
  for (const origin of stats.origins) {
    broken.push(...brokenIn(origin, options).map((what) => `${origin.origin}: ${what}`));
  }
  if (options.atRest === true && stats.queue.length > 0) broken.push(`queue.length is ${stats.queue.length} at rest`);
  complain('stats', broken, stats);
}

function brokenIn(stats: OriginStatsToCheck, options: StatsCheckOptions): string[] {
  const { open, idle, busy, dialling, spare, checking = 0 } = stats.connections;
  const closed = Object.values(stats.closed).reduce((sum, count) => sum + count, 0);
  const most = options.maxConnections ?? Number.POSITIVE_INFINITY;
  const broken: string[] = [];
  if (stats.dialled - closed !== open) broken.push(`dialled ${stats.dialled} - closed ${closed} is not open ${open}`);
  if (open !== idle + busy) broken.push(`open ${open} is not idle ${idle} + busy ${busy}`);
  if (spare > idle) broken.push(`spare ${spare} is more than idle ${idle}`);
  if (open + dialling + checking > most) {
    broken.push(`open ${open} + dialling ${dialling} + checking ${checking} is more than maxConnections ${most}`);
  }
  if (options.atRest === true && busy > 0) broken.push(`busy ${busy} at rest`);
  return broken;
}

/** Every number in `value`, however deep, that is below zero or not a number. */
function negatives(value: unknown, path: string): string[] {
  if (typeof value === 'number') return value >= 0 ? [] : [`${path} is ${value}`];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => negatives(member, path === '' ? name : `${path}.${name}`));
}

function complain(what: string, broken: readonly string[], seen: unknown): void {
  if (broken.length > 0) throw new Error(`${what}: ${broken.join('; ')}. Seen: ${JSON.stringify(seen)}`);
}
