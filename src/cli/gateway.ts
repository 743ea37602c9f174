/** The running command: a server for clients, a status page, and a graceful shutdown. */

import { createServer, type RequestListener, type Server } from 'node:http';
import { closeServer, PooledBackend } from 'pooled-backend';
import { systemClock, type Timer } from '../time/clock.js';
import { type Address, type Place, shownAddress } from './addresses.js';
import type { Journal } from './journal.js';
import { removeLeftSocket, whyNoSocket } from './left-socket.js';
import { metricsPage } from './metrics-page.js';
import type { Settings } from './settings.js';

/** How long a client may take to send the head of a request. */
const HEAD_MS = 60_000;

/**
 * How long a client's connection may be idle. A request that is sent just as it is closed gets no answer, so the proxy in front should
 * be the one that closes: nginx and others do so after 60 s. Node's default is 5 s.
 */
const IDLE_MS = 75_000;

/**
 * After the backend is closed, how long the last bytes of responses may take to reach their clients. Nothing else would end a client that
 * has sent half a head: node:http has no `headersTimeout` once its server is closed.
 */
const LAST_BYTES_MS = 5_000;

/** A page for people or for Prometheus, and where it is served. */
interface Page {
  readonly name: string;
  readonly place: Place;
  readonly listener: RequestListener;
}

export class Gateway {
  readonly #settings: Settings;
  readonly #journal: Journal;
  readonly #backend: PooledBackend;
  readonly #servers: Server[] = []; // that of the clients comes first

  constructor(settings: Settings, journal: Journal) {
    this.#settings = settings;
    this.#journal = journal;
    this.#backend = new PooledBackend({ ...settings.backend, logger: journal });
  }

  /** Rejects if it cannot listen. */
  async open(): Promise<void> {
    const { listen, mount, upgrade, backend } = this.#settings;
    const pages = await this.#pages();
    const relay: RequestListener = this.#backend.handler(mount);
    const front = pages.reduce(besidePage, relay);
    // After the head, `clientTimeout` ends clients that neither send nor accept bytes. With `requestTimeout: 0`, node:http sets no
    // `headersTimeout` of its own, so one is given here.
    const timeouts = { requestTimeout: 0, headersTimeout: HEAD_MS, keepAliveTimeout: IDLE_MS };
    const server = createServer(timeouts, front);
    server.on('checkContinue', front);
    if (upgrade !== false) server.on('upgrade', this.#backend.upgradeHandler(upgrade));
    const address = await this.#listen('clients', server, listen);
    const origins = Array.isArray(backend.origins) ? backend.origins.length : backend.dns?.name;
    this.#journal.info({ on: address, origins }, 'listening');
    for (const page of pages) await this.#openPage(page, address);
  }

  /** The status page is last: its default address must not take a port that the user chose for something else. */
  async #pages(): Promise<readonly Page[]> {
    const { status, metrics, title } = this.#settings;
    const page: Page = { name: 'status page', place: status, listener: this.#backend.statusHandler({ title }) };
    if (metrics.kind === 'off') return [page];
    return [{ name: 'metrics', place: metrics, listener: await metricsPage(this.#backend) }, page];
  }

  /** `address` is the one that clients use. */
  async #openPage({ name, place, listener }: Page, address: string): Promise<void> {
    if (place.kind === 'path') this.#journal.info({ at: `${address}${place.path}` }, name);
    if (place.kind !== 'address') return;
    try {
      const shown = await this.#listen(name, createServer(listener), place.address);
      this.#journal.info({ at: place.address.kind === 'socket' ? shown : `http://${shown}/` }, name);
    } catch (error) {
      if (!place.isDefault) throw error;
      this.#journal.warn({ error }, 'no status page: the port is taken (--status says where it should be)');
    }
  }

  /**
   * Accepts no more requests after a farewell, and lets those in progress finish. Resolves to whether all finished within
   * `drainTimeout`, which begins now.
   */
  async close(): Promise<boolean> {
    const { drainTimeoutMs } = this.#settings;
    this.#journal.info({ inFlight: this.#backend.stats().inFlight, drainTimeoutMs }, 'closing');
    let cut = 0;
    const limit = systemClock.after(drainTimeoutMs, () => {
      this.#backend.on('fail', () => {
        cut += 1;
      });
      this.#backend.destroy(new Error(`not finished ${drainTimeoutMs} ms after the signal to stop`));
    });
    const [clients] = this.#servers;
    let last: Timer | undefined;
    const close = async () => {
      await this.#backend.close(); // without a time of its own, it ends tunnels with the last request
      last = systemClock.after(LAST_BYTES_MS, () => this.#closeAll());
    };
    if (clients === undefined) await close();
    else await closeServer(clients, { close }, { timeout: drainTimeoutMs });
    last?.cancel();
    limit.cancel();
    if (cut > 0) this.#journal.error({ count: cut }, 'requests were cut off');
    this.#closeAll();
    return cut === 0;
  }

  /** Ends everything at once. */
  destroy(): void {
    this.#backend.destroy();
    this.#closeAll();
  }

  #closeAll(): void {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
  }

  /** @param whom who uses the address, for errors */
  async #listen(whom: string, server: Server, address: Address): Promise<string> {
    try {
      if (address.kind === 'socket') await removeLeftSocket(address.path);
      return await this.#bind(server, address);
    } catch (cause) {
      throw new Error(`cannot listen for ${whom} on ${shownAddress(address)}: ${whyNot(cause, address)}`, { cause });
    }
  }

  #bind(server: Server, address: Address): Promise<string> {
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

function whyNot(cause: unknown, address: Address): string {
  const { code, message } = cause as NodeJS.ErrnoException; // from node:net or node:fs
  const why = address.kind === 'socket' ? whyNoSocket(address.path, code) : undefined;
  if (why !== undefined) return why;
  if (code === 'EADDRINUSE') return 'it is in use (EADDRINUSE)';
  const isLow = address.kind === 'port' && address.port < 1024;
  if (code === 'EACCES' && isLow) return 'ports below 1024 need root or CAP_NET_BIND_SERVICE (EACCES)';
  return message;
}

/** Serves a page under its path, and passes all other requests to the previous listener. */
function besidePage(others: RequestListener, { place, listener }: Page): RequestListener {
  if (place.kind !== 'path') return others;
  const { path } = place;
  return (req, res) => {
    const [asked = ''] = (req.url ?? '').split(/[?;]/, 1);
    const isPage = asked === path || asked === `${path}/`;
    if (isPage) listener(req, res);
    else others(req, res);
  };
}
