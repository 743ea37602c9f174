/** What a status page is told, and what `?format=json` gives. JSON knows no Infinity: a limit that is `null` is none. */

import type { ConnectionStats } from '../origin/connection-stats.js';
import type { BackendStats, OriginStats } from '../stats.js';

export type { ConnectionStats } from '../origin/connection-stats.js';

/** One origin: its counts, its setting, and its connections one by one. */
export interface OriginReport extends OriginStats {
  readonly maxConnections: number;
  /** By slot; the first {@link MOST_SLOTS} of them. */
  readonly slots: readonly ConnectionStats[];
}

/** A backend at one moment. */
export interface StatusReport extends Omit<BackendStats, 'origins'> {
  /** Grows when a field changes its meaning or goes away. */
  readonly version: 1;
  readonly title: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly process: { readonly pid: number; readonly node: string };
  readonly origins: readonly OriginReport[];
}

/** A histogram: `counts[0]` is of the bin `from`, whose durations are between two {@link boundMs}. */
export interface Latency {
  readonly from: number;
  readonly counts: readonly number[];
}

/** One origin at the end of a column. All but `busy` and `open` only grow; `latency` is of the column alone. */
export interface OriginColumn {
  /** `scheme://host:port`: origins come and go, and others take their places in the list. */
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
  /** In the order of the report; the first {@link MOST_ORIGINS} of them. */
  readonly origins: readonly OriginColumn[];
}

/** What happened, while somebody watched. The same again within a short time is counted. */
export interface NewsItem {
  /** Of the last time. */
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

/** The complete report: response to `?format=json`, and first message to each watcher. */
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

/** Connections of one origin that are told one by one. */
export const MOST_SLOTS = 512;
/** Origins that have a history. */
export const MOST_ORIGINS = 64;
export const HISTORY_MS = 600_000;

/** Those that are earlier, and not too old. A clock that was set back has seen some that are later. */
export function withColumn(columns: readonly Column[], column: Column): readonly Column[] {
  return [...columns.filter(({ at }) => at > column.at - HISTORY_MS && at < column.at), column];
}

const SMALLEST_MS = 0.25;
const BINS_PER_DOUBLING = 2;
/** Bins of a histogram. The last one has no upper bound: 0.25 ms · √2³⁵ is 46 s. */
export const BINS = 36;

/** Durations in the bin are at most this. */
export function boundMs(bin: number): number {
  return SMALLEST_MS * 2 ** (bin / BINS_PER_DOUBLING);
}

export function binOf(ms: number): number {
  if (!(ms > SMALLEST_MS)) return 0;
  return Math.min(BINS - 1, Math.ceil(Math.log2(ms / SMALLEST_MS) * BINS_PER_DOUBLING));
}
