/** What the tests on the wire have in common. */

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

/** Milliseconds to wait for something that must happen: a loaded machine is slow, not wrong. */
const PATIENCE_MS = 30_000;

/** Starts an origin. It is closed with the test. */
export async function startOrigin(options: ScriptedOriginOptions = {}): Promise<ScriptedOrigin> {
  const origin = patient(await ScriptedOrigin.start(options));
  onTestFinished(() => origin.close());
  return origin;
}

/** The same origin with a longer default limit for `until()`. */
export function patient(origin: ScriptedOrigin): ScriptedOrigin {
  const { until, blockUntil } = origin;
  origin.until = (holds, withinMs = PATIENCE_MS) => until.call(origin, holds, withinMs);
  origin.blockUntil = (holds, withinMs = PATIENCE_MS) => blockUntil.call(origin, holds, withinMs);
  return origin;
}

/** A backend that is destroyed with the test. */
export function backendOf(options: PooledBackendOptions): PooledBackend {
  const backend = new PooledBackend(options);
  onTestFinished(() => backend.destroy());
  return backend;
}

/** A backend in front of these origins. It is destroyed with the test. */
export function startBackend(
  origins: ScriptedOrigin | readonly ScriptedOrigin[],
  options: Omit<PooledBackendOptions, 'origins'> = {},
): PooledBackend {
  const all = origins instanceof ScriptedOrigin ? [origins] : origins;
  return backendOf({ ...options, origins: all.map((origin) => origin.url) });
}

/** How a request ended, in a form for assertions. */
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

/** Sends a request and reads its response to the end. Rejects only with errors that are not BackendErrors. */
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

/** Sends `count` requests one after the other on each of `lanes` lanes. Resolves to how each ended, by id. */
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

/** The outcomes with another status. */
export function notAnswered(outcomes: ReadonlyMap<string, Outcome>, status = 200): Outcome[] {
  return [...outcomes.values()].filter((outcome) => outcome.status !== status || 'code' in outcome);
}

/** Ids of requests that the origins together executed more than once. */
export function executedTwice(origins: readonly ScriptedOrigin[], ids: Iterable<string>): string[] {
  return [...ids].filter((id) => origins.reduce((sum, origin) => sum + origin.executions(id), 0) > 1);
}

/** @throws Error unless the counts say that nothing is in progress */
export function checkAtRest(backend: PooledBackend, maxConnections?: number): void {
  checkStats(backend.stats(), { atRest: true, ...(maxConnections !== undefined && { maxConnections }) });
}

/**
 * Sometimes the origin executes a request and closes without an answer, on new connections and on used ones. If a request that
 * must not be sent twice is sent again, this shows as a second execution.
 */
export const deadly: readonly Rule[] = [
  ...[1, 4, 7].map((connection) => ({ when: { connection }, steps: [execute(), close()] })),
  { when: { everyOnConnection: 5 }, steps: [execute(), close()] },
];

/** Milliseconds of the machine's time; for the pace of a load, never for an assertion. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
