/** What must hold in every state of a backend, whatever happened before. Each check throws if a promise is broken. */

import { checkStats } from '../../src/testing/index.js';
import type { Caller, MemoryBackend } from '../memory-backend.js';
import type { Kind, Setting } from './events.js';

type Origin = MemoryBackend['origins'][number];

/** @throws Error that says which promise is broken */
export function checkPromises(backend: MemoryBackend, setting: Setting, destroyed: boolean): void {
  checkStats(backend.stats);
  checkSockets(backend);
  checkRequests(backend, setting);
  if (!destroyed) checkWaiters(backend);
}

/** The counts must be those of the actual sockets. The owner checks the limit. */
export function checkSockets({ stats, peers, dialling: dials }: MemoryBackend): void {
  for (const { origin, connections } of stats.origins) {
    const open = peers.filter((peer) => peer.origin === origin && !peer.near.destroyed).length;
    const dialling = dials.filter(({ target }) => target.origin === origin).length;
    if (open !== connections.open || dialling !== connections.dialling) {
      throw new Error(`${origin} counts ${connections.open} + ${connections.dialling}, not ${open} + ${dialling}`);
    }
  }
  if (peers.some((peer) => peer.owes > 1)) throw new Error('two requests are under way on one connection');
}

/** No request may be sent too often, get the bytes of another one, or end twice. */
export function checkRequests({ peers, callers, dispatcher }: MemoryBackend, { requests }: Setting): void {
  const lines = peers.flatMap((peer) => peer.requests);
  for (const [index, caller] of callers.entries()) checkRequest(caller, requests[index], lines);
  const left = callers.filter((caller) => !caller.over).length;
  if (left !== dispatcher.inFlight) throw new Error(`${left} requests are left, not ${dispatcher.inFlight}`);
}

function checkRequest(caller: Caller, kind: Kind | undefined, lines: readonly string[]): void {
  const number = caller.name.slice(1);
  const seen = lines.filter((line) => line.endsWith(` /${number}`)).length;
  if (seen > (kind === 'get' ? 2 : 1)) throw new Error(`request ${number} was sent ${seen} times`);
  if (caller.endings > 1 || caller.late > 0) throw new Error(`request ${number} ended ${caller.endings} times`);
  const isWhole = caller.outcome === 200 && !caller.aborted;
  const isOwn = isWhole ? caller.body === number : number.startsWith(caller.body);
  if (!isOwn) throw new Error(`request ${number} got the bytes ${JSON.stringify(caller.body)}`);
}

/** No request may wait while there is something that it could use. */
function checkWaiters(backend: MemoryBackend): void {
  const { queue, origins, dialling } = backend;
  if (queue.length === 0) return;
  const serving = origins.filter(({ serves }) => serves);
  for (const origin of serving.filter((one) => serving.length === 1 || isWell(one))) {
    const { idle, spare } = origin.counts;
    const any = backend.waitingFor(origin, 'any');
    const fresh = Math.min(backend.waitingFor(origin, 'fresh'), origin.freshShareLeft);
    const strict = backend.waitingFor(origin, 'verified') + backend.waitingFor(origin, 'resent') + fresh;
    const beside = (what: string): Error => {
      return new Error(
        `a request waits beside ${what}: ${JSON.stringify([any, strict, dialling.length, origin.counts])}`,
      );
    };
    if (any > 0 && idle > 0) throw beside('an idle connection');
    if (strict > 0 && spare > 0) throw beside('a spare');
    if (any + strict > dialling.length && origin.canDial) throw beside('an empty slot');
    if (strict > dialling.length && origin.canMakeRoom) throw beside('a slot to be made');
  }
}

function isWell({ backoff, standing }: Origin): boolean {
  return backoff.state.name === 'ready' && standing.state.name === 'healthy';
}
