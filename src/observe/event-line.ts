/** An event on one line, for people: `name=value name=value`. */

import { isError, messageOf } from '../errors.js';

/** Formats the details of an event. Whatever they contain, the result has no line break, and nothing that a terminal would obey. */
export function eventLine(details: object): string {
  return Object.entries(details)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${shown(value)}`)
    .join(' ');
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000);
  const text = textOf(value);
  return !isError(value) && /^[\w.:/?&=%@+-]+$/.test(text) ? text : quoted(text);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (isError(value)) return messageOf(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return messageOf(value); // a thrown value that JSON cannot represent
  }
}

/** JSON leaves these as they are: DEL, the control characters above ASCII (0x9b begins an escape sequence), and two ends of lines. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\x7f-\x9f\u2028\u2029]/g, (one) => {
    return `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
