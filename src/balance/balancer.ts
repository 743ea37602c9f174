/** The choice of an origin for a request: what a balancer sees, and what it answers. */

/** An origin that may take the request, as it stands at this moment. */
export interface Candidate {
  /** `scheme://host:port`. */
  readonly origin: string;
  /** A small number of its own, as long as it is one of the origins: at first its place in the option `origins`. */
  readonly index: number;
  /** Connections that carry a request. */
  readonly busy: number;
  /** Connections that could take one now. */
  readonly idle: number;
  /** Connections that are being made. */
  readonly dialling: number;
  /** How many connections it may have, of every kind. */
  readonly maxConnections: number;
  /** Its share of the requests beside that of the others, 0 to 256. Origins of weight 0 are no candidates. */
  readonly weight: number;
}

/** What a balancer may look at of a request. */
export interface BalancedRequest {
  /** As it will be sent: `GET`. */
  readonly method: string;
  /** The path that will be sent, with the query. */
  readonly path: string;
  /** End-to-end fields as name, value, name, value…, in the case they came in. */
  readonly fields: readonly string[];
}

/** Picks an origin for each request. Called synchronously, so it must be quick. */
export interface Balancer {
  /**
   * The picks depend on the request: one without an idle connection gets a connection of its own at the picked origin,
   * where else it would take the first that is free at any.
   *
   * @default false
   */
  readonly keeps?: boolean | undefined;
  /**
   * @param candidates at least one, in no order that means anything; valid only during the call
   * @param request that is to be sent; `undefined` when a connection is made for whoever has waited longest
   * @returns the position of the picked one in `candidates` (not its `index`)
   */
  pick(candidates: readonly Candidate[], request?: BalancedRequest): number;
}

/** Whether any candidate has weight. Where none has, all count alike. */
export function anyHasWeight(candidates: readonly Candidate[]): boolean {
  for (const candidate of candidates) if (candidate.weight > 0) return true;
  return false;
}

/**
 * Negative when `one` has less work for its weight than `other`, 0 when they have the same. Both have weight, or neither.
 * A connection that is being made counts: a request waits for it, or soon will.
 */
export function compareLoad(one: Candidate, other: Candidate): number {
  return (one.busy + one.dialling) * (other.weight || 1) - (other.busy + other.dialling) * (one.weight || 1);
}
