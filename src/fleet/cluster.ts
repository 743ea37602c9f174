/** `pooled-backend/cluster`: the primary process of a cluster shares a total of connections among its workers. */

import cluster, { type Worker } from 'node:cluster';
import { duration } from '../options/checks.js';
import { type Rules, resolveSection, withDefault } from '../options/rules.js';
import { systemClock } from '../time/clock.js';
import { ShareCoordinator } from './share-coordinator.js';
import { asRequest } from './share-message.js';

/** Options of `shareConnections()`. */
export interface ShareConnectionsOptions {
  /**
   * Milliseconds for which the share of an exited worker is reserved for its replacement, or `Infinity`. Then it goes
   * to the other workers. The same applies to the share of a backend or origin that a worker has closed, though the
   * worker lives. At least 1.
   *
   * @default 10000
   */
  readonly restartTimeout?: number | undefined;
}

/** Share of one backend in one worker of the connections to one origin. */
export interface WorkerShare {
  /** Name of the origin, as `scheme://host:port`. */
  readonly origin: string;
  /** Id of the worker, as in `cluster.workers`. */
  readonly worker: number;
  /** Number of connections assigned to it. */
  readonly share: number;
  /**
   * Number of connections it may still hold: more than `share` while it closes some, which the other workers then get.
   */
  readonly held: number;
}

/** Result of `shareConnections()`. */
export interface ConnectionSharing {
  /** Returns the current shares. */
  shares(): readonly WorkerShare[];
}

const rules: Rules<{ restartTimeout: number }> = { restartTimeout: withDefault(duration, 10_000) };
// Two copies of this module, one as ESM and one as CJS, would give the same connections away twice.
const SHARED = Symbol.for('pooled-backend.shareConnections');

/**
 * Shares connections among the workers of this cluster, for every backend with `maxConnections: { total }`: together
 * they never hold more than the total to each origin. Call it once in the primary, before or after forking. It
 * communicates over the messages of `node:cluster` and ignores all others.
 *
 * @throws Error in a worker, and when called twice; TypeError or RangeError for invalid options
 *
 * @example
 * ```ts
 * if (cluster.isPrimary) {
 *   shareConnections();
 *   for (let i = 0; i < 4; i++) cluster.fork();
 * } else {
 *   const backend = new PooledBackend({ origins: ['http://127.0.0.1:9001'], maxConnections: { total: 100 } });
 * }
 * ```
 */
export function shareConnections(options: ShareConnectionsOptions = {}): ConnectionSharing {
  const { restartTimeout } = resolveSection('', options, rules);
  if (!cluster.isPrimary)
    throw new Error('shareConnections() must be called in the primary of a cluster, not in a worker');
  if (Reflect.has(cluster, SHARED)) throw new Error('shareConnections() must be called only once');
  Reflect.set(cluster, SHARED, true);
  const coordinator = new ShareCoordinator({
    clock: systemClock,
    restartTimeoutMs: restartTimeout,
    workers: () => Object.values(cluster.workers ?? {}).filter((worker) => worker?.isDead() === false).length,
    send: (id, reply) => {
      const worker = cluster.workers?.[id];
      if (worker?.isConnected() === true) worker.send(reply, () => {});
    },
  });
  cluster.on('message', (worker: Worker, message: unknown) => {
    const request = asRequest(message);
    // A message that a worker sent before its end may be read after it.
    if (request !== undefined && !worker.isDead()) coordinator.heard(worker.id, request);
  });
  cluster.on('exit', ({ id }: Worker) => coordinator.gone(id));
  return { shares: () => listed(coordinator) };
}

function listed(coordinator: ShareCoordinator): readonly WorkerShare[] {
  return [...coordinator.shares].flatMap(([origin, members]) =>
    [...members].map(([id, { told, held }]) => {
      return Object.freeze({ origin, worker: Number.parseInt(id, 10), share: told, held });
    }),
  );
}
