/** The connections of one origin side by side. Colour shows the state of a connection, height how hard it worked since the last report. */

import { MOST_SLOTS, type OriginReport } from '../report.js';
import { el, type Part, setAttribute } from './dom.js';
import { count } from './format.js';
import { inWords } from './states.js';
import type { Store } from './store.js';
import { explainOnHover } from './tooltip.js';

/** Visible height for every connection that works at all. */
const LEAST_HEIGHT = 0.12;

/** Up to this many slots fit in one row, in two rows, in three. */
const ROWS = [64, 128, 256, Number.POSITIVE_INFINITY];

export function strip(store: Store, isLarge = false): Part<OriginReport> {
  const cells = el('div', { class: isLarge ? 'strip large' : 'strip', role: 'img' });
  const more = el('p', { class: 'more', hidden: true });
  const element = el('div', {}, cells, more);
  let shown: OriginReport | undefined;
  explainOnHover(cells, (index) => shown?.slots.find(({ slot }) => slot === index));

  return {
    element,
    update(origin) {
      shown = origin;
      const places = placesOf(origin);
      const rows = ROWS.findIndex((most) => places.length <= most) + 1 || ROWS.length;
      cells.style.setProperty('--rows', String(rows));
      cells.style.setProperty('--columns', String(Math.max(1, Math.ceil(places.length / rows))));
      while (cells.childElementCount > places.length) cells.lastElementChild?.remove();
      while (cells.childElementCount < places.length) cells.append(el('i'));
      const bySlot = new Map(origin.slots.map((slot) => [slot.slot, slot]));
      let at = 0;
      for (const cell of cells.children) {
        const place = places[at++] ?? 0;
        const slot = bySlot.get(place);
        const work = slot === undefined ? 0 : store.workOf(origin.origin, place);
        setAttribute(cell, 'data-slot', String(place));
        setAttribute(cell, 'data-state', slot?.state ?? '');
        const height = work > 0 ? Math.max(LEAST_HEIGHT, work) : 0;
        (cell as HTMLElement).style.setProperty('--work', height.toFixed(2));
      }
      const { open, dialling } = origin.connections;
      setAttribute(cells, 'aria-label', `Connections: ${inWords(origin.states)}; at most ${origin.maxConnections}`);
      const hidden = open + dialling - origin.slots.length;
      more.hidden = hidden <= 0;
      if (hidden > 0) more.textContent = `and ${count(hidden)} more`;
    },
  };
}

/** A place for each slot, empty ones included. If there are too many, only slots that are in the report. */
function placesOf({ maxConnections, slots }: OriginReport): number[] {
  if (maxConnections > MOST_SLOTS) return slots.map(({ slot }) => slot);
  return Array.from({ length: maxConnections }, (_, index) => index);
}
