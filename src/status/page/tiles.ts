/** The backend as a whole, in tiles: each has a number, its parts, and its history. */

import { type OriginReport, type StatusReport, total } from '../report.js';
import { byId, el, type Part, setText } from './dom.js';
import { bytes, count, duration, largestFirst, limit, percent, perSecond, rate } from './format.js';
import { quantile, sumOf } from './latency.js';
import { type NamedValues, valueList } from './named-values.js';
import { levels, rates, reuse, type Stretch, values } from './series.js';
import { type SparklineData, sparkline } from './sparkline.js';
import type { Store } from './store.js';

interface Tile {
  readonly value: string;
  readonly unit?: string;
  /** Small print. */
  readonly notes: NamedValues;
  readonly spark: SparklineData;
  /** Somebody should look at it. */
  readonly alarms?: boolean;
}

type Read = (store: Store, report: StatusReport, stretch: Stretch) => Tile;

export function showTiles(): (store: Store) => void {
  const parent = byId('tiles');
  const parts = Object.entries(TILES).map(([name, read]) => ({ part: tile(name), read }));
  parent.append(...parts.map(({ part }) => part.element));
  return (store) => {
    const { report } = store;
    if (report === undefined) return;
    for (const { part, read } of parts) part.update(read(store, report, store.stretch));
  };
}

function tile(name: string): Part<Tile> {
  const value = el('span', { class: 'value' });
  const unit = el('span', { class: 'unit' });
  const notes = valueList();
  const spark = sparkline(name);
  const element = el(
    'section',
    { class: 'tile' },
    el('h3', {}, name),
    el('p', {}, value, unit),
    spark.element,
    notes.element,
  );
  return {
    element,
    update(data) {
      setText(value, data.value);
      setText(unit, data.unit ?? '');
      element.classList.toggle('alarms', data.alarms === true);
      spark.update(data.spark);
      notes.update(data.notes);
    },
  };
}

function inAll(origins: readonly OriginReport[], read: (one: OriginReport) => number): number {
  return origins.reduce((all, one) => all + read(one), 0);
}

function added(counts: Iterable<Readonly<Record<string, number>>>): Record<string, number> {
  const all: Record<string, number> = {};
  for (const one of counts) for (const [name, number] of Object.entries(one)) all[name] = (all[name] ?? 0) + number;
  return all;
}

const TILES: Readonly<Record<string, Read>> = {
  Requests: (store, report, stretch) => ({
    value: rate(store.pace().requests),
    unit: '/s',
    notes: [
      ['in flight', count(report.inFlight)],
      ['so far', count(inAll(report.origins, (one) => one.requests))],
    ],
    spark: { points: rates(store.columns, 'all', 'requests'), stretch, show: perSecond },
  }),
  Reused: (store, report, stretch) => {
    const { requests, reused, dialled } = store.pace();
    const share = requests > 0 ? reused / requests : undefined;
    const { origins } = report;
    const each =
      inAll(origins, (one) => one.requests) /
      Math.max(
        1,
        inAll(origins, (one) => one.dialled),
      );
    return {
      value: share === undefined ? '–' : percent(share).replace(' %', ''),
      ...(share === undefined ? {} : { unit: '%' }),
      notes: [
        ['opened', `${rate(dialled)} /s`],
        ['per connection', rate(each)],
      ],
      spark: { points: reuse(store.columns, 'all'), stretch, top: 1, show: percent },
    };
  },
  Latency: (store, _report, stretch) => {
    const of = (column: (typeof store.columns)[number]) => sumOf(column.origins.map(({ latency }) => latency));
    const last = sumOf(store.lately.map(of));
    const [middle, most, high] = [quantile(last, 0.5), quantile(last, 0.9), quantile(last, 0.99)];
    const [value = '–', unit = ''] = middle === undefined ? [] : duration(middle).split(' ');
    return {
      value,
      unit: unit && `${unit}, half within`,
      notes: [
        ['90 % within', most === undefined ? '–' : duration(most)],
        ['99 % within', high === undefined ? '–' : duration(high)],
      ],
      spark: { points: values(store.columns, (column) => quantile(of(column), 0.5)), stretch, show: duration },
    };
  },
  Connections: (store, report, stretch) => {
    const most = inAll(report.origins, (one) => one.maxConnections);
    const now = added(report.origins.map(({ connections }) => connections));
    return {
      value: count(now.busy ?? 0),
      unit: `of ${count(most)} busy`,
      notes: [
        ['idle', `${count((now.idle ?? 0) - (now.spare ?? 0))} + ${count(now.spare ?? 0)} spare`],
        ['opening', count(now.dialling ?? 0)],
      ],
      spark: { points: levels(store.columns, 'all', 'busy'), stretch, top: most, show: count },
    };
  },
  Queue: (store, { queue }, stretch) => ({
    value: count(queue.length),
    unit: queue.overloaded ? 'newest first' : 'waiting',
    alarms: queue.overloaded,
    notes: [
      ['room for', limit(queue.max)],
      ['refused', refusedOf(queue.refused)],
    ],
    spark: { points: values(store.columns, (column) => column.queue), stretch, least: 10, show: count },
  }),
  'Sent again': (store, report, stretch) => {
    const reasons = added(report.origins.map(({ resent }) => resent));
    return {
      value: rate(store.pace().resent),
      unit: '/s',
      notes: [['so far', count(total(reasons))], ...largestFirst(reasons).slice(0, 2)],
      spark: { points: rates(store.columns, 'all', 'resent'), stretch, show: perSecond },
    };
  },
  Failed: (store, report, stretch) => {
    const { unsent = 0, unknown = 0, answered = 0 } = added(report.origins.map(({ delivery }) => delivery));
    const aborted = added(report.origins.map((origin) => origin.aborted));
    const lately = rates(store.columns, 'all', 'failed').slice(-5);
    return {
      value: count(unsent + unknown + answered - total(aborted)),
      unit: 'so far',
      alarms: lately.some(({ value = 0 }) => value > 0),
      notes: [
        ['delivery unknown', count(unknown - (aborted.unknown ?? 0))],
        ['unsent', count(unsent - (aborted.unsent ?? 0))],
        ['cut off', count(answered - (aborted.answered ?? 0))],
        ['client left', count(total(aborted))],
      ],
      spark: { points: rates(store.columns, 'all', 'failed'), stretch, show: perSecond },
    };
  },
};

function refusedOf(refused: Readonly<Record<string, number>>): string {
  const [most] = largestFirst(refused);
  return most === undefined ? '0' : `${count(total(refused))}, ${most[0]}`;
}

/** Bytes held, and the limit. */
export function held({ bytes: used, max }: { readonly bytes: number; readonly max: number | null }): string {
  return max === null ? bytes(used) : `${bytes(used)} of ${bytes(max)}`;
}
