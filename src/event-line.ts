/** An event on one line, for people: `name=value name=value`. */

/** The details of an event, without a line break whatever they are. */
export function eventLine(details: object): string {
  return Object.entries(details)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${shown(value)}`)
    .join(' ');
}

function shown(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000);
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return /^[\w.:/?&=%@+-]+$/.test(text) ? text : JSON.stringify(text);
}
