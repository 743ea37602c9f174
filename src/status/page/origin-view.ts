/** One origin alone, with everything that is known about it. */

import type { Column, OriginReport } from '../report.js';
import { actionsPanel } from './actions.js';
import { connectionTable } from './connection-table.js';
import { el, type Part, setText } from './dom.js';
import { count, duration, largestFirst, percent, perSecond, rate } from './format.js';
import { heatMap } from './heat-map.js';
import { inWords, sumOf } from './latency.js';
import { legend } from './legend.js';
import { type NamedValues, valueTable } from './named-values.js';
import { type OriginData, statusBadge } from './origin-card.js';
import { latencies, levels, type Point, rates, reuse } from './series.js';
import { sparkline } from './sparkline.js';
import type { Store } from './store.js';
import { strip } from './strip.js';

export function originView(store: Store): Part<OriginData> {
  const heading = el('h2', { tabindex: -1 });
  const badge = statusBadge();
  const actions = actionsPanel();
  const connections = strip(store, true);
  const states = legend();
  const charts = CHARTS.map((one) => chart(store, one));
  const heat = heatMap(true);
  const within = el('small');
  const tables = TABLES.map(({ title, note, read }) => ({ part: valueTable(title, note), read }));
  const list = connectionTable();
  const element = el(
    'div',
    { class: 'origin-view' },
    el('p', { class: 'back' }, el('a', { href: '#/' }, '← All origins')),
    el('div', { class: 'title' }, heading, badge.element),
    ...(actions ? [actions.element] : []),
    el('section', { class: 'panel' }, el('h3', {}, 'Connections'), connections.element, states.element),
    el('div', { class: 'charts' }, ...charts.map((one) => one.element)),
    el('section', { class: 'panel' }, el('h3', {}, 'Latency ', within), heat.element),
    el('div', { class: 'tables' }, ...tables.map(({ part }) => part.element)),
    list.element,
  );
  return {
    element,
    update({ origin }) {
      setText(heading, origin.origin);
      badge.update(origin);
      actions?.update(origin);
      connections.update(origin);
      states.update([origin]);
      for (const one of charts) one.update(origin);
      heat.update({ columns: store.columns, scope: origin.origin, stretch: store.stretch });
      setText(within, inWords(sumOf(latencies(store.columns, origin.origin).flatMap(({ parts }) => parts))) ?? '');
      for (const { part, read } of tables) part.update(read(origin));
      list.update(origin);
    },
  };
}

interface Chart {
  readonly title: string;
  readonly unit?: string;
  readonly read: (columns: readonly Column[], origin: string) => readonly Point[];
  /** The newest value, in figures. */
  readonly show: (value: number) => string;
  /** The same for people who do not see the unit beside it. */
  readonly say: (value: number) => string;
  /** Top of the scale. */
  readonly top?: (origin: OriginReport) => number;
}

const A_RATE = { unit: '/s', show: rate, say: perSecond };

const CHARTS: readonly Chart[] = [
  { title: 'Requests', ...A_RATE, read: (columns, origin) => rates(columns, origin, 'requests') },
  { title: 'Reused', show: percent, say: percent, read: reuse, top: () => 1 },
  {
    title: 'Busy',
    show: count,
    say: count,
    read: (columns, origin) => levels(columns, origin, 'busy'),
    top: ({ maxConnections }) => maxConnections,
  },
  { title: 'Opened', ...A_RATE, read: (columns, origin) => rates(columns, origin, 'dialled') },
  { title: 'Sent again', ...A_RATE, read: (columns, origin) => rates(columns, origin, 'resent') },
  { title: 'Failed', ...A_RATE, read: (columns, origin) => rates(columns, origin, 'failed') },
];

function chart(store: Store, { title, unit = '', read, show, say, top }: Chart): Part<OriginReport> {
  const spark = sparkline(title);
  const value = el('span', { class: 'value' });
  const small = el('span', { class: 'unit' }, unit);
  return {
    element: el('section', { class: 'tile' }, el('h3', {}, title), el('p', {}, value, small), spark.element),
    update(origin) {
      const points = read(store.columns, origin.origin);
      const now = points.at(-1)?.value;
      setText(value, now === undefined ? '–' : show(now));
      spark.update({ points, stretch: store.stretch, show: say, ...(top && { top: top(origin) }) });
    },
  };
}

const TABLES: readonly { title: string; note: string; read: (origin: OriginReport) => NamedValues }[] = [
  {
    title: 'Requests',
    note: 'exchanges begun',
    read: ({ requests, reused, dialled, dialsFailed }) => [
      ['on a reused connection', count(reused)],
      ['on one that carried none before', count(requests - reused)],
      ['connections opened', count(dialled)],
      ['dials failed', count(dialsFailed)],
    ],
  },
  { title: 'Answers', note: 'final heads by class', read: ({ responses }) => largestFirst(responses) },
  { title: 'Sent again', note: 'by reason', read: ({ resent }) => largestFirst(resent) },
  {
    title: 'Failed',
    note: 'by what became of the request',
    read: ({ delivery, aborted }) => [
      ['unsent: it never reached the origin', count(delivery.unsent - aborted.unsent)],
      ['unknown: it may have been processed', count(delivery.unknown - aborted.unknown)],
      ['answered: the answer was cut off', count(delivery.answered - aborted.answered)],
      ['aborted: the client left', count(aborted.unsent + aborted.unknown + aborted.answered)],
    ],
  },
  { title: 'Closed', note: 'connections, by reason', read: ({ closed }) => largestFirst(closed) },
  {
    title: 'Idle limit',
    note: 'to be reused still',
    read: ({ idleLimitMs }) => [
      ['in force', duration(idleLimitMs.effective)],
      ['configured', duration(idleLimitMs.configured)],
      ['told by the origin', idleLimitMs.hinted === null ? '–' : duration(idleLimitMs.hinted)],
      ['learned from its closes', idleLimitMs.learned === null ? '–' : duration(idleLimitMs.learned)],
    ],
  },
  {
    title: 'Surprises',
    note: 'what idle connections did',
    read: ({ stale, poisoned }) => [
      ['found closed when wanted', count(stale.found)],
      ['found closed beside those', count(stale.swept)],
      ['sent bytes unasked', count(poisoned)],
    ],
  },
  {
    title: 'Health',
    note: 'how requests, dials and checks ended',
    read: ({ health, backoff, tunnels, check, concurrency }) => [
      ...(check === null ? [] : [['last check', checkText(check)] as const]),
      ...(concurrency === null ? [] : [['requests at once, at most', limitText(concurrency)] as const]),
      ['state', health.state],
      ['ejections remembered', count(health.ejections)],
      ...(backoff.error === null ? [] : [['last dial', backoff.error] as const]),
      [
        'dialling',
        backoff.state === 'ready' ? 'at any time' : `${backoff.state}, ${count(backoff.failures)} failed in a row`,
      ],
      ['tunnels open, so far', `${count(tunnels.open)}, ${count(tunnels.opened)}`],
    ],
  },
];

function checkText({ last, state }: NonNullable<OriginReport['check']>): string {
  if (last === null) return 'none yet';
  return `${last.what} in ${duration(last.tookMs)}, ${duration(last.agoMs)} ago: ${state}`;
}

function limitText({ limit, latencyMs, usualLatencyMs }: NonNullable<OriginReport['concurrency']>): string {
  if (latencyMs === null) return count(limit);
  return `${count(limit)}: answers in ${duration(latencyMs)}, usually in ${duration(usualLatencyMs)}`;
}
