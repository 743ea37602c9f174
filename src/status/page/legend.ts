/** What each colour means, and how many connections have it. */

import type { OriginReport } from '../report.js';
import { el, type Part, setText } from './dom.js';
import { count } from './format.js';
import { STATES, WORDS } from './states.js';

export function legend(): Part<readonly OriginReport[]> {
  const numbers = STATES.map(() => el('b'));
  const entries = STATES.map((state, index) => {
    const swatch = el('i', { 'data-state': state, 'aria-hidden': 'true' });
    swatch.style.setProperty('--work', '0.6');
    return el('li', { title: WORDS[state].meaning }, swatch, WORDS[state].name, ' ', numbers[index] ?? '');
  });
  return {
    element: el('ul', { class: 'legend', 'aria-label': 'States of connections' }, ...entries),
    update(origins) {
      for (const [index, state] of STATES.entries()) {
        const number = numbers[index];
        const all = origins.reduce((sum, { states }) => sum + states[state], 0);
        if (number) setText(number, count(all));
        entries[index]?.classList.toggle('none', all === 0);
      }
    },
  };
}
