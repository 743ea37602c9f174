/** One cell of the fault matrix: the fault, where it strikes, and the kind of request that it meets. */

/** `head-sent` and `body-sent`: the origin has taken `at` bytes of head or body. `after`: the response is complete. */
export const PHASES = [
  ...(['dial', 'tls', 'idle', 'head-sent', 'body-sent', 'all-sent'] as const),
  ...(['response-head', 'response-body', 'after'] as const),
];

/** `none`: only the event loop is blocked. `refusal`: the kernel refuses the write. */
export const FAULTS = ['none', 'fin', 'rst', 'stall', 'garbage', 'stray', 'refusal'] as const;

export type Phase = (typeof PHASES)[number];
export type Fault = (typeof FAULTS)[number];

/** The properties of a request that decide what happens to it. */
export interface RequestClass {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** The option `nonIdempotent`. */
  readonly travel: 'fresh' | 'verified' | 'any';
  readonly connection: 'fresh' | 'reused';
  /** `spent`: more of the body was given out than is kept. */
  readonly body: 'none' | 'small' | 'spent';
}

export interface Cell extends RequestClass {
  readonly phase: Phase;
  /** The byte after which the fault strikes. */
  readonly at: number;
  readonly fault: Fault;
  /** `blocked`: the event loop is blocked while the fault arrives, so the fault is unread in the kernel. */
  readonly loop: 'free' | 'blocked';
  readonly framing: 'length' | 'chunked';
}

/** Every kind of request, on every kind of connection that it may use. */
export const CLASSES: readonly RequestClass[] = [
  ...(['fresh', 'reused'] as const).flatMap((connection) => [
    { method: 'GET', travel: 'fresh', connection, body: 'none' } as const,
    { method: 'PUT', travel: 'fresh', connection, body: 'small' } as const,
    { method: 'PUT', travel: 'fresh', connection, body: 'spent' } as const,
  ]),
  ...(['none', 'small', 'spent'] as const).flatMap((body) => [
    { method: 'POST', travel: 'fresh', connection: 'fresh', body } as const,
    { method: 'POST', travel: 'verified', connection: 'fresh', body } as const,
    { method: 'POST', travel: 'verified', connection: 'reused', body } as const,
    { method: 'POST', travel: 'any', connection: 'fresh', body } as const,
    { method: 'POST', travel: 'any', connection: 'reused', body } as const,
  ]),
];

export const REQUEST_BODY = { none: '', small: 'small body!', spent: 'spent-'.repeat(12) } as const;
/** How many bytes of a body are kept. */
export const REPLAY_BYTES = 8;

export const STRAY = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray';
export const GARBAGE = '\0\u0001 no HTTP\r\r\n\n';

/** The response of an origin, in its two parts. */
export function responseOf(body: string, framing: Cell['framing']): { readonly head: string; readonly body: string } {
  if (framing === 'length') return { head: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`, body };
  return {
    head: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    body: `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  };
}

export function nameOf({ phase, at, fault, loop, method, travel, connection, body, framing }: Cell): string {
  return [`${phase}@${at}`, fault, loop, method, travel, connection, body, framing].join('/');
}

/** A command that runs this cell alone. */
export function replayOf(cell: Cell, file: string): string {
  return `FAULT_CELL='${nameOf(cell)}' npx vitest run ${file}`;
}

/** The cells to run: all, unless the environment variable FAULT_CELL names one. */
export function asked(cells: readonly Cell[]): readonly Cell[] {
  const { FAULT_CELL } = process.env;
  return FAULT_CELL === undefined ? cells : cells.filter((cell) => nameOf(cell) === FAULT_CELL);
}
