/** What a status page receives, and what `?format=json` returns. JSON has no Infinity: a limit of `null` means no limit. */

import type { ConnectionStats } from '../origin/connection-stats.js';
import type { BackendStats, OriginStats } from '../stats.js';

export type { ConnectionStats } from '../origin/connection-stats.js';

export type StateCounts = Readonly<Record<ConnectionStats['state'], number>>;

/** One origin: its counts, its limit, and its connections one by one. */
export interface OriginReport extends OriginStats {
  readonly maxConnections: number;
  /** Its connections, in the order of the slots; at most {@link MOST_SLOTS}. */
  readonly slots: readonly ConnectionStats[];
  /** How many of all its connections are in each state. */
  readonly states: StateCounts;
}

/** A backend at one moment. */
export interface StatusReport extends Omit<BackendStats, 'origins'> {
  /** Increases when a field changes its meaning or is removed. */
  readonly version: 1;
  readonly title: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly process: { readonly pid: number; readonly node: string };
  readonly origins: readonly OriginReport[];
}

/** A histogram: `counts[0]` belongs to the bin `from`. A bin holds the durations between {@link boundMs} of the bin before and its own. */
export interface Latency {
  readonly from: number;
  readonly counts: readonly number[];
}

/** One origin at the end of a column. Counters only grow; `busy` and `open` are of this moment; `latency` is of this column alone. */
export interface OriginColumn {
  /** `scheme://host:port`. A place in the list identifies nothing: origins come and go. */
  readonly origin: string;
  readonly requests: number;
  readonly reused: number;
  readonly resent: number;
  readonly failed: number;
  readonly dialled: number;
  readonly busy: number;
  readonly open: number;
  readonly latency: Latency;
}

/** A piece of the last ten minutes. */
export interface Column {
  /** Its end, in milliseconds since the Unix epoch. */
  readonly at: number;
  readonly inFlight: number;
  readonly queue: number;
  /** Refused by the queue so far. */
  readonly refused: number;
  /** In the order of the report; at most {@link MOST_ORIGINS}. */
  readonly origins: readonly OriginColumn[];
}

/** Something that happened while somebody watched. A repetition within a short time is counted. */
export interface NewsItem {
  /** When it last happened, in milliseconds since the Unix epoch. */
  readonly at: number;
  readonly kind:
    | 'eject'
    | 'down'
    | 'checkFailed'
    | 'discoveryFailed'
    | 'discoveryEnded'
    | 'readmit'
    | 'originChanged'
    | 'failOpen'
    | 'poisoned'
    | 'dialFailed'
    | 'reachable'
    | 'resend'
    | 'fail'
    | 'refuse'
    | 'stale';
  readonly origin: string | null;
  readonly text: string;
  readonly count: number;
}

/** The complete report: the response to `?format=json`, and the first message to each watcher. */
export interface FullReport extends StatusReport {
  /** Oldest first. Only times at which somebody watched. */
  readonly history: readonly Column[];
  /** Newest first. */
  readonly news: readonly NewsItem[];
}

/** Each further message: what has changed. */
export interface Tick {
  readonly report: StatusReport;
  readonly column?: Column;
  readonly news?: readonly NewsItem[];
}

/** Connections of one origin that are reported one by one. */
export const MOST_SLOTS = 512;
/** Origins that have a history. */
export const MOST_ORIGINS = 64;
export const HISTORY_MS = 600_000;

/** Adds `column`, and drops columns that are too old, or later than it: after a clock was set back, some are later. */
export function withColumn(columns: readonly Column[], column: Column): readonly Column[] {
  return [...columns.filter(({ at }) => at > column.at - HISTORY_MS && at < column.at), column];
}

export function countStates(slots: Iterable<ConnectionStats>): StateCounts {
  const counts = { busy: 0, idle: 0, fresh: 0, spare: 0, dialling: 0, retired: 0, tunnel: 0 };
  for (const { state } of slots) counts[state] += 1;
  return counts;
}

/** All of some counts together. */
export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

const SMALLEST_MS = 0.25;
const BINS_PER_DOUBLING = 2;
/** Number of bins of a histogram. The last one has no upper bound: 0.25 ms · √2³⁵ is 46 s. */
export const BINS = 36;

/** The longest duration that belongs to the bin. */
export function boundMs(bin: number): number {
  return SMALLEST_MS * 2 ** (bin / BINS_PER_DOUBLING);
}

export function binOf(ms: number): number {
  if (!(ms > SMALLEST_MS)) return 0;
  return Math.min(BINS - 1, Math.ceil(Math.log2(ms / SMALLEST_MS) * BINS_PER_DOUBLING));
}
