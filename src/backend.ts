/** PooledBackend: the only place that puts the parts together. */

import { EventEmitter } from 'node:events';
import { balancerFor } from './balance/balancers.js';
import { Deadlines } from './deadlines.js';
import type { Dispatcher } from './dispatch/dispatcher.js';
import { dispatcherFor } from './dispatch/dispatcher-for.js';
import { OutlierWatch } from './dispatch/outliers.js';
import type { BackendEvents } from './events.js';
import { BackendOrigins } from './fleet/backend-origins.js';
import { ConnectionShares } from './fleet/connection-shares.js';
import { Discovery } from './fleet/discovery.js';
import { lookupAt } from './fleet/dns-source.js';
import { originSource } from './fleet/origin-source.js';
import { clusterChannel } from './fleet/primary-channel.js';
import { loadLlhttp, readWindow } from './http1/llhttp.js';
import { checkedMachine, dialsOf, type Machine, thisMachine } from './machine.js';
import { refuseDetached } from './mount/detached.js';
import { fetchOver } from './mount/fetch.js';
import type { BackendFetchInit } from './mount/fetch-input.js';
import { createHandler, type RequestHandler } from './mount/handler.js';
import { MountHouse } from './mount/mount-house.js';
import { OpenTunnels } from './mount/open-tunnels.js';
import { type BackendRequestOptions, type BackendResponse, sendRequest } from './mount/request.js';
import { createUpgradeHandler, type UpgradeHandler } from './mount/upgrade.js';
import { Observer } from './observe.js';
import { type CloseOptions, closeTimeout } from './options/close.js';
import {
  changeable,
  changedOptions,
  copyOptions,
  following,
  type HandlerOptions,
  handlerOptionsOf,
  type OptionChanges,
  type PooledBackendOptions,
  type ResolvedOptions,
  resolveOptions,
  type UpgradeHandlerOptions,
  upgradeOptionsOf,
} from './options.js';
import { Origin } from './origin/origin.js';
import type { OriginSetting } from './origin/setting.js';
import { type BackendStats, listConnections, type OriginConnections, takeStats } from './stats.js';
import type { StatusHandler } from './status/status-handler.js';
import type { StatusHandlerOptions } from './status/status-options.js';
import { StatusPages } from './status/status-pages.js';

/**
 * A bounded set of persistent HTTP/1.1 connections to one or more origins, and the rules by which the requests of any
 * number of clients travel over them. Emits the events of {@link BackendEvents}.
 */
export class PooledBackend extends EventEmitter<BackendEvents> {
  #options: ResolvedOptions;
  #given: PooledBackendOptions;
  /** Adds, removes and drains origins while requests are under way. */
  readonly origins: BackendOrigins;
  readonly #mounted: MountHouse;
  readonly #setting: OriginSetting;
  readonly #dispatcher: Dispatcher;
  #serving: readonly Origin[] = []; // those that leave too
  readonly #deadlines: Deadlines;
  readonly #discovery: Discovery | undefined;
  readonly #outliers: OutlierWatch;
  readonly #observer: Observer;
  readonly #shares: ConnectionShares;
  readonly #tunnels = new OpenTunnels();
  readonly #statusPages: StatusPages;
  #answered: Promise<void> | undefined; // all requests, since it is closing
  #closing: Promise<void> | undefined;

  /**
   * @param options the origins and how to treat them; a string or a `URL` is that of the only origin
   * @param machine where time, sockets and chance come from: for tests, a `MemoryNetwork` of `pooled-backend/testing`
   * @throws TypeError for an unknown option or a value of the wrong kind, RangeError for a number out of bounds
   */
  constructor(options: PooledBackendOptions | string | URL, machine: Machine = thisMachine) {
    super();
    const given = copyOptions(options);
    const resolved = resolveOptions(given);
    this.#given = given;
    this.#options = resolved;
    loadLlhttp();
    const { clock } = checkedMachine(machine);
    const deadlines = new Deadlines(clock);
    this.#deadlines = deadlines;
    const observer = new Observer(this, resolved.logger, clock);
    this.#observer = observer;
    this.#dispatcher = dispatcherFor(resolved, { clock, deadlines, observer });
    const setting = {
      ...resolved,
      connect: { ...resolved.connect, lookup: resolved.connect.lookup ?? lookupAt(resolved.dns, clock) },
      clock,
      deadlines,
      observer,
      random: () => machine.random(),
      window: readWindow(),
      startDial: dialsOf(machine),
      limits: { maxHeaderBytes: resolved.maxHeaderBytes },
    };
    this.#setting = setting;
    this.#shares = new ConnectionShares(clusterChannel, deadlines, observer);
    const source = originSource(given, resolved);
    this.origins = new BackendOrigins(
      {
        options: () => this.#options,
        observer,
        shares: this.#shares,
        create: (address) => new Origin(address, setting, this.#dispatcher.demand),
        serve: (origins) => this.#serve(origins),
      },
      Array.isArray(given.origins) ? given.origins : undefined,
    );
    const finding = { clock, observer, random: () => machine.random(), origins: this.origins };
    if (source !== undefined) this.#discovery = new Discovery(source, finding);
    this.#outliers = new OutlierWatch(resolved.ejection, deadlines, () => this.#serving);
    this.#mounted = new MountHouse(resolved, this.#dispatcher, deadlines, {
      serving: () => this.#serving.map(({ address }) => address),
      names: () => this.origins.names,
    });
    this.#statusPages = new StatusPages(this, this.origins, clock);
  }

  /**
   * A listener for node:http's `request` and `checkContinue`, and a handler for Express and Connect. Alone it answers
   * failures itself (502, 503, 504); with a third argument `next` it passes the `BackendError` on.
   *
   * @throws TypeError or RangeError for bad options
   */
  handler(options: HandlerOptions = {}): RequestHandler {
    refuseDetached(this instanceof PooledBackend, 'handler');
    const current = following(() => this.#options, handlerOptionsOf(options));
    return createHandler(this.#mounted, current);
  }

  /**
   * A listener for node:http's `upgrade`: WebSocket, and every other protocol that a client and an origin agree on. Its
   * bytes are relayed both ways until both sides have ended. Requests that offer nothing for us, `h2c` for one, are given
   * back to the server and served as plain HTTP/1.1. As a listener for `connect` it answers 501. Extended CONNECT of
   * HTTP/2 (RFC 8441) is not supported.
   *
   * @throws TypeError or RangeError for bad options
   */
  upgradeHandler(options: UpgradeHandlerOptions = {}): UpgradeHandler {
    refuseDetached(this instanceof PooledBackend, 'upgradeHandler');
    const current = following(() => this.#options, upgradeOptionsOf(options));
    return createUpgradeHandler({ house: this.#mounted, tunnels: this.#tunnels }, current);
  }

  /**
   * Serves a page that shows this backend live, and the same as a stream of events, as JSON and as CSV: a listener for
   * node:http's `request`, a handler for Express and Connect under any path. Who may see it is for the caller to say. It
   * changes nothing, but for whom `actions` lets drain and weigh origins. While nobody watches it costs nothing.
   *
   * @throws TypeError or RangeError for bad options
   */
  statusHandler(options: StatusHandlerOptions = {}): StatusHandler {
    refuseDetached(this instanceof PooledBackend, 'statusHandler');
    return this.#statusPages.handler(options);
  }

  /**
   * Sends one request. Rejects with a `BackendError`: `http_request_error` names an option that is unknown or not what it
   * must be, before anything is sent.
   */
  request(options: BackendRequestOptions): Promise<BackendResponse> {
    return sendRequest(this.#mounted, options);
  }

  /**
   * `fetch` as the standard has it, with Node's own `Response`. A path is enough of a URL, an absolute one has to be of one
   * of the origins, and the origin is chosen by the backend. Redirects within the backend are followed. Rejects with a
   * `TypeError` whose cause is the `BackendError`, or with the reason of an aborted signal.
   */
  fetch(input: string | URL | Request, init?: BackendFetchInit | null): Promise<Response> {
    return fetchOver(this instanceof PooledBackend && this.#mounted, input, init);
  }

  /**
   * Resolves when `minConnections` are open to each origin, or could not be opened. Where origins are discovered it waits for
   * the first set, however often that fails; of a total of connections, for a share.
   */
  async ready(): Promise<void> {
    await this.#discovery?.ready();
    await this.#shares.settled();
    await Promise.all(this.#serving.map((origin) => origin.ready()));
  }

  /** All options of the moment, frozen. */
  get options(): ResolvedOptions {
    return this.#options;
  }

  /**
   * Changes options while requests are under way: all that are given, or none when one is bad. They hold from the next
   * request, dial or wait on; what is begun keeps those it began with. An option that is `undefined` stays.
   *
   * @returns resolves when connections that are too many now are closed, and origins that are no more
   * @throws TypeError, RangeError as the constructor does, and for an option that cannot change
   */
  update(changes: OptionChanges): Promise<void> {
    const { given, options } = changedOptions({ ...this.#given, ...this.origins.given }, changes);
    const before = { given: this.#given, options: this.#options };
    // Those who hear of the origins may change more: on top of these.
    this.#live(given, options);
    let settled: Promise<void>;
    try {
      settled = changes.origins === undefined ? this.origins.reconsider() : this.origins.replace(changes.origins);
    } catch (error) {
      this.#live(before.given, before.options);
      throw error;
    }
    const { ejection, balance } = this.#options;
    const balancer = changes.balance === undefined ? undefined : balancerFor(balance);
    this.#dispatcher.configure({ ...this.#options, balancer, maxEjected: ejection.maxEjected });
    this.#outliers.configure(ejection);
    if (this.#observer.watches('updated')) this.#observer.emit('updated', { names: Object.keys(changes) });
    return settled;
  }

  #live(given: PooledBackendOptions, options: ResolvedOptions): void {
    this.#given = given;
    this.#options = options;
    this.#mounted.configure(options);
    Object.assign(this.#setting, changeable(options));
  }

  #serve(origins: readonly Origin[]): void {
    this.#serving = origins;
    this.#dispatcher.serve(origins);
    // One that is added now would dial, and be checked, with nobody left to close it.
    if (this.#dispatcher.state === 'closed') for (const origin of origins) origin.close('destroyed');
  }

  /** What is happening now and has happened so far, as plain frozen data. */
  stats(): BackendStats {
    return takeStats(this.#serving, this.#dispatcher, this.#mounted, this.#discovery?.stats);
  }

  /** Every connection of each origin, one by one, as plain frozen data. The work is in proportion to their number. */
  connections(): readonly OriginConnections[] {
    return listConnections(this.#serving);
  }

  /**
   * Takes no more requests (they get 503), finishes those that were taken, then closes the connections. Without a timeout
   * the tunnels of upgraded connections are ended as soon as no request is left. May be called more than once.
   *
   * @throws TypeError for other options, RangeError for a timeout that is not above 0, both as rejections
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

  /** Ends every request with a `BackendError` whose cause is `error`, and every connection, now. */
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
    for (const origin of this.#serving) origin.close(reason);
    this.#shares.close();
    this.#tunnels.destroy();
    this.#statusPages.close();
    this.#deadlines.rest();
    if (!wasClosed && this.#observer.watches('close')) this.#observer.emit('close', { error });
  }

  /** `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
