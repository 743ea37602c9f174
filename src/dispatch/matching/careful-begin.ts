/** Begins requests on new connections: not at once while the process behind the connection may be dying. */

import type { Origin } from '../../origin/origin.js';
import type { PoolEntry } from '../../origin/pool-entry.js';
import { SHUTDOWN_MS } from '../../origin/shutdown-detector.js';
import type { Run } from '../run.js';

const LOOK_MS = 10;

/** Begins on a connection that the queue has for the request. Only a re-send is held back there: lost once more, it would fail. */
export function beginQueued(run: Run, origin: Origin, entry: PoolEntry, now?: number): void {
  if (run.returned) beginCarefully(run, origin, entry);
  else run.begin(origin, entry, now);
}

/** Begins on a connection of the request's own. A dying process takes dials into its backlog, and drops them unread a moment later. */
export function beginCarefully(run: Run, origin: Origin, entry: PoolEntry): void {
  const { likely } = origin.shutdown;
  const doubtful = likely === 'yes' || (likely === 'perhaps' && run.attempts.length > 0);
  if (!doubtful) {
    run.begin(origin, entry);
    return;
  }
  origin.entries.takeShare(entry, run.travel);
  entry.connection.afterTwoTurns(() => beginWhenHeard(run, origin, entry, SHUTDOWN_MS));
}

/**
 * A dying process closes one connection after the other, on a busy machine with pauses. A process that lives on answers requests
 * that were sent to it after those closes.
 */
function beginWhenHeard(run: Run, origin: Origin, entry: PoolEntry, leftMs: number): void {
  const { likely } = origin.shutdown;
  const nobodyTells = likely === 'perhaps' && origin.busy === 1;
  if (run.ended || leftMs <= 0 || likely === 'no' || nobodyTells) beginIfAlive(run, origin, entry);
  else run.clock.after(LOOK_MS, () => beginWhenHeard(run, origin, entry, leftMs - LOOK_MS));
}

function beginIfAlive(run: Run, origin: Origin, entry: PoolEntry): void {
  if (!run.ended && origin.serves && entry.connection.checkAlive() !== 'closed') {
    run.begin(origin, entry);
    return;
  }
  origin.release(entry);
  run.enqueue();
}
