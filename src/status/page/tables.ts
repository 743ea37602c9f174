/** A small table of counts with a heading. */

import { el, type Part, setText } from './dom.js';

export function countTable(title: string, note: string): Part<readonly (readonly [string, string])[]> {
  const rows = el('tbody');
  const table = el(
    'table',
    {},
    el('caption', {}, el('span', { class: 'head' }, title), ' ', el('small', {}, note)),
    rows,
  );
  return {
    element: el('div', { class: 'panel' }, table),
    update(data) {
      const shown = data.length === 0 ? [['none so far', ''] as const] : data;
      while (rows.rows.length > shown.length) rows.deleteRow(-1);
      for (const [index, [name, value]] of shown.entries()) {
        const row = rows.rows[index] ?? rows.appendChild(el('tr', {}, el('th', { scope: 'row' }), el('td')));
        const [head, cell] = row.cells;
        if (head) setText(head, name);
        if (cell) setText(cell, value);
      }
    },
  };
}
