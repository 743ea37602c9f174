/** PooledBackend: the only place that puts the parts together. */

import { EventEmitter } from 'node:events';
import { balancerFor } from './balance/balancers.js';
import { systemClock } from './clock.js';
import { startDial } from './connection/dial.js';
import { Deadlines } from './deadlines.js';
import { Dispatcher } from './dispatch/dispatcher.js';
import { RetryBudget } from './dispatch/retry-budget.js';
import { WaitQueue } from './dispatch/wait-queue.js';
import { loadLlhttp, readWindow } from './http1/llhttp.js';
import { ByteBudget } from './mount/byte-budget.js';
import { createHandler, type RequestHandler } from './mount/handler.js';
import type { MountedBackend } from './mount/mounted-backend.js';
import { type BackendRequestOptions, type BackendResponse, sendRequest } from './mount/request.js';
import { type BackendEvents, Observer } from './observe.js';
import {
  type HandlerOptions,
  type PooledBackendOptions,
  type ResolvedOptions,
  resolveHandlerOptions,
  resolveOptions,
} from './options.js';
import { Origin } from './origin/origin.js';
import { type BackendStats, takeStats } from './stats.js';

/** How long `close()` waits. */
export interface CloseOptions {
  /** Milliseconds for what is under way, then it is destroyed. Default `Infinity`. */
  readonly timeout?: number | undefined;
}

/**
 * A bounded set of persistent HTTP/1.1 connections to one or more origins, and the rules by which the requests of any
 * number of clients travel over them. Emits the events of {@link BackendEvents}.
 */
export class PooledBackend extends EventEmitter<BackendEvents> {
  readonly options: ResolvedOptions;
  readonly #mounted: MountedBackend;
  readonly #dispatcher: Dispatcher;
  readonly #origins: readonly Origin[];
  readonly #deadlines: Deadlines;
  #closing: Promise<void> | undefined;

  /**
   * @param options the origins and how to treat them; a string is the URL of the only origin
   * @throws TypeError for an unknown option or a value of the wrong kind, RangeError for a number out of bounds
   */
  constructor(options: PooledBackendOptions | string) {
    super();
    const resolved = resolveOptions(options);
    this.options = resolved;
    loadLlhttp();
    const clock = systemClock;
    const deadlines = new Deadlines(clock);
    this.#deadlines = deadlines;
    const observer = new Observer(this, resolved.logger);
    this.#dispatcher = new Dispatcher({
      clock,
      deadlines,
      observer,
      queue: new WaitQueue({ maxQueue: resolved.maxQueue, queueTimeoutMs: resolved.queueTimeout, clock }),
      budget: new RetryBudget(resolved.retryBudget, clock),
      balancer: balancerFor(resolved.balance),
      maxAttempts: resolved.maxAttempts,
      maxEjected: resolved.ejection.maxEjected,
      retryOn: resolved.retryOn,
      honoursIdempotencyKey: resolved.idempotencyKey === 'honoured',
    });
    const limits = { maxHeaderBytes: resolved.maxHeaderBytes };
    const setting = {
      ...resolved,
      clock,
      deadlines,
      observer,
      random: Math.random,
      window: readWindow(),
      startDial,
      limits,
    };
    this.#origins = resolved.origins.map((address) => new Origin(address, setting, this.#dispatcher.demand));
    this.#dispatcher.serve(this.#origins);
    this.#mounted = {
      dispatching: this.#dispatcher,
      options: resolved,
      deadlines,
      requestBuffer: new ByteBudget(resolved.requestBufferTotalBytes),
      spool: new ByteBudget(resolved.spoolTotalBytes),
    };
  }

  /**
   * A listener for node:http's `request` and `checkContinue`, and a handler for Express and Connect. Alone it answers
   * failures itself (502, 503, 504); with a third argument `next` it passes the `BackendError` on.
   *
   * @throws TypeError or RangeError for bad options
   */
  handler(options: HandlerOptions = {}): RequestHandler {
    return createHandler(this.#mounted, resolveHandlerOptions(options, this.options));
  }

  /** Sends one request. Rejects with a `BackendError`. */
  request(options: BackendRequestOptions): Promise<BackendResponse> {
    return sendRequest(this.#mounted, options);
  }

  /** Resolves when `minConnections` are open to each origin, or could not be opened. */
  async ready(): Promise<void> {
    await Promise.all(this.#origins.map((origin) => origin.ready()));
  }

  /** What is happening now and has happened so far, as plain frozen data. */
  stats(): BackendStats {
    return takeStats(this.#origins, this.#dispatcher, this.#mounted);
  }

  /**
   * Takes no more requests (they get 503), finishes those that were taken, then closes the connections. May be called
   * more than once.
   */
  close({ timeout = Number.POSITIVE_INFINITY }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#drain();
    if (timeout === Number.POSITIVE_INFINITY) return this.#closing;
    const limit = this.#deadlines.create(() => this.destroy(new Error(`close() took more than ${timeout} ms`)));
    limit.set(timeout);
    return this.#closing.finally(() => limit.clear());
  }

  /** Ends every request with a `BackendError` whose cause is `error`, and every connection, now. */
  destroy(error?: Error): void {
    this.#dispatcher.close(error);
    for (const origin of this.#origins) origin.close('destroyed');
  }

  async #drain(): Promise<void> {
    await this.#dispatcher.drain();
    this.#dispatcher.close(undefined);
    for (const origin of this.#origins) origin.close('drained');
  }

  /** `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
