/** Every connection of an origin as a row of a table, for people who prefer text to pictures. */

import { type ConnectionStats, type OriginReport, total } from '../report.js';
import { el, type Part, setAttribute, setText, showRows } from './dom.js';
import { count, duration, plural } from './format.js';
import { WORDS } from './states.js';

const HEADINGS = ['place', 'state', 'exchanges', 'open for', 'idle for'];

export function connectionTable(): Part<OriginReport> {
  const rows = el('tbody');
  const head = el('tr', {}, ...HEADINGS.map((heading) => el('th', { scope: 'col' }, heading)));
  const summary = el('summary');
  const scroller = el('div', {
    class: 'scroller',
    tabindex: 0,
    role: 'region',
    'aria-label': 'Connections one by one',
  });
  scroller.append(el('table', { class: 'connections' }, el('thead', {}, head), rows));
  const element = el('details', { class: 'panel' }, summary, scroller);
  return {
    element,
    update({ slots, states }) {
      const all = total(states);
      const first = all > slots.length ? `, the first ${count(slots.length)}` : '';
      setText(summary, `${plural(all, 'connection')}, one by one${first}`);
      if (!element.open) return;
      showRows(rows, slots.map(textsOf), newRow);
      for (const [index, row] of [...rows.rows].entries()) setAttribute(row, 'data-state', slots[index]?.state ?? '');
    },
  };
}

function newRow(): HTMLTableRowElement {
  return el('tr', {}, el('th', { scope: 'row' }), ...HEADINGS.slice(1).map(() => el('td')));
}

function textsOf({ slot, state, exchanges, ageMs, idleMs }: ConnectionStats): readonly string[] {
  const idle = idleMs > 0 ? duration(idleMs) : '–';
  return [String(slot), WORDS[state].name, count(exchanges), duration(ageMs), idle];
}
