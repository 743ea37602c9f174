/** Checks one origin again and again, each time on a connection of its own, in a slot of the origin's. */

import { AsyncResource } from 'node:async_hooks';
import type { Observer } from '../../observe/observer.js';
import type { CheckResult, DownReason } from '../../observe/reasons.js';
import type { Pool } from '../../pool/pool.js';
import type { Slot } from '../../pool/slot.js';
import type { Deadline } from '../../time/deadlines.js';
import type { PoolEntry } from '../pool-entry.js';
import { CheckCourse } from './check-course.js';
import { CheckRun, type CheckSetting, type CheckVerdict } from './check-run.js';

/** Hears what the checks find out about the origin. */
export interface CheckListener {
  /** A check needs a slot and all are taken: the connection that has been idle longest may be closed. */
  makeRoom(): void;
  /** A check failed, and the origin is down: since this check, or since an earlier one. */
  fell(reason: DownReason): void;
  /** It is up again. */
  rose(): void;
}

/** The last health check of an origin. */
export interface LastCheck {
  /** Whether it passed. */
  readonly passed: boolean;
  /** The result in one word, such as `status_200`, `open`, `timeout` or the code of a failed dial. */
  readonly what: CheckResult;
  /** Milliseconds from start to end, including the dial. */
  readonly tookMs: number;
  /** Milliseconds since it ended. */
  readonly agoMs: number;
}

/** Results of the health checks of one origin. */
export interface CheckStats {
  /** Kind of check: a request, a TCP connection, or a TLS handshake. */
  readonly type: 'http' | 'tcp' | 'tls';
  /** State of the origin by its checks; `up` before the first. */
  readonly state: 'up' | 'down';
  /** Passed checks so far. */
  readonly passed: number;
  /** Failed checks so far. */
  readonly failed: number;
  /** Passed checks in a row that bring it up. */
  readonly rise: number;
  /** Failed checks in a row that take it down. */
  readonly fall: number;
  /** Checks in a row that disagreed with `state`: failed while `up`, passed while `down`. */
  readonly inARow: number;
  /** The last check; `null` before the first. */
  readonly last: LastCheck | null;
}

type Doing =
  | { readonly name: 'resting' }
  /** The checks have ended for good. */
  | { readonly name: 'closed' }
  /** A check is due and every slot is lent. */
  | { readonly name: 'waiting' }
  | {
      readonly name: 'checking';
      readonly slot: Slot<PoolEntry>;
      readonly since: number;
      readonly run: CheckRun;
    };

const RESTING: Doing = { name: 'resting' };
const CLOSED: Doing = { name: 'closed' };

export class ActiveCheck {
  #setting: CheckSetting;
  readonly #pool: Pool<PoolEntry>;
  readonly #observer: Observer;
  readonly #listener: CheckListener;
  readonly #course: CheckCourse;
  readonly #due: Deadline;
  // The async context of all checks: not that of the request that happened to start the timer.
  readonly #scope = new AsyncResource('PooledChecks');
  #doing: Doing = RESTING;
  #passed = 0;
  #failed = 0;
  #last: (Omit<LastCheck, 'agoMs'> & { readonly at: number }) | undefined;

  constructor(
    setting: CheckSetting,
    pool: Pool<PoolEntry>,
    random: () => number,
    observer: Observer,
    listener: CheckListener,
  ) {
    this.#setting = setting;
    this.#pool = pool;
    this.#observer = observer;
    this.#listener = listener;
    this.#course = new CheckCourse(setting.check, random);
    this.#due = setting.connection.deadlines.create(() => this.#begin());
    this.#due.set(this.#course.firstWaitMs());
  }

  /** A check is due and waits for the next free slot. */
  get wantsSlot(): boolean {
    return this.#doing.name === 'waiting';
  }

  /** It holds a slot. */
  get isChecking(): boolean {
    return this.#doing.name === 'checking';
  }

  get stats(): CheckStats {
    const last = this.#last;
    const { check } = this.#setting;
    const agoMs = last === undefined ? 0 : this.#setting.connection.clock.now() - last.at;
    return {
      type: check.type,
      state: this.#course.state.name,
      passed: this.#passed,
      failed: this.#failed,
      rise: check.rise,
      fall: check.fall,
      inARow: this.#course.inARow,
      last: last === undefined ? null : { passed: last.passed, what: last.what, tookMs: last.tookMs, agoMs },
    };
  }

  /** Sets another check. What earlier ones have found still counts; one that is running ends as it was begun. */
  configure(check: CheckSetting['check']): void {
    this.#setting = { ...this.#setting, check };
    this.#course.configure(check);
    if (this.#doing.name === 'resting') this.#due.set(this.#course.firstWaitMs());
  }

  /** A slot may be free. */
  slotFreed(): void {
    if (this.#doing.name === 'waiting') this.#begin();
  }

  close(): void {
    this.#due.clear();
    const doing = this.#doing;
    this.#doing = CLOSED;
    if (doing.name !== 'checking') return;
    doing.run.abandon();
    this.#pool.release(doing.slot);
  }

  #begin(): void {
    const slot = this.#pool.checkout('empty');
    if (slot === undefined) {
      if (this.#doing.name === 'waiting') return;
      this.#doing = { name: 'waiting' };
      this.#listener.makeRoom(); // if it can, it frees a slot within the call
      return;
    }
    this.#pool.startDial(slot);
    const since = this.#setting.connection.clock.now();
    const run = this.#scope.runInAsyncScope(() => new CheckRun(this.#setting, (verdict) => this.#ended(verdict)));
    this.#doing = { name: 'checking', slot, since, run };
  }

  #ended(verdict: CheckVerdict): void {
    const doing = this.#doing;
    if (doing.name !== 'checking') return;
    const now = this.#setting.connection.clock.now();
    const tookMs = now - doing.since;
    this.#last = { passed: verdict.passed, what: verdict.what, tookMs, at: now };
    this.#doing = RESTING;
    if (verdict.passed) this.#countPass();
    else this.#countFailure(verdict.what);
    if (this.#isOpen()) this.#tell(verdict, tookMs);
    // A listener of the event may have ended the checks.
    if (this.#isOpen()) this.#due.set(this.#course.waitMs());
    this.#pool.release(doing.slot);
  }

  #isOpen(): boolean {
    return this.#doing.name !== 'closed';
  }

  #countPass(): void {
    this.#passed += 1;
    if (this.#course.passed()) this.#listener.rose();
  }

  #countFailure(what: CheckResult): void {
    this.#failed += 1;
    // This host has no ports or descriptors left, which says nothing about the origin.
    if (what === 'connection_limit_reached') return;
    this.#course.failed();
    if (this.#course.state.name === 'down') this.#listener.fell(`check_${what}`);
  }

  #tell({ passed, what, error }: CheckVerdict, tookMs: number): void {
    const name = passed ? 'checkPassed' : 'checkFailed';
    if (!this.#observer.watches(name)) return;
    const { check, target } = this.#setting;
    const details = { origin: target.origin, type: check.type, what, tookMs };
    if (passed) this.#observer.emit('checkPassed', details);
    else this.#observer.emit('checkFailed', { ...details, error });
  }
}
