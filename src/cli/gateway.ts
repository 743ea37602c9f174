/** The command at work: a server for clients, a status page, and an end that cuts nobody off who ends in time. */

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { PooledBackend } from 'pooled-backend';
import { systemClock } from '../clock.js';
import { type Address, shownAddress } from './addresses.js';
import type { Journal } from './journal.js';
import type { Settings } from './settings.js';

/** How long responses may take to reach their clients after the last one was answered. */
const LAST_BYTES_MS = 5_000;

export class Gateway {
  readonly #settings: Settings;
  readonly #journal: Journal;
  readonly #backend: PooledBackend;
  readonly #servers: Server[] = []; // the clients' first
  #closing = false;

  constructor(settings: Settings, journal: Journal) {
    this.#settings = settings;
    this.#journal = journal;
    this.#backend = new PooledBackend(settings.backend);
    journal.follow(this.#backend);
  }

  /** Rejects when it cannot listen. */
  async open(): Promise<void> {
    const { listen, status, title, mount, upgrade, backend } = this.#settings;
    const relay = this.#backend.handler(mount);
    const page: RequestListener = this.#backend.statusHandler({ title });
    const front = status.kind === 'path' ? besidePath(status.path, page, relay) : relay;
    // Clients that neither take nor give are for `clientTimeout`.
    const server = createServer({ requestTimeout: 0 }, (req, res) => this.#serve(req, res, front));
    server.on('checkContinue', (req, res) => this.#serve(req, res, front));
    if (upgrade !== false) server.on('upgrade', this.#backend.upgradeHandler(upgrade));
    const address = await this.#listen(server, listen);
    const origins = Array.isArray(backend.origins) ? backend.origins.length : backend.dns?.name;
    this.#journal.info('listening', { on: address, origins });
    if (status.kind === 'path') this.#journal.info('status page', { at: `${address}${status.path}` });
    if (status.kind === 'address') await this.#openStatus(page, status);
  }

  async #openStatus(page: RequestListener, { address, isDefault }: { address: Address; isDefault: boolean }) {
    try {
      this.#journal.info('status page', { at: `http://${await this.#listen(createServer(page), address)}/` });
    } catch (error) {
      if (!isDefault) throw error;
      this.#journal.warn('no status page: the port is taken (--status says where it should be)', { error });
    }
  }

  /** Takes no more requests, and lets those that were taken end. Resolves to whether all did within `drainTimeout`. */
  async close(): Promise<boolean> {
    this.#closing = true;
    const { drainTimeoutMs } = this.#settings;
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    this.#journal.info('closing', { inFlight: this.#backend.stats().inFlight, drainTimeoutMs });
    let cut = 0;
    const limit = systemClock.after(drainTimeoutMs, () => {
      cut = this.#backend.stats().inFlight;
      this.#backend.destroy(new Error(`not finished ${drainTimeoutMs} ms after the signal to stop`));
    });
    await this.#backend.close();
    limit.cancel();
    if (cut > 0) this.#journal.error('requests were cut off', { count: cut });
    this.#closeIdle();
    // What was answered may still be on its way to its client, but not for ever.
    await Promise.race([Promise.all(closed), this.#lastBytes()]);
    this.#closeAll();
    return cut === 0;
  }

  #lastBytes(): Promise<void> {
    return new Promise((resolve) => systemClock.after(LAST_BYTES_MS, resolve));
  }

  /** Now. */
  destroy(): void {
    this.#backend.destroy();
    this.#closeAll();
  }

  #closeAll(): void {
    for (const server of this.#servers) server.closeAllConnections();
  }

  readonly #closeIdle = (): void => {
    for (const server of this.#servers) server.closeIdleConnections();
  };

  readonly #answered = (): void => {
    if (this.#closing) systemClock.soon(this.#closeIdle);
  };

  #serve(req: IncomingMessage, res: ServerResponse, listener: RequestListener): void {
    // Whoever came over a connection that is kept alive shall take another one next time, to another process.
    if (this.#closing) res.setHeader('Connection', 'close');
    res.once('close', this.#answered);
    listener(req, res);
  }

  #listen(server: Server, address: Address): Promise<string> {
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      const listening = () => {
        server.off('error', reject);
        this.#servers.push(server);
        const bound = server.address();
        const isPort = typeof bound === 'object' && bound !== null && address.kind === 'port';
        resolve(shownAddress(isPort ? { ...address, port: bound.port } : address));
      };
      if (address.kind === 'socket') server.listen(address.path, listening);
      else server.listen({ port: address.port, host: address.host }, listening);
    });
  }
}

/** The page under its path, all else to the origins. */
function besidePath(path: string, page: RequestListener, relay: RequestListener): RequestListener {
  return (req, res) => {
    const [asked = ''] = (req.url ?? '').split(/[?;]/, 1);
    const isPage = asked === path || asked === `${path}/`;
    if (isPage) page(req, res);
    else relay(req, res);
  };
}
