/** `pooled-backend/cluster`: the primary of a cluster shares connections out to its workers. */

import cluster, { type Worker } from 'node:cluster';
import { systemClock } from '../clock.js';
import { duration, type Rules, resolveSection, withDefault } from '../options/checks.js';
import { ShareDesk } from './share-desk.js';
import { asRequest } from './share-message.js';

/** How shares are treated when workers come and go. */
export interface ShareConnectionsOptions {
  /**
   * Milliseconds for which the share of a worker that is gone is kept for the one that replaces it, or `Infinity`. Then
   * the others get it.
   *
   * @default 10000
   */
  readonly restartTimeout?: number | undefined;
}

/** What one backend of one worker may hold of the connections to one origin. */
export interface WorkerShare {
  /** `scheme://host:port`. */
  readonly origin: string;
  /** `cluster.workers[id].id`. */
  readonly worker: number;
  /** How many it was told that it may hold. */
  readonly share: number;
  /** How many it may still hold: more than its share while it closes some, and the others wait for those. */
  readonly held: number;
}

/** What `shareConnections()` has begun. */
export interface ConnectionSharing {
  /** The shares as they are now. */
  shares(): readonly WorkerShare[];
}

const rules: Rules<{ restartTimeout: number }> = { restartTimeout: withDefault(duration(), 10_000) };
// Two copies of this module, as ESM and as CJS, would share the same connections out twice.
const SHARED = Symbol.for('pooled-backend.shareConnections');

/**
 * Shares out the connections of every backend in the workers that says `maxConnections: { total }`: to each origin, all
 * of them together never hold more than the total. To be called once in the primary, before or after its workers are
 * forked. Uses the messages of `node:cluster`, and leaves those of others alone.
 *
 * @throws Error in a worker, and when it is called again; TypeError, RangeError for bad options
 */
export function shareConnections(options: ShareConnectionsOptions = {}): ConnectionSharing {
  const { restartTimeout } = resolveSection('', options, rules);
  if (!cluster.isPrimary) throw new Error('shareConnections() is for the primary of a cluster, this is a worker');
  if (Reflect.has(cluster, SHARED)) throw new Error('shareConnections() is for once: connections are shared already');
  Reflect.set(cluster, SHARED, true);
  const desk = new ShareDesk({
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
    // What a worker said before its end may be read after it.
    if (request !== undefined && !worker.isDead()) desk.heard(worker.id, request);
  });
  cluster.on('exit', ({ id }: Worker) => desk.gone(id));
  return { shares: () => listed(desk) };
}

function listed(desk: ShareDesk): readonly WorkerShare[] {
  return [...desk.shares].flatMap(([origin, members]) =>
    [...members].map(([id, { told, held }]) => {
      return Object.freeze({ origin, worker: Number.parseInt(id, 10), share: told, held });
    }),
  );
}
