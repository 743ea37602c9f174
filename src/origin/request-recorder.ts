/** Records what becomes of the requests that are sent to an origin: as counts, for its health, and for how many it may have at once. */

import type { BackendError, ErrorCode } from '../errors.js';
import type { Pool } from '../pool/pool.js';
import type { ResendReason } from '../reasons.js';
import type { Concurrency } from './concurrency.js';
import type { Standing } from './health/standing.js';
import type { Lending } from './lending.js';
import type { OriginTally } from './origin-tally.js';
import type { PoolEntry } from './pool-entry.js';
import type { ShutdownDetector } from './shutdown-detector.js';
import type { Travel } from './travel.js';

/** The parts of the origin that its requests touch. */
export interface RecordingOrigin {
  readonly pool: Pool<PoolEntry>;
  readonly lending: Lending;
  readonly shutdown: ShutdownDetector;
  readonly standing: Standing;
  readonly concurrency: Concurrency;
  readonly tally: OriginTally;
}

/** `begunAt`: the moment at which the attempt began. */
export class RequestRecorder {
  readonly #parts: RecordingOrigin;

  constructor(parts: RecordingOrigin) {
    this.#parts = parts;
  }

  /** A connection that was checked out begins to carry a request. */
  begun(entry: PoolEntry, travel: Travel, now: number): void {
    const { connection } = entry;
    const { pool, lending, shutdown, standing, tally } = this.#parts;
    shutdown.requestBegun(entry);
    tally.requests += 1;
    if (connection.exchanges > 0) {
      tally.reused += 1;
      entry.idleMsWhenLent = connection.idleMs(now);
    }
    pool.markUsed(entry.slot);
    if (travel === 'fresh') lending.takeFreshShare(entry);
    standing.begin(now); // a listener may end the request, or the backend
  }

  /** The final head came, and is for the requester. */
  answered(statusCode: number, begunAt: number): void {
    this.#parts.standing.answered(statusCode, begunAt);
    this.#parts.concurrency.answered(begunAt);
  }

  /** The final head came, but the request is sent again because of its status. */
  answeredInVain(statusCode: number, begunAt: number): void {
    this.#parts.standing.answeredInVain(statusCode, begunAt);
  }

  /** The attempt failed, and that speaks against the origin. `wasAnswered`: its head had come. */
  failed(code: ErrorCode, begunAt: number, wasAnswered: boolean): void {
    this.#parts.standing.failed(code, begunAt, wasAnswered);
  }

  /** The attempt ended, and its end says nothing about the origin. */
  gaveNoVerdict(begunAt: number): void {
    this.#parts.standing.gaveNoVerdict(begunAt);
  }

  resent(reason: ResendReason): void {
    this.#parts.tally.countResent(reason);
  }

  tunnelBegun(): void {
    this.#parts.tally.countTunnel();
    this.#parts.concurrency.tunnelBegun();
  }

  /** The request has failed for good. */
  requestFailed(error: BackendError): void {
    this.#parts.tally.countFailure(error);
  }
}
