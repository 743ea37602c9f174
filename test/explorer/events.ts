/** All that can happen to a backend in memory, one thing at a time. */

/** How a request is asked for: a GET, or a POST with one of the values of `nonIdempotent`. */
export const KINDS = ['get', 'fresh', 'verified', 'any'] as const;
export type Kind = (typeof KINDS)[number];

/** What is explored. */
export interface Setting {
  readonly origins: number;
  /** Connections for each origin. */
  readonly slots: number;
  /** The requests, sent in this order, at any time. */
  readonly requests: readonly Kind[];
  /** Most faults in one history: what is no fault is as it should be, and always possible. */
  readonly faults: number;
  /** Spare connections; 0 = off. */
  readonly spares: number;
  /** The kernel cannot be asked whether a connection is alive. Default false. */
  readonly deaf?: boolean;
}

/** Those that go well, and always may happen. */
export const FAIR = ['send', 'open', 'answer', 'read', 'tick'] as const;

/** Each counts as one fault. */
export const FAULTS = [
  ...(['refuse', 'speakFirst', 'fin', 'rst', 'stray', 'hiddenFin', 'hiddenStray', 'refuseWrite'] as const),
  ...(['answerAndClose', 'answerAndMore', 'halfHead', 'halfBody', 'abort', 'destroy'] as const),
];

export interface Event {
  readonly name: (typeof FAIR)[number] | (typeof FAULTS)[number];
  /** Of the request, dial or connection that it happens to, in order of their making. */
  readonly of: number;
}

const FAULT_NAMES: ReadonlySet<string> = new Set(FAULTS);

export function isFault({ name }: Event): boolean {
  return FAULT_NAMES.has(name);
}

export function tell(history: readonly Event[]): string {
  return history.map(({ name, of }) => (name === 'tick' || name === 'destroy' ? name : `${name} ${of}`)).join(', ');
}
