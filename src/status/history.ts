/** The last ten minutes, without the times at which nobody watched: counts at the end of each column, latencies within it. */

import type { BackendStats, OriginStats } from '../stats.js';
import {
  BINS,
  binOf,
  type Column,
  type Latency,
  MOST_ORIGINS,
  type OriginColumn,
  total,
  withColumn,
} from './report.js';

/** Columns of two seconds make 300 in ten minutes. */
export const COLUMN_MS = 2_000;

export class History {
  #columns: readonly Column[] = []; // oldest first
  readonly #bins = new Map<string, Uint32Array>(); // of the column that is being filled, by origin

  get columns(): readonly Column[] {
    return this.#columns;
  }

  /** A request was answered. */
  answered(origin: string, durationMs: number): void {
    const bin = binOf(durationMs);
    let bins = this.#bins.get(origin);
    if (bins === undefined) {
      if (this.#bins.size >= MOST_ORIGINS) return;
      bins = new Uint32Array(BINS);
      this.#bins.set(origin, bins);
    }
    bins[bin] = (bins[bin] ?? 0) + 1;
  }

  /** Closes the column at `at`. Returns `undefined` if the column is still too short. */
  close(at: number, stats: BackendStats): Column | undefined {
    const last = this.#columns.at(-1);
    // A timer may fire a little early, and a clock may be set back.
    if (last !== undefined && at >= last.at && at - last.at < COLUMN_MS * 0.9) return undefined;
    const shown = stats.origins.slice(0, MOST_ORIGINS);
    const column: Column = {
      at,
      inFlight: stats.inFlight,
      queue: stats.queue.length,
      refused: total(stats.queue.refused),
      origins: shown.map((origin) => this.#columnOf(origin)),
    };
    this.#columns = withColumn(this.#columns, column);
    for (const name of this.#bins.keys()) if (!shown.some(({ origin }) => origin === name)) this.#bins.delete(name);
    return column;
  }

  /** Nobody watches any more. Forgets the unfinished column: its latencies would be taken for those of a whole one. */
  interrupt(): void {
    for (const bins of this.#bins.values()) bins.fill(0);
  }

  #columnOf(stats: OriginStats): OriginColumn {
    const bins = this.#bins.get(stats.origin);
    const latency = packed(bins);
    bins?.fill(0);
    return {
      origin: stats.origin,
      requests: stats.requests,
      reused: stats.reused,
      resent: total(stats.resent),
      failed: total(stats.delivery) - total(stats.aborted),
      dialled: stats.dialled,
      busy: stats.connections.busy,
      open: stats.connections.open,
      latency,
    };
  }
}

/** Leaves out the empty bins at both ends. */
function packed(bins: Uint32Array | undefined): Latency {
  const from = bins?.findIndex((count) => count > 0) ?? -1;
  if (bins === undefined || from < 0) return { from: 0, counts: [] };
  return { from, counts: [...bins.subarray(from, bins.findLastIndex((count) => count > 0) + 1)] };
}
