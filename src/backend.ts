/** PooledBackend: what an app has in its hands. */

import { EventEmitter } from 'node:events';
import { assemble } from './assembly.js';
import { balancerFor } from './balance/balancers.js';
import { fetchOver } from './call/fetch/fetch.js';
import type { BackendFetchInit } from './call/fetch/fetch-input.js';
import type { BackendRequestOptions, BackendResponse } from './call/request.js';
import { sendRequest } from './call/send-request.js';
import { OutlierWatch } from './dispatch/choice/outliers.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import type { BackendOrigins } from './fleet/backend-origins.js';
import type { ConnectionShares } from './fleet/connection-shares.js';
import { Discovery } from './fleet/discovery.js';
import { sourceFor } from './fleet/source-for.js';
import { checkedMachine, dialsOf, type Machine, thisMachine } from './machine.js';
import { createHandler, type RequestHandler, refuseDetached } from './mount/handler.js';
import { MountedBackend } from './mount/mounted-backend.js';
import { OpenTunnels } from './mount/upgrade/open-tunnels.js';
import { createUpgradeHandler, type UpgradeHandler } from './mount/upgrade/upgrade.js';
import type { BackendEmitter } from './observe/events.js';
import { type CloseOptions, closeTimeout } from './options/close.js';
import {
  changedOptions,
  completeOptions,
  following,
  type HandlerOptions,
  handlerOptionsOf,
  type OptionChanges,
  type OptionSection,
  type PooledBackendOptions,
  type ResolvedOptions,
  readOptions,
  type UpgradeHandlerOptions,
  upgradeOptionsOf,
} from './options.js';
import type { OriginSetting } from './origin/setting.js';
import { type BackendStats, listConnections, type OriginConnections, takeStats } from './stats.js';
import type { StatusHandler } from './status/status-handler.js';
import type { StatusHandlerOptions } from './status/status-options.js';
import { StatusPages } from './status/status-pages.js';
import { Deadlines } from './time/deadlines.js';

/**
 * A bounded pool of persistent HTTP/1.1 connections to one or more origins, and a dispatcher that retries a request only if that is safe. Emits
 * {@link BackendEvents}.
 *
 * @example
 * ```ts
 * const backend = new PooledBackend({ origins: ['http://127.0.0.1:9001'], maxConnections: 100 });
 * http.createServer(backend.handler()).listen(8080);
 * ```
 */
export class PooledBackend extends (EventEmitter as new () => BackendEmitter) {
  #given: OptionSection;
  /** Adds, removes and drains origins, and changes their weight, at run time. */
  readonly origins: BackendOrigins;
  readonly #mounted: MountedBackend;
  readonly #setting: OriginSetting & { options: ResolvedOptions }; // with the origins of the last update()
  readonly #dispatcher: Dispatcher;
  readonly #deadlines: Deadlines;
  readonly #discovery: Discovery | undefined;
  readonly #outliers: OutlierWatch;
  readonly #shares: ConnectionShares;
  readonly #tunnels = new OpenTunnels();
  readonly #statusPages: StatusPages;
  #answered: Promise<void> | undefined; // resolves when all requests are answered; set once it is closing
  #closing: Promise<void> | undefined;

  /**
   * Creates a backend. Connections are opened when requests, `minConnections` or checks need them.
   * @param options the options, or the URL of the only origin
   * @param machine clock, network and randomness, for tests: a `MemoryNetwork` of `pooled-backend/testing`
   * @throws TypeError for an unknown option or a value of the wrong type, RangeError for a number out of range
   */
  constructor(options: PooledBackendOptions | string | URL, machine: Machine = thisMachine) {
    super();
    this.#given = readOptions(options);
    const resolved = completeOptions(this.#given);
    const { clock } = checkedMachine(machine);
    const random = () => machine.random();
    const deadlines = new Deadlines(clock);
    this.#deadlines = deadlines;
    const ground = { emitter: this, clock, deadlines, random, startDial: dialsOf(machine) };
    const parts = assemble(this.#given, resolved, ground);
    this.#setting = parts.setting;
    this.#dispatcher = parts.dispatcher;
    this.#shares = parts.shares;
    this.origins = parts.origins;
    const source = sourceFor(this.#given, resolved);
    const { observer } = this.#setting;
    const finding = { clock, observer, random, origins: this.origins };
    if (source !== undefined) this.#discovery = new Discovery(source, finding);
    this.#outliers = new OutlierWatch(resolved.ejection, deadlines, () => this.#dispatcher.origins);
    this.#mounted = new MountedBackend(resolved, this.#dispatcher, deadlines, {
      origins: () => [...this.#dispatcher.origins.map(({ options }) => options), ...this.options.origins],
      names: () => this.origins.names,
    });
    this.#statusPages = new StatusPages(this, this.origins, clock);
  }

  /**
   * Returns a request listener for `http.createServer()` and for its `checkContinue` event, usable as Express and Connect middleware. It answers
   * failures itself (502, 503, 504), unless it is called with `next`: that gets the {@link BackendError}.
   *
   * @throws TypeError or RangeError for invalid options
   */
  handler(options: HandlerOptions = {}): RequestHandler {
    refuseDetached(this instanceof PooledBackend, 'handler');
    const backend = this.#mounted;
    const resolve = handlerOptionsOf(options);
    const mount = (now: ResolvedOptions) => ({ backend, options: resolve(now) });
    return createHandler(following(this.#setting, mount));
  }

  /**
   * Returns a listener for the server's `upgrade` event: WebSocket and other protocols. Once the origin has switched protocols, bytes are
   * relayed in both directions until both sides have ended. A request that only offers `h2c` is served as plain HTTP/1.1. As a `connect`
   * listener it answers 501. Extended CONNECT of HTTP/2 (RFC 8441) is not supported.
   *
   * @throws TypeError or RangeError for invalid options
   */
  upgradeHandler(options: UpgradeHandlerOptions = {}): UpgradeHandler {
    refuseDetached(this instanceof PooledBackend, 'upgradeHandler');
    const current = following(this.#setting, upgradeOptionsOf(options));
    return createUpgradeHandler(this.#mounted, this.#tunnels, current);
  }

  /**
   * Returns a request listener that serves a live status page of this backend, also as an event stream, JSON and CSV. It does no access control:
   * decide yourself who may reach it. It is read-only unless `actions` is given, and does no work while nobody watches.
   *
   * @throws TypeError or RangeError for invalid options
   */
  statusHandler(options: StatusHandlerOptions = {}): StatusHandler {
    refuseDetached(this instanceof PooledBackend, 'statusHandler');
    return this.#statusPages.handler(options);
  }

  /**
   * Sends one request. Resolves when the response head has arrived; read or destroy the `body`. Rejects with a {@link BackendError};
   * `http_request_error` if an option is unknown or invalid.
   */
  request(options: BackendRequestOptions): Promise<BackendResponse> {
    return sendRequest(this.#mounted, options);
  }

  /**
   * The standard `fetch()` with Node's own `Response`. `input` may be just a path; an absolute URL must be that of an origin, but the backend
   * chooses the origin in any case. Redirects are followed within the backend only. Rejects with the reason of an aborted signal, or a
   * `TypeError` whose `cause` is the {@link BackendError}; without a cause for invalid arguments and refused redirects.
   */
  fetch(input: string | URL | Request, init?: BackendFetchInit | null): Promise<Response> {
    return fetchOver(this instanceof PooledBackend && this.#mounted, input, init);
  }

  /**
   * Resolves when `minConnections` are open to every origin, or could not be opened. Waits for the first list of discovered origins, even if
   * finding them keeps failing, and for this process's share of a total.
   */
  async ready(): Promise<void> {
    await this.#discovery?.ready();
    await this.#shares.settled();
    await Promise.all(this.#dispatcher.origins.map((origin) => origin.ready()));
  }

  /** The current options with all defaults filled in. Frozen. */
  get options(): ResolvedOptions {
    return this.origins.options;
  }

  /**
   * Changes options at run time: all that are given, or none if one is invalid. They apply from the next request or dial; requests in progress
   * keep the old values. An option that is `undefined` is not changed.
   *
   * @returns resolves when surplus connections and removed origins are closed
   * @throws TypeError or RangeError as the constructor does, and TypeError for an option that cannot be changed
   */
  update(changes: OptionChanges): Promise<void> {
    const { given, options, names } = changedOptions({ ...this.#given, ...this.origins.given }, changes);
    const before = { given: this.#given, options: this.#setting.options };
    // A listener of `originChanged` may call update() again. That call must start from these options.
    this.#live(given, options);
    let settled: Promise<void>;
    try {
      settled = changes.origins === undefined ? this.origins.reconsider() : this.origins.replace(changes.origins);
    } catch (error) {
      this.#live(before.given, before.options);
      throw error;
    }
    const { observer, options: now, random } = this.#setting;
    const balancer = changes.balance === undefined ? undefined : balancerFor(now.balance, random);
    this.#dispatcher.configure(balancer);
    if (this.#dispatcher.state !== 'closed') this.#outliers.configure(now.ejection); // once closed, its windows would never end
    if (observer.watches('updated')) observer.emit('updated', { names });
    return settled;
  }

  #live(given: OptionSection, options: ResolvedOptions): void {
    this.#given = given;
    this.#setting.options = options;
    this.#mounted.configure(options);
  }

  /** Returns current and cumulative counts as plain, frozen data. */
  stats(): BackendStats {
    return takeStats(this.#dispatcher, this.#mounted, this.#discovery?.stats);
  }

  /** Lists every connection of each origin as plain, frozen data. Takes time in proportion to their number. */
  connections(): readonly OriginConnections[] {
    return listConnections(this.#dispatcher.origins);
  }

  /**
   * Shuts down gracefully: refuses new requests with 503, finishes those in progress, then closes all connections. Without a timeout it waits as
   * long as those last, for ever if a hook never settles, and ends tunnels when no request is left. May be called more than once.
   *
   * @throws TypeError for invalid options, RangeError for a timeout that is not above 0; both as rejections
   */
  async close(options: CloseOptions = {}): Promise<void> {
    const timeout = closeTimeout(options);
    this.#answered ??= this.#dispatcher.drain();
    this.#closing ??= this.#closeAfter(this.#answered);
    if (timeout === Number.POSITIVE_INFINITY) {
      void this.#answered.then(() => this.#tunnels.end());
      return this.#closing;
    }
    const limit = this.#deadlines.create(() => this.destroy(new Error(`close() took more than ${timeout} ms`)));
    limit.set(timeout);
    return this.#closing.finally(() => {
      limit.clear();
      this.#deadlines.rest();
    });
  }

  /** Ends every request and connection immediately. Requests fail with a {@link BackendError} whose `cause` is `error`. */
  destroy(error?: Error): void {
    this.#end('destroyed', error);
  }

  async #closeAfter(answered: Promise<void>): Promise<void> {
    await answered;
    await this.#tunnels.allClosed();
    this.#end('drained', undefined);
  }

  #end(reason: 'drained' | 'destroyed', error: Error | undefined): void {
    const wasClosed = this.#dispatcher.state === 'closed';
    this.#dispatcher.close(error);
    this.#discovery?.close();
    this.#outliers.close();
    for (const origin of this.#dispatcher.origins) origin.close(reason);
    this.#shares.close();
    this.#tunnels.destroy();
    this.#statusPages.close();
    this.#deadlines.rest();
    const { observer } = this.#setting;
    if (!wasClosed && observer.watches('close')) observer.emit('close', { error });
  }

  /** Same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
