/** One origin in the list of all: how it is doing, its connections, its rates. */

import type { OriginReport } from '../report.js';
import { drainButton } from './actions.js';
import { el, type Part, setAttribute, setText } from './dom.js';
import { count, duration, percent, plural, rate } from './format.js';
import { heatMap } from './heat-map.js';
import { quantile, sumOf } from './latency.js';
import { type NamedValues, valueList } from './named-values.js';
import { inScope } from './series.js';
import type { Store } from './store.js';
import { strip } from './strip.js';
import { hostOf, verdictOf } from './verdict.js';

export interface OriginData {
  readonly origin: OriginReport;
  /** Whether there are so many origins that each has only a row, without a heat map. */
  readonly isRow: boolean;
}

/** The address at which the page shows this origin alone. */
function addressOf({ origin }: OriginReport): string {
  return `#/origin/${encodeURIComponent(origin)}`;
}

export function originCard(store: Store): Part<OriginData> {
  const host = el('span', { class: 'host' });
  const scheme = el('span', { class: 'scheme' });
  const link = el('a', { class: 'name' }, scheme, host);
  const badge = statusBadge();
  const role = el('p', { class: 'role' });
  const drain = drainButton();
  const connections = strip(store);
  const facts = valueList({ class: 'facts' });
  const heat = heatMap();
  const element = el(
    'li',
    { class: 'card' },
    el(
      'div',
      { class: 'who' },
      el('h3', {}, link),
      badge.element,
      el('div', { class: 'owned' }, role, drain?.element ?? ''),
    ),
    el('div', { class: 'slots' }, connections.element),
    facts.element,
    heat.element,
  );
  return {
    element,
    update({ origin, isRow }) {
      setText(scheme, origin.origin.slice(0, -hostOf(origin).length));
      setText(host, hostOf(origin));
      setAttribute(link, 'href', addressOf(origin));
      setAttribute(link, 'title', origin.origin);
      badge.update(origin);
      setAttribute(element, 'data-mood', verdictOf(origin).mood);
      setText(role, roleOf(origin));
      drain?.update(origin);
      connections.update(origin);
      facts.update(factsOf(store, origin));
      // Drawing makes the browser compute the layout: with 400 rows this took three quarters of the page's time.
      if (isRow) return;
      heat.update({ columns: store.columns, scope: origin.origin, stretch: store.stretch });
    },
  };
}

/** Shows how the origin is doing by shape, colour and word. */
export function statusBadge(): Part<OriginReport> {
  const word = el('strong');
  const why = el('span', { class: 'why' });
  const element = el('p', { class: 'badge' }, el('span', { class: 'lamp', 'aria-hidden': 'true' }), word, ' ', why);
  return {
    element,
    update(origin) {
      const verdict = verdictOf(origin);
      setAttribute(element, 'data-mood', verdict.mood);
      setText(word, verdict.word);
      setText(why, verdict.why);
    },
  };
}

function factsOf(store: Store, origin: OriginReport): NamedValues {
  const { requests, reused } = store.pace(origin.origin);
  const latency = sumOf(store.lately.flatMap((column) => inScope(column, origin.origin).map(({ latency }) => latency)));
  const middle = quantile(latency, 0.5);
  return [
    ['requests', `${rate(requests)} /s`],
    ['reused', requests > 0 ? percent(reused / requests) : '–'],
    ['half within', middle === undefined ? '–' : duration(middle)],
    ['idle limit', idleLimit(origin)],
  ];
}

/** How long a connection may be idle, and where the limit comes from if it is not the option. */
function idleLimit({ idleLimitMs }: OriginReport): string {
  const { effective, learned, hinted, configured } = idleLimitMs;
  if (effective === configured) return duration(effective);
  const isLearned = learned !== null && (hinted === null || learned <= hinted);
  return `${duration(effective)} ${isLearned ? 'learned' : 'told'}`;
}

function roleOf({ weight, backup, maxConnections, connections, tunnels }: OriginReport): string {
  const parts = [`${count(connections.open)} of ${count(maxConnections)} open`];
  if (backup) parts.unshift('backup');
  if (weight !== 1) parts.push(`weight ${weight}`);
  if (tunnels.open > 0) parts.push(plural(tunnels.open, 'tunnel'));
  return parts.join(' · ');
}
