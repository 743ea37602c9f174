/** What must be true of the counts of a pool and of a backend at every moment, whatever happened before. */

import { checkNames } from './plan-checks.js';

/** The counts of a pool of slots. */
export interface CountsToCheck {
  /** All of them. */
  readonly size: number;
  /** Without a connection. */
  readonly empty: number;
  /** Whose connection is being opened. */
  readonly dialling: number;
  /** Whose connection waits for a request. */
  readonly idle: number;
  /** Idle ones that never carried a request. */
  readonly fresh: number;
  /** Lent. */
  readonly busy: number;
}

/** What is looked at in `backend.stats()`. */
export interface StatsToCheck {
  /** All origins. */
  readonly origins: readonly OriginStatsToCheck[];
  /** Requests that wait for a connection. */
  readonly queue: {
    /** How many. */
    readonly length: number;
  };
}

/** The part of `OriginStats` that is checked. */
export interface OriginStatsToCheck {
  /** `scheme://host:port`. */
  readonly origin: string;
  /** Connections now. */
  readonly connections: {
    /** `idle` + `busy`. */
    readonly open: number;
    /** That wait for a request. */
    readonly idle: number;
    /** That carry a request. */
    readonly busy: number;
    /** That are being opened. */
    readonly dialling: number;
    /** The part of `idle` that never carried a request. */
    readonly spare: number;
    /** Held by checks. */
    readonly checking?: number;
  };
  /** Connections opened so far. */
  readonly dialled: number;
  /** Connections closed so far, by reason. */
  readonly closed: Readonly<Record<string, number>>;
}

/** What must hold beside what always does. */
export interface CheckOptions {
  /** Nothing is under way: nothing may be busy, dialling for a request, or waiting. Default false. */
  readonly atRest?: boolean | undefined;
}

/** What must hold beside what always does. */
export interface StatsCheckOptions extends CheckOptions {
  /** Most sockets of each origin. Not checked unless given. */
  readonly maxConnections?: number | undefined;
}

/**
 * Every slot of a pool is in one state, and fresh ones are idle.
 * @throws Error that says what is broken, with the counts
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
 * Every connection that was dialled is open or closed for a reason, every open one is idle or busy, and the cap holds.
 * @throws Error that says what is broken, with the statistics
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
