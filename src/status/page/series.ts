/** The history as series: one value for each piece of time, `undefined` where nobody watched. */

import { type Column, HISTORY_MS, type Latency, MOST_ORIGINS, type OriginColumn } from '../report.js';

export interface Point {
  readonly at: number;
  readonly value: number | undefined;
}

/** The time that a chart shows. It ends now. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

// If two columns are further apart than this, nobody watched between them.
export const GAP_MS = 12_000;
const STRETCHES_MS = [30_000, 60_000, 120_000, 300_000, HISTORY_MS];

/** The shortest of the `STRETCHES_MS` that shows the whole history. */
export function stretchOf(columns: readonly Column[], now: number): Stretch {
  const spanMs = now - (columns[0]?.at ?? now);
  return { from: now - (STRETCHES_MS.find((ms) => ms >= spanMs) ?? HISTORY_MS), to: now };
}

/** The name of one origin, or `all` for all origins together. */
export type Scope = string;

type Counter = 'requests' | 'reused' | 'resent' | 'failed' | 'dialled';

/** How much a counter grew per second. */
export function rates(columns: readonly Column[], scope: Scope, counter: Counter): Point[] {
  return differences(columns, (before, after, seconds) => {
    return grown(before, after, scope, counter) / seconds;
  });
}

/** The share of the requests whose connection had carried a request before. */
export function reuse(columns: readonly Column[], scope: Scope): Point[] {
  return differences(columns, (before, after) => {
    const requests = grown(before, after, scope, 'requests');
    return requests === 0 ? undefined : grown(before, after, scope, 'reused') / requests;
  });
}

/** A number of connections at the end of each column. */
export function levels(columns: readonly Column[], scope: Scope, level: 'busy' | 'open'): Point[] {
  return values(columns, (column) => inScope(column, scope).reduce((all, origin) => all + origin[level], 0));
}

export function values(columns: readonly Column[], read: (column: Column) => number | undefined): Point[] {
  return columns.flatMap((column, index): Point[] => {
    const point = { at: column.at, value: read(column) };
    return isAfterGap(columns, index) ? [{ at: column.at - 1, value: undefined }, point] : [point];
  });
}

/** The latencies of each column. */
export function latencies(
  columns: readonly Column[],
  scope: Scope,
): { readonly at: number; readonly parts: readonly Latency[] }[] {
  return columns.map((column) => ({ at: column.at, parts: inScope(column, scope).map(({ latency }) => latency) }));
}

function differences(
  columns: readonly Column[],
  read: (before: Column, after: Column, seconds: number) => number | undefined,
): Point[] {
  const points: Point[] = [];
  for (const [index, after] of columns.entries()) {
    const before = columns[index - 1];
    if (before === undefined) continue;
    const value = isAfterGap(columns, index) ? undefined : read(before, after, (after.at - before.at) / 1000);
    points.push({ at: after.at, value });
  }
  return points;
}

function isAfterGap(columns: readonly Column[], index: number): boolean {
  const before = columns[index - 1];
  return before !== undefined && (columns[index]?.at ?? 0) - before.at > GAP_MS;
}

/**
 * Adds up the growth of each origin, so that an origin which was removed takes nothing away from the sum. A full column may have
 * had no place for an origin: then its growth is not known and counts as 0.
 */
function grown(before: Column, after: Column, scope: Scope, counter: Counter): number {
  const earlier = new Map(before.origins.map((one) => [one.origin, one[counter]]));
  const isFull = before.origins.length >= MOST_ORIGINS;
  return inScope(after, scope).reduce((all, { origin, [counter]: now }) => {
    return all + Math.max(0, now - (earlier.get(origin) ?? (isFull ? now : 0)));
  }, 0);
}

export function inScope({ origins }: Column, scope: Scope): readonly OriginColumn[] {
  return scope === 'all' ? origins : origins.filter(({ origin }) => origin === scope);
}
