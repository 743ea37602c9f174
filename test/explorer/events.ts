/** All that can happen to a backend in memory, one thing at a time. */

/** How a request is asked for: a GET, or a POST with one of the values of `nonIdempotent`. */
export const KINDS = ['get', 'fresh', 'verified', 'any'] as const;
export type Kind = (typeof KINDS)[number];

/** What is explored. */
export interface Setting {
  readonly origins: number;
  /** Connections for each origin, at first. */
  readonly slots: number;
  /** The requests, sent in this order, at any time. */
  readonly requests: readonly Kind[];
  /** Most faults in one history: what is no fault is as it should be, and always possible. */
  readonly faults: number;
  /** Most changes that the owner makes in one history. Default 0. */
  readonly changes?: number;
  /** Spare connections; 0 = off. */
  readonly spares: number;
  /** The kernel cannot be asked whether a connection is alive. Default false. */
  readonly deaf?: boolean;
}

/** Those that go well, and always may happen. */
type FairName = 'send' | 'open' | 'answer' | 'read' | 'tick';

/** Each counts as one fault. */
const FAULTS = [
  ...(['refuse', 'speakFirst', 'fin', 'rst', 'stray', 'hiddenFin', 'hiddenStray', 'refuseWrite'] as const),
  ...(['answerAndClose', 'answerAndMore', 'halfHead', 'halfBody', 'abort', 'destroy'] as const),
];

/** The owner's doing: an origin is drained or gone, is taken back, or has another weight; all have another limit. */
const CHANGES = ['drain', 'serve', 'weighNothing', 'weigh', 'remove', 'add', 'resize'] as const;

export type ChangeName = (typeof CHANGES)[number];

export interface Event {
  readonly name: FairName | (typeof FAULTS)[number] | ChangeName;
  /** Of the request, dial, connection or origin that it happens to, in order of their making. */
  readonly of: number;
}

export interface Change extends Event {
  readonly name: ChangeName;
}

const FAULT_NAMES: ReadonlySet<string> = new Set(FAULTS);
const CHANGE_NAMES: ReadonlySet<string> = new Set(CHANGES);
const OF_NOTHING: ReadonlySet<string> = new Set(['tick', 'destroy', 'resize']);

export function isFault({ name }: Event): boolean {
  return FAULT_NAMES.has(name);
}

export function isChange(event: Event): event is Change {
  return CHANGE_NAMES.has(event.name);
}

export function tell(history: readonly Event[]): string {
  return history.map(({ name, of }) => (OF_NOTHING.has(name) ? name : `${name} ${of}`)).join(', ');
}
