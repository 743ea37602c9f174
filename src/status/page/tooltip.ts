/** Shows beside the pointer what a connection is doing. The table of the origin says the same for people without a pointer. */

import type { ConnectionStats, OriginReport } from '../report.js';
import { el } from './dom.js';
import { duration, plural } from './format.js';
import { WORDS } from './states.js';

export interface Explained {
  readonly origin: OriginReport;
  /** `undefined` for an empty place. */
  readonly slot: ConnectionStats | undefined;
}

const tooltip = el('div', { class: 'tooltip', hidden: true, 'aria-hidden': 'true' });

export function explainOnHover(cells: HTMLElement, find: (slot: number) => Explained | undefined): void {
  cells.addEventListener('pointermove', (event) => {
    const cell = event.target instanceof HTMLElement ? event.target.closest('i') : null;
    const slot = Number(cell?.getAttribute('data-slot') ?? Number.NaN);
    const explained = Number.isNaN(slot) ? undefined : find(slot);
    if (explained === undefined) hide();
    else show(event, linesOf(slot, explained));
  });
  cells.addEventListener('pointerleave', hide);
}

function linesOf(index: number, { slot }: Explained): readonly string[] {
  if (slot === undefined) return [`place ${index}`, 'empty'];
  const { name, meaning } = WORDS[slot.state];
  const ages = [`open for ${duration(slot.ageMs)}`, ...(slot.idleMs > 0 ? [`idle for ${duration(slot.idleMs)}`] : [])];
  if (slot.state === 'dialling') return [`place ${index} · ${name}`, meaning];
  return [`place ${index} · ${name}`, meaning, `${plural(slot.exchanges, 'exchange')} · ${ages.join(' · ')}`];
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
