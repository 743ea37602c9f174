/** The history as series: one value for each piece of time, `undefined` where nobody watched. */

import { type Column, HISTORY_MS, type Latency, MOST_ORIGINS, type OriginColumn } from '../report.js';

export interface Point {
  readonly at: number;
  readonly value: number | undefined;
}

/** What is drawn: a stretch of time that ends now. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

// Longer than this between two columns: nobody watched.
export const GAP_MS = 12_000;
const STRETCHES_MS = [30_000, 60_000, 120_000, 300_000, HISTORY_MS];

/** The least of some stretches that shows all there is. */
export function stretchOf(columns: readonly Column[], now: number): Stretch {
  const spanMs = now - (columns[0]?.at ?? now);
  return { from: now - (STRETCHES_MS.find((ms) => ms >= spanMs) ?? HISTORY_MS), to: now };
}

/** The name of one origin, or all of them together. */
export type Scope = string;

type Counter = 'requests' | 'reused' | 'resent' | 'failed' | 'dialled';

/** What a counter grew by, per second. */
export function rates(columns: readonly Column[], scope: Scope, counter: Counter): Point[] {
  return differences(columns, (before, after, seconds) => {
    return grown(before, after, scope, counter) / seconds;
  });
}

/** The share of the requests that rode a connection which had carried one before. */
export function reuse(columns: readonly Column[], scope: Scope): Point[] {
  return differences(columns, (before, after) => {
    const requests = grown(before, after, scope, 'requests');
    return requests === 0 ? undefined : grown(before, after, scope, 'reused') / requests;
  });
}

/** What is counted at the end of each column. */
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

/** One by one: what has gone is not missing among those that stay. One that a full column had no place for was there before. */
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
