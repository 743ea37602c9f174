/** An event on one line, for people: `name=value name=value`. */

import { messageOf } from './errors.js';

/** The details of an event, without a line break, or what a terminal would obey, whatever they are. */
export function eventLine(details: object): string {
  return Object.entries(details)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${shown(value)}`)
    .join(' ');
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000);
  const text = textOf(value);
  return !(value instanceof Error) && /^[\w.:/?&=%@+-]+$/.test(text) ? text : quoted(text);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return messageOf(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return messageOf(value); // a thrown value that JSON cannot represent
  }
}

/** JSON lets these stand: control characters above ASCII, of which 0x9b begins an escape sequence, and ends of lines. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\x7f-\x9f\u2028\u2029]/g, (one) => {
    return `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
