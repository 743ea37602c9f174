/** What happens to the connections of one origin: counts it, emits its events, and tells the idle limit what it proves. */

import { keepAliveHint, saysKeepAlive } from '../http1/persistence.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { Observer } from '../observe/observer.js';
import type { CloseReason } from '../observe/reasons.js';
import type { Slot } from '../pool/slot.js';
import type { IdleLimit } from './idle-limit.js';
import { REQUEST_TIMEOUT_TEXT } from './late-bodies.js';
import type { OriginTally } from './origin-tally.js';
import type { PoolEntry } from './pool-entry.js';

export class ConnectionRecorder {
  readonly #origin: string;
  readonly #idleLimit: IdleLimit;
  readonly #tally: OriginTally;
  readonly #observer: Observer;
  #sweeping = false;

  constructor(origin: string, idleLimit: IdleLimit, tally: OriginTally, observer: Observer) {
    this.#origin = origin;
    this.#idleLimit = idleLimit;
    this.#tally = tally;
    this.#observer = observer;
  }

  /** A final head came. */
  answered({ connection }: PoolEntry, head: ResponseHead): void {
    this.#tally.countResponse(head.statusCode);
    if (connection.exchanges === 0) connection.saidToBeKept = saysKeepAlive(head.rawHeaders);
    const { timeoutMs, max } = keepAliveHint(head.rawHeaders);
    if (timeoutMs !== undefined) this.#idleLimit.hint(timeoutMs);
    if (max !== undefined) connection.allowance.heard(max, connection.exchanges);
  }

  /** An exchange ended clean. */
  reusable({ connection, idleMsWhenLent }: PoolEntry): void {
    const { used, unused } = this.#idleLimit;
    (connection.exchanges > 1 ? used : unused).reused(idleMsWhenLent);
  }

  closed(entry: PoolEntry, reason: CloseReason, heard: string): void {
    const { connection, idleMsWhenLent } = entry;
    this.#tally.countClosed(reason);
    if (connection.tunnel !== undefined) this.#tally.tunnels.open -= 1;
    if (this.#sweeping && reason === 'stale') this.#tally.staleSwept += 1;
    if (reason === 'poisoned') {
      entry.poisoned = true;
      this.#tally.poisoned += 1;
    }
    const wasUsed = connection.exchanges > 0;
    const learned = wasUsed ? this.#idleLimit.used : this.#idleLimit.unused;
    if (reason === 'poisoned' && REQUEST_TIMEOUT_TEXT.test(heard)) learned.answered408(connection.idleMs());
    else if (reason === 'stale') this.#idleLimit.closedAt(connection.idleMs(), connection);
    // A first request may itself be the reason.
    else if (reason === 'silent' && wasUsed) this.#idleLimit.closedAt(idleMsWhenLent, connection);
  }

  /** Emits the event once the slot is empty, because listeners may read the counts. `open`: connections left. */
  tellClosed({ connection }: PoolEntry, reason: CloseReason, heard: string, open: number): void {
    const observer = this.#observer;
    const origin = this.#origin;
    if (reason === 'poisoned' && observer.watches('poisoned')) observer.emit('poisoned', { origin, heard });
    if (!observer.watches('disconnect')) return;
    observer.emit('disconnect', { origin, reason, exchanges: connection.exchanges, open });
  }

  /** An idle connection was found unfit: its neighbours are checked, too. */
  sweep({ poisoned }: PoolEntry, neighbours: Iterable<Slot<PoolEntry>>): void {
    if (poisoned) return;
    this.#tally.staleFound += 1;
    const before = this.#tally.staleSwept;
    this.#sweeping = true;
    for (const slot of neighbours) slot.item?.connection.checkAlive();
    this.#sweeping = false;
    const swept = this.#tally.staleSwept - before;
    if (this.#observer.watches('stale')) this.#observer.emit('stale', { origin: this.#origin, swept });
  }
}
