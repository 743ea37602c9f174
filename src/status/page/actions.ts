/** Buttons that change an origin. A page has them if the server gave it a token. */

import type { OriginReport } from '../report.js';
import { byId, el, type Part, setAttribute, setText } from './dom.js';
import { hostOf } from './verdict.js';

/** Proves to the server that an action comes from this page; `undefined` on a page that can only be read. */
const token = document.querySelector<HTMLMetaElement>('meta[name="status-token"]')?.content;

const MOST_WEIGHT = 256;
const ANSWER_MS = 15_000;

/** Drains an origin, or makes it ready again. */
export function drainButton(): Part<OriginReport> | undefined {
  if (token === undefined) return undefined;
  const element = el('button', { type: 'button', class: 'drain' });
  let shown: OriginReport | undefined;
  const send = oneAtATime();
  element.addEventListener('click', ({ detail }) => {
    // The second click of a double click would undo the first.
    if (shown !== undefined && detail < 2) void send({ origin: shown.origin, action: actionFor(shown) });
  });
  return {
    element,
    update(origin) {
      shown = origin;
      const word = actionFor(origin) === 'ready' ? 'Make ready' : 'Drain';
      setText(element, word);
      setAttribute(element, 'aria-label', `${word}: ${hostOf(origin)}`);
      element.hidden = origin.service === 'leaving' || origin.service === 'closed';
    },
  };
}

/** Sets the weight of an origin. */
function weightForm(): Part<OriginReport> | undefined {
  if (token === undefined) return undefined;
  const input = el('input', {
    type: 'number',
    min: 0,
    max: MOST_WEIGHT,
    step: 1,
    required: true,
    inputmode: 'numeric',
  });
  const element = el('form', { class: 'weight' }, el('label', {}, 'Weight ', input), el('button', {}, 'Set weight'));
  let shown: OriginReport | undefined;
  let isEdited = false;
  const send = oneAtATime();
  input.addEventListener('input', () => {
    isEdited = true;
  });
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    if (shown === undefined) return;
    isEdited = false;
    void send({ origin: shown.origin, action: 'weight', weight: input.value });
  });
  return {
    element,
    update(origin) {
      shown = origin;
      // A number that somebody is typing is not overwritten.
      if (!isEdited && document.activeElement !== input) input.value = String(origin.weight);
      element.hidden = origin.service === 'leaving' || origin.service === 'closed';
    },
  };
}

/** The button and the form, in a panel. */
export function actionsPanel(): Part<OriginReport> | undefined {
  const [drain, weight] = [drainButton(), weightForm()];
  if (drain === undefined || weight === undefined) return undefined;
  const parts = el('div', { class: 'actions' }, drain.element, weight.element);
  return {
    element: el('section', { class: 'panel' }, el('h3', {}, 'Actions'), parts),
    update(origin) {
      drain.update(origin);
      weight.update(origin);
    },
  };
}

function actionFor({ service }: OriginReport): 'drain' | 'ready' {
  return service === 'draining' ? 'ready' : 'drain';
}

/** A second click before the first is answered does nothing. */
function oneAtATime(): (query: Readonly<Record<string, string>>) => Promise<void> {
  let isSending = false;
  return async (query) => {
    if (isSending) return;
    isSending = true;
    say(await answered(query));
    isSending = false;
  };
}

async function answered(query: Readonly<Record<string, string>>): Promise<string> {
  const address = `${location.origin}${location.pathname}?${new URLSearchParams(query)}`;
  try {
    const headers = { 'X-Status-Token': token ?? '' };
    const response = await fetch(address, { method: 'POST', headers, signal: AbortSignal.timeout(ANSWER_MS) });
    return (await response.text()).trim();
  } catch {
    return 'no answer: nobody knows whether it was done';
  }
}

/** Shows the text; screen readers read it out. */
function say(text: string): void {
  setText(byId('said'), text);
}
