/** The state of a backend in memory: everything that decides what it does next. */

import { Run } from '../../src/dispatch/run.js';
import type { Caller, MemoryBackend, MemoryDial, Peer } from '../memory-backend.js';

/** Facts about the far ends of its connections. */
export class FarSide {
  /** What is unread in the kernel. */
  readonly held = new Map<Peer, string>();
  /** Length of the history at its last answer. */
  readonly lastUsed = new Map<Peer, number>();
  /** When it was opened, or answered last. */
  readonly idleSince = new Map<Peer, number>();
  /** Peers whose next bytes from the backend the kernel refuses. */
  readonly refusing = new Set<Peer>();
  /** Peers that sent more than the answer. */
  readonly saidMore = new Set<Peer>();
  /** The purpose of each dial that is not for stock. */
  readonly purposes = new Map<MemoryDial, string>();
}

export function lookOf(backend: MemoryBackend, far: FarSide): unknown[] {
  const { queue, dispatcher } = backend;
  return [
    ...[looksOfOrigins(backend), looksOfPeers(backend, far), looksOfRequests(backend)],
    backend.dialling.map((dial) => [dial.target.origin, far.purposes.get(dial)]),
    [dispatcher.matching.coming, dispatcher.matching.overtakes, queue.stats.overloaded, queue.calmMs],
  ];
}

function looksOfOrigins({ origins, clock }: MemoryBackend): unknown[] {
  const now = clock.now();
  return origins.map(({ counts, backoff, standing, idleLimit, shutdown, freshShareLeft, service, options }) => [
    ...[counts.busy, counts.idle, counts.dialling, counts.spare, freshShareLeft, shutdown.likely],
    ...[relative(backoff.state, now), relative(standing.state, now), idleLimit.effectiveMs, idleLimit.keepsYoung(now)],
    ...[service.state, options.weight, backoff.isLate],
  ]);
}

/** The open connections, in the order in which they were opened. */
function looksOfPeers({ peers, clock }: MemoryBackend, { lastUsed, idleSince, held, refusing }: FarSide): unknown[] {
  const now = clock.now();
  const order = [...lastUsed.values()].sort((one, other) => one - other);
  return peers
    .filter(({ closed }) => !closed)
    .map((peer) => [
      ...[peer.origin, peer.owes > 0 ? peer.requests.at(-1) : '', Math.min(2, peer.requests.length)],
      ...[peer.isInBody, held.get(peer), refusing.has(peer), order.indexOf(lastUsed.get(peer) ?? -1)],
      peer.owes > 0 ? '' : Math.ceil(now - (idleSince.get(peer) ?? 0)),
    ]);
}

function looksOfRequests({ callers }: MemoryBackend): unknown[] {
  return callers.map((caller) => [
    ...[caller.outcome, caller.aborted, caller.head?.statusCode],
    ...(caller.dispatch?.attempts.map(({ origin, reused, sent, received }) => [origin, reused, sent, received]) ?? []),
    placeOf(caller, callers),
  ]);
}

/** The travel of a request and, if it waits, how many waiting ones came before it. */
function placeOf({ dispatch }: Caller, callers: readonly Caller[]): unknown {
  if (!(dispatch instanceof Run) || dispatch.ended) return '';
  if (!dispatch.waiting) return dispatch.travel;
  const { sequence } = dispatch;
  const before = callers.filter(
    ({ dispatch: other }) => other instanceof Run && other.waiting && other.sequence < sequence,
  );
  return [dispatch.travel, before.length];
}

/** A state in which moments are replaced by lengths of time from now. */
function relative(state: object, now: number): string {
  const entries = Object.entries(state).filter(([, value]) => typeof value !== 'object');
  return entries
    .map(([name, value]) => (name === 'until' ? Math.ceil(Math.max(0, value - now)) : name === 'since' ? '' : value))
    .join();
}
