/** All events that can happen to a backend in memory, one at a time. */

/** The kinds of requests: a GET, or a POST with one of the values of `nonIdempotent`. */
export const KINDS = ['get', 'fresh', 'verified', 'any'] as const;
export type Kind = (typeof KINDS)[number];

/** The backend and the events that are explored. */
export interface Setting {
  readonly origins: number;
  /** `maxConnections` at first. */
  readonly slots: number;
  /** The requests. They are sent in this order, at any time. */
  readonly requests: readonly Kind[];
  /** Maximum number of faults in one history. All other events of the network are always possible. */
  readonly faults: number;
  /** Maximum number of changes by the owner in one history. Default 0. */
  readonly changes?: number;
  /** Spare connections; 0 = off. */
  readonly spares: number;
  /** Whether the kernel cannot be asked if a connection is alive. Default false. */
  readonly deaf?: boolean;
}

/** Events without a fault, which are always possible. */
type FairName = 'send' | 'open' | 'answer' | 'read' | 'tick';

/** Each of these events counts as one fault. */
const FAULTS = [
  ...(['refuse', 'speakFirst', 'fin', 'rst', 'stray', 'hiddenFin', 'hiddenStray', 'refuseWrite'] as const),
  ...(['answerAndClose', 'answerAndMore', 'halfHead', 'halfBody', 'abort', 'destroy'] as const),
];

/** What the owner may do: drain an origin, remove it, take it back, change its weight, or change the limit of all. */
const CHANGES = ['drain', 'serve', 'weighNothing', 'weigh', 'remove', 'add', 'resize'] as const;

export type ChangeName = (typeof CHANGES)[number];

export interface Event {
  readonly name: FairName | (typeof FAULTS)[number] | ChangeName;
  /** Number of the request, dial, connection or origin that it happens to, in the order in which they were made. */
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
