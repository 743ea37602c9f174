/** Numbers in a form for people. */

const whole = new Intl.NumberFormat('en');
const oneDigit = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** A count, in millions if it is large. */
export function count(value: number): string {
  return value < 1_000_000 ? whole.format(value) : `${oneDigit.format(value / 1_000_000)} M`;
}

/** A number per second. */
export function rate(value: number): string {
  if (value < 0.05) return '0';
  if (value < 10) return oneDigit.format(value);
  return value < 100_000 ? whole.format(Math.round(value)) : `${whole.format(Math.round(value / 1000))} k`;
}

/** The same in words. */
export function perSecond(value: number): string {
  return `${rate(value)} per second`;
}

/** A share from 0 to 1. Only 1 is shown as 100 %, never a share that would be rounded up to it. */
export function percent(share: number): string {
  if (share >= 1) return '100 %';
  return share >= 0.9995 ? '99.9 %' : `${oneDigit.format(share * 100)} %`;
}

/** A length of time. `null` means no limit. */
export function duration(ms: number | null): string {
  if (ms === null || ms === Number.POSITIVE_INFINITY) return 'no limit';
  if (ms < 9.95) return `${trimmed(ms)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 9.95) return `${trimmed(s)} s`;
  if (s < 59.5) return `${Math.round(s)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return withRest(minutes, 'min', Math.floor(s % 60), 's', minutes < 10);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return withRest(hours, 'h', minutes % 60, 'min', true);
  return `${whole.format(Math.floor(hours / 24))} d`;
}

/** A limit. `null` means no limit. */
export function limit(value: number | null): string {
  return value === null ? 'no limit' : count(value);
}

/** Bytes. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const [unit, size] = value < 1_048_576 ? ['KiB', value / 1024] : ['MiB', value / 1_048_576];
  return `${size < 10 ? trimmed(size) : whole.format(Math.round(size))} ${unit}`;
}

/** The counts above 0 with their names, the largest first. */
export function largestFirst(counts: Readonly<Record<string, number>>): (readonly [string, string])[] {
  return Object.entries(counts)
    .filter(([, number]) => number > 0)
    .sort(([, one], [, other]) => other - one)
    .map(([name, number]) => [name, count(number)]);
}

/** `1 origin`, `2 origins`. */
export function plural(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** Time of day. */
export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString('en-GB');
}

function withRest(big: number, bigUnit: string, small: number, smallUnit: string, tellsRest: boolean): string {
  return tellsRest && small > 0 ? `${big} ${bigUnit} ${small} ${smallUnit}` : `${big} ${bigUnit}`;
}

function trimmed(value: number): string {
  return oneDigit.format(value).replace(/\.0$/, '');
}
