/** Names with their values: as a list, or as a table with a heading. */

import { el, type Part, showRows } from './dom.js';

export type NamedValues = readonly (readonly [name: string, value: string])[];

export function valueList(attributes: { readonly class?: string } = {}): Part<NamedValues> {
  const element = el('dl', attributes);
  return {
    element,
    update: (values) => showRows(element, values, () => el('div', {}, el('dt'), el('dd'))),
  };
}

export function valueTable(title: string, note: string): Part<NamedValues> {
  const rows = el('tbody');
  const caption = el('caption', {}, el('span', { class: 'head' }, title), ' ', el('small', {}, note));
  return {
    element: el('div', { class: 'panel' }, el('table', {}, caption, rows)),
    update(values) {
      const shown = values.length === 0 ? [['none so far', '']] : values;
      showRows(rows, shown, () => el('tr', {}, el('th', { scope: 'row' }), el('td')));
    },
  };
}
