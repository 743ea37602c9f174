/** The errors of requests that never got a connection, with what the origins were doing. */

import { BackendError, isError } from '../errors.js';
import type { Origin } from '../origin/origin.js';
import type { Refusal } from './queue/wait-queue.js';
import type { Waiter } from './queue/waiter.js';

const REFUSED: Readonly<Record<Refusal<Waiter>['reason'], string>> = {
  full: 'the queue is full',
  hopeless: 'the queue is too long to be served in time',
  displaced: 'made room for a newer request after half of its time',
};

/** A thousand names would make each message 65 KB long: 650 MB of logs for a full queue when all origins are down. */
const MOST_NAMED = 10;

/** The error of a request that the queue did not keep. */
export function refusalError<W extends Waiter>(
  { reason, retryAfter }: Refusal<W>,
  origins: readonly Origin[],
  waiting: number,
  now: number,
): BackendError {
  const message = `${REFUSED[reason]}: ${describe(origins, now)}, ${waiting} waiting`;
  return new BackendError('connection_limit_reached', message, {
    counts: origins.map((one) => one.counts),
    retryAfter,
  });
}

/** The error of a request that has waited as long as it may: for a slot, or for a dial that did not succeed in time. */
export function waitedOutError(
  waitedMs: number,
  retryAfter: number,
  origins: readonly Origin[],
  waiting: number,
  now: number,
): BackendError {
  const counts = origins.map((origin) => origin.counts);
  const message = `waited ${Math.round(waitedMs)} ms for a connection to ${describe(origins, now)}, ${waiting} waiting`;
  const isFull = origins.some(lacksSlots);
  if (isFull) return new BackendError('connection_limit_reached', message, { counts, retryAfter });
  const dialError = lastDialError(origins);
  if (dialError !== undefined) {
    return new BackendError(dialError.code, message, { counts, origin: dialError.origin, cause: dialError });
  }
  if (counts.some(({ dialling }) => dialling > 0)) return new BackendError('connection_timeout', message, { counts });
  return new BackendError('connection_limit_reached', message, { counts, retryAfter });
}

/** All slots were in use, at least half by requests. Some dials are normal: fresh connections take the place of others all the time. */
function lacksSlots({ counts: { busy, dialling }, options }: Origin): boolean {
  return busy + dialling >= options.maxConnections && busy >= dialling;
}

function lastDialError(origins: readonly Origin[]): BackendError | undefined {
  for (const { backoff } of origins) {
    if (backoff.state.name !== 'ready' && BackendError.is(backoff.state.lastError)) return backoff.state.lastError;
  }
  return undefined;
}

function describe(origins: readonly Origin[], now: number): string {
  if (origins.length === 0) return 'any origin: there is none';
  const named = origins.slice(0, MOST_NAMED).map((origin) => `${origin.name} ${stateOf(origin, now)}`);
  const others = origins.length - named.length;
  return [...named, ...(others > 0 ? [`any of ${others} others`] : [])].join(' or ');
}

function stateOf({ backoff, standing, counts, serves, options, service }: Origin, now: number): string {
  const { state } = backoff;
  if (!serves) return whyNot(options, service.state);
  if (state.name !== 'ready') {
    const { cause } = state.lastError;
    const why = isError(cause) && 'code' in cause ? String(cause.code) : state.lastError.message;
    return `(in back-off since ${Math.round((now - state.since) / 100) / 10} s: ${why})`;
  }
  const health = standing.state;
  const isOut = health.name === 'ejected' || health.name === 'down';
  const ejected = isOut ? `, ${health.name}: ${health.reason}` : '';
  return `(busy ${counts.busy}, idle ${counts.idle}, dialling ${counts.dialling}${ejected})`;
}

function whyNot({ weight, maxConnections }: Origin['options'], service: string): string {
  if (service !== 'serving') return `(${service})`;
  return maxConnections === 0 ? '(no share of its connections yet)' : `(weight ${weight})`;
}
