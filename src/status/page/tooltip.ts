/** Shows beside the pointer what a connection is doing. The table of the origin says the same for people without a pointer. */

import type { ConnectionStats } from '../report.js';
import { el } from './dom.js';
import { duration, plural } from './format.js';
import { WORDS } from './states.js';

const tooltip = el('div', { class: 'tooltip', hidden: true, 'aria-hidden': 'true' });

/** `find` returns the connection in a slot; `undefined` if it has none. */
export function explainOnHover(cells: HTMLElement, find: (slot: number) => ConnectionStats | undefined): void {
  cells.addEventListener('pointermove', (event) => {
    const cell = event.target instanceof HTMLElement ? event.target.closest('i') : null;
    const place = cell?.getAttribute('data-slot');
    if (place) show(event, linesOf(place, find(Number(place))));
    else hide();
  });
  cells.addEventListener('pointerleave', hide);
}

function linesOf(place: string, slot: ConnectionStats | undefined): readonly string[] {
  if (slot === undefined) return [`place ${place}`, 'empty'];
  const { name, meaning } = WORDS[slot.state];
  const ages = [`open for ${duration(slot.ageMs)}`, ...(slot.idleMs > 0 ? [`idle for ${duration(slot.idleMs)}`] : [])];
  if (slot.state === 'dialling') return [`place ${place} · ${name}`, meaning];
  return [`place ${place} · ${name}`, meaning, `${plural(slot.exchanges, 'exchange')} · ${ages.join(' · ')}`];
}

function show(event: PointerEvent, lines: readonly string[]): void {
  if (!tooltip.isConnected) document.body.append(tooltip);
  tooltip.replaceChildren(...lines.map((line) => el('div', {}, line)));
  tooltip.hidden = false;
  const { width, height } = tooltip.getBoundingClientRect();
  const x = Math.min(event.clientX + 12, innerWidth - width - 8);
  const y = event.clientY + 18 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 18;
  tooltip.style.transform = `translate(${Math.max(8, x)}px, ${y}px)`;
}

function hide(): void {
  tooltip.hidden = true;
}
