/** What the connections of one origin teach about it: how long it keeps them, and whether it is shutting down. */

import type { Clock } from '../clock.js';
import type { CloseReason } from '../connection/connection-owner.js';
import { keepAliveHint, saysKeepAlive } from '../http1/persistence.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { Observer } from '../observe.js';
import type { Slot } from '../pool/slot.js';
import type { IdleLimit } from './idle-limit.js';
import type { OriginTally } from './origin-tally.js';
import type { PoolEntry } from './pool-entry.js';

const REQUEST_TIMEOUT_TEXT = /^HTTP\/1\.[01] 408/;
const ANSWER_TEXT = /^HTTP\//;

/** Milliseconds in which a dying process closes its listening socket, and the connections that it has not accepted. */
export const GOING_MS = 50;

const BY_THE_SERVER: ReadonlySet<CloseReason> = new Set(['stale', 'silent', 'failed']);

export class Lessons {
  readonly #origin: string;
  readonly #idleLimit: IdleLimit;
  readonly #tally: OriginTally;
  readonly #observer: Observer;
  readonly #clock: Clock;
  #sweeping = false;
  #left = 0; // connections that the server closed
  #leftAt = Number.NEGATIVE_INFINITY; // moment at which it closed the last one
  #leftBeforeAnswer = 0; // how many of them before the last answered request was sent
  readonly #withBody = new Set<number>(); // statuses of answers that must have no body, but had one

  constructor(origin: string, idleLimit: IdleLimit, tally: OriginTally, observer: Observer, clock: Clock) {
    this.#clock = clock;
    this.#origin = origin;
    this.#idleLimit = idleLimit;
    this.#tally = tally;
    this.#observer = observer;
  }

  /**
   * Whether the server itself is shutting down, not only closing a connection. If no request that was sent since was answered,
   * several closed connections mean `yes`, and one means `perhaps`. A dying process may still take dials into its backlog, and
   * drops them a moment later. When that moment has passed, the closes were those of an idle timer.
   */
  get shuttingDown(): 'yes' | 'perhaps' | 'no' {
    if (this.#clock.now() - this.#leftAt >= GOING_MS) return 'no';
    const left = this.#left - this.#leftBeforeAnswer;
    if (left > 1) return 'yes';
    return left === 1 ? 'perhaps' : 'no';
  }

  /** A request is about to be sent. */
  lent(entry: PoolEntry): void {
    entry.leftWhenLent = this.#left;
  }

  /** A final head came. If its request was sent before other connections were closed, it does not show that the server lives on. */
  answered(entry: PoolEntry, head: ResponseHead): void {
    const { connection, leftWhenLent } = entry;
    entry.endedWithHead = head.framing.kind === 'none' ? head.statusCode : undefined;
    this.#leftBeforeAnswer = Math.max(this.#leftBeforeAnswer, leftWhenLent);
    this.#tally.countResponse(head.statusCode);
    if (connection.exchanges === 0) connection.saidToBeKept = saysKeepAlive(head.rawHeaders);
    const { timeoutMs, max } = keepAliveHint(head.rawHeaders);
    if (timeoutMs !== undefined) this.#idleLimit.hint(timeoutMs);
    if (max !== undefined) connection.allowance.heard(max, connection.exchanges);
  }

  /**
   * Whether a body may follow the last answer although that must not have one, for example the answer to a HEAD. Some servers send
   * such a body in a write of its own. If it came late, it would be taken for the answer to the next request.
   */
  isOwedBody({ endedWithHead }: PoolEntry): boolean {
    return endedWithHead !== undefined && this.#withBody.has(endedWithHead);
  }

  /** An exchange ended clean. */
  returned({ connection, idleMsWhenLent }: PoolEntry): void {
    if (connection.exchanges > 1) this.#idleLimit.reused(idleMsWhenLent);
  }

  dialFailed(): void {
    this.#tally.dialsFailed += 1;
    this.#idleLimit.unreachable();
  }

  closed(entry: PoolEntry, reason: CloseReason, heard: string): void {
    const { connection, idleMsWhenLent } = entry;
    this.#tally.countClosed(reason);
    if (BY_THE_SERVER.has(reason)) {
      this.#left += 1;
      this.#leftAt = this.#clock.now();
    }
    if (connection.tunnel !== undefined) this.#tally.tunnels.open -= 1;
    if (this.#sweeping && reason === 'stale') this.#tally.staleSwept += 1;
    if (reason === 'poisoned') {
      entry.poisoned = true;
      this.#tally.poisoned += 1;
    }
    const { endedWithHead } = entry;
    if (endedWithHead !== undefined && isBody(reason, heard)) this.#withBody.add(endedWithHead);
    if (connection.exchanges === 0) return; // servers have another timeout for the first request
    if (reason === 'poisoned' && REQUEST_TIMEOUT_TEXT.test(heard)) this.#idleLimit.answered408(connection.idleMs());
    else if (reason === 'stale') this.#idleLimit.closedAt(connection.idleMs());
    else if (reason === 'silent') this.#idleLimit.closedAt(idleMsWhenLent);
  }

  /** Emits the event once the slot is empty, because listeners may read the counts. `open`: connections left. */
  tellClosed({ connection }: PoolEntry, reason: CloseReason, heard: string, open: number): void {
    const observer = this.#observer;
    const origin = this.#origin;
    if (reason === 'poisoned' && observer.watches('poisoned')) observer.emit('poisoned', { origin, heard });
    if (!observer.watches('disconnect')) return;
    observer.emit('disconnect', { origin, reason, exchanges: connection.exchanges, open });
  }

  /** An idle connection was found unfit. If its server had closed it, it may have closed its neighbours, too: they are checked. */
  sweep({ poisoned }: PoolEntry, neighbours: Iterable<Slot<PoolEntry>>): void {
    if (poisoned) return;
    this.#tally.staleFound += 1;
    const before = this.#tally.staleSwept;
    this.#sweeping = true;
    for (const slot of neighbours) slot.item?.connection.isAlive();
    this.#sweeping = false;
    const swept = this.#tally.staleSwept - before;
    if (this.#observer.watches('stale')) this.#observer.emit('stale', { origin: this.#origin, swept });
  }
}

/** Whether such a body was the reason. Garbage that begins like an answer, or follows such a beginning, is a bad answer. */
function isBody(reason: CloseReason, heard: string): boolean {
  if (reason === 'garbage') return heard !== '' && !ANSWER_TEXT.test(heard);
  return reason === 'leftover' || (reason === 'poisoned' && !REQUEST_TIMEOUT_TEXT.test(heard));
}
