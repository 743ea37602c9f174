/** What every test on the wire begins and ends with. */

import { BackendError, PooledBackend, type PooledBackendOptions } from 'pooled-backend';
import {
  checkStats,
  close,
  execute,
  type Rule,
  ScriptedOrigin,
  type ScriptedOriginOptions,
} from 'pooled-backend/testing';
import { onTestFinished } from 'vitest';

/** Milliseconds to wait for what must come: a loaded machine is slow, not wrong. */
const PATIENCE_MS = 30_000;

/** An origin that is closed with the test. */
export async function startOrigin(options: ScriptedOriginOptions = {}): Promise<ScriptedOrigin> {
  const origin = patient(await ScriptedOrigin.start(options));
  onTestFinished(() => origin.close());
  return origin;
}

/** The same origin, whose waits are as long as a test can bear where nothing else is said. */
export function patient(origin: ScriptedOrigin): ScriptedOrigin {
  const { until, blockUntil } = origin;
  origin.until = (holds, withinMs = PATIENCE_MS) => until.call(origin, holds, withinMs);
  origin.blockUntil = (holds, withinMs = PATIENCE_MS) => blockUntil.call(origin, holds, withinMs);
  return origin;
}

/** A backend in front of these origins that is destroyed with the test. */
export function startBackend(
  origins: ScriptedOrigin | readonly ScriptedOrigin[],
  options: Omit<PooledBackendOptions, 'origins'> = {},
): PooledBackend {
  const all = origins instanceof ScriptedOrigin ? [origins] : origins;
  const backend = new PooledBackend({ ...options, origins: all.map((origin) => origin.url) });
  onTestFinished(() => backend.destroy());
  return backend;
}

/** How a request ended, in what a test compares. */
export type Outcome =
  | { readonly status: number; readonly body: string; readonly attempts: number }
  | { readonly code: string; readonly status: number; readonly delivery: string; readonly attempts: number };

export interface Sending {
  readonly method?: string;
  readonly path?: string;
  /** `x-request-id`, under which the origin counts executions. Default: a new one. */
  readonly id?: string;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
  readonly requestTimeout?: number;
}

let ids = 0;

/** An id that no other request has. */
export function newId(): string {
  ids += 1;
  return `request-${ids}`;
}

/** Sends a request and reads its response to the end. Never rejects but for what is not a BackendError. */
export async function outcomeOf(backend: PooledBackend, sending: Sending = {}): Promise<Outcome> {
  const { method = 'GET', path = '/', id = newId(), body, signal, requestTimeout } = sending;
  try {
    const response = await backend.request({
      method,
      path,
      headers: { 'X-Request-Id': id },
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
      ...(requestTimeout !== undefined && { requestTimeout }),
    });
    const text = await response.body.text();
    return { status: response.statusCode, body: text, attempts: response.attempts.length };
  } catch (error) {
    if (!BackendError.is(error)) throw error;
    return { code: error.code, status: error.statusCode, delivery: error.delivery, attempts: error.attempts.length };
  }
}

/** Sends `count` requests one after the other on each of `lanes` lanes, and tells how each ended, by id. */
export async function load(
  backend: PooledBackend,
  { count, lanes, ...sending }: Omit<Sending, 'id'> & { readonly count: number; readonly lanes: number },
  between: () => Promise<void> = async () => undefined,
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const lane = async (): Promise<void> => {
    for (let sent = 0; sent < count; sent += 1) {
      const id = newId();
      outcomes.set(id, await outcomeOf(backend, { ...sending, id }));
      await between();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return outcomes;
}

/** Those that did not end with this status. */
export function notAnswered(outcomes: ReadonlyMap<string, Outcome>, status = 200): Outcome[] {
  return [...outcomes.values()].filter((outcome) => outcome.status !== status || 'code' in outcome);
}

/** Ids that the origins together executed more than once. */
export function executedTwice(origins: readonly ScriptedOrigin[], ids: Iterable<string>): string[] {
  return [...ids].filter((id) => origins.reduce((sum, origin) => sum + origin.executions(id), 0) > 1);
}

/** Nothing is under way: the counts must say so. */
export function checkAtRest(backend: PooledBackend, maxConnections?: number): void {
  checkStats(backend.stats(), { atRest: true, ...(maxConnections !== undefined && { maxConnections }) });
}

/**
 * Now and then the origin executes and dies without an answer, on new connections and on used ones: a re-send of what
 * must not be sent twice then shows as a second execution.
 */
export const deadly: readonly Rule[] = [
  ...[1, 4, 7].map((connection) => ({ when: { connection }, steps: [execute(), close()] })),
  { when: { everyOnConnection: 5 }, steps: [execute(), close()] },
];

/** Milliseconds of the machine's time; for the pace of a load, never for an assertion. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
