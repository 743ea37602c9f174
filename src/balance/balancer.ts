/** The choice of an origin for a request: what a balancer sees, and what it answers. */

/** An origin that can take the request now. */
export interface Candidate {
  /** Name of the origin, as `scheme://host:port`. */
  readonly origin: string;
  /** A small number that identifies the origin as long as it exists: initially its position in the option `origins`. */
  readonly index: number;
  /** Connections in use. */
  readonly busy: number;
  /** Connections that could take the request now. */
  readonly idle: number;
  /** Connections being opened. */
  readonly dialling: number;
  /** Maximum number of connections. */
  readonly maxConnections: number;
  /** Share of the requests relative to the other candidates: a number from 0 to 256, reduced during `slowStart`. */
  readonly weight: number;
}

/** What your functions for the options `balance` and `idempotent` get to know about a request. */
export interface RequestFacts {
  /** Method as it will be sent, for example `GET`. */
  readonly method: string;
  /** Path and query as they will be sent. */
  readonly path: string;
  /** End-to-end fields as a flat list: name, value, name, value… Names have the case they were received in. */
  readonly fields: readonly string[];
}

/**
 * Chooses an origin for each request. Pass your own as the option `balance`.
 *
 * @example
 * ```ts
 * const first: Balancer = {
 *   pick: () => 0,
 * };
 * ```
 */
export interface Balancer {
  /**
   * `true` if the choice depends on the request. A request that finds no idle connection then gets one at the chosen
   * origin; otherwise it takes the first that becomes free at any origin.
   *
   * @default false
   */
  readonly keeps?: boolean | undefined;
  /**
   * Chooses an origin. Called synchronously for every request with at least two candidates, so it must be fast. If it
   * throws or returns no valid position, the first candidate is used and the event `balanceFailed` is emitted.
   *
   * @param candidates in the order of `backend.origins.names`; valid only during the call
   * @param request the request to send; `undefined` if a connection is opened for whichever request has waited longest
   * @returns position of the chosen origin in `candidates` (not its `index`)
   */
  pick(candidates: readonly Candidate[], request?: RequestFacts): number;
}

/** Whether any candidate has weight. If none has, all count alike. */
export function anyHasWeight(candidates: readonly Candidate[]): boolean {
  for (const candidate of candidates) if (candidate.weight > 0) return true;
  return false;
}

/**
 * Negative when `one` has less work for its weight than `other`, 0 when they have the same. Both have weight, or neither.
 * A connection that is being dialled counts: a request waits for it, or soon will.
 */
export function compareLoad(one: Candidate, other: Candidate): number {
  return (one.busy + one.dialling) * (other.weight || 1) - (other.busy + other.dialling) * (one.weight || 1);
}
