/** The choice of an origin for a request: what a balancer sees, and what it answers. */

/** An origin that may take the request, as it stands at this moment. */
export interface Candidate {
  /** `scheme://host:port`. */
  readonly origin: string;
  /** Its place in the option `origins`: always the same for an origin, whoever else is a candidate. */
  readonly index: number;
  /** Connections that carry a request. */
  readonly busy: number;
  /** Connections that could take one now. */
  readonly idle: number;
  /** Connections that are being made. */
  readonly dialling: number;
  readonly maxConnections: number;
  /** Its share of the requests beside that of the others, 0 to 256. 0: only when all candidates have 0. */
  readonly weight: number;
}

/** Picks an origin for each request. Called synchronously, so it must be quick. */
export interface Balancer {
  /**
   * @param candidates at least one, in no order that means anything; valid only during the call
   * @returns the position of the picked one in `candidates` (not its `index`)
   */
  pick(candidates: readonly Candidate[]): number;
}

/** The option `balance`: one of the three that are built in, or your own. */
export type BalanceOption = 'least-busy' | 'round-robin' | 'two-choices' | Balancer;

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
