/** The running command: a server for clients, a status page, and a graceful shutdown. */

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PooledBackend } from 'pooled-backend';
import { systemClock } from '../clock.js';
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
 * How long the gateway goes on serving after the signal, at most. A request may be on its way on a kept connection, which would be
 * closed at once while it is idle.
 */
const FAREWELL_MS = 1_000;

/** After the end of listening, how long a client that has just connected may take to send its request. */
const FIRST_REQUEST_MS = 100;

/** After the backend is closed, how long the last bytes of responses may take to reach their clients. */
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
  /** On each connection: the response to the last request of a client, until it is sent. */
  readonly #latest = new Map<Socket, ServerResponse | undefined>();
  /** Connections whose last response is on its way, or was sent. */
  readonly #ending = new WeakSet<Socket>();
  #stage: 'serving' | 'farewell' | 'closing' = 'serving';

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
    const server = createServer(timeouts, (req, res) => this.#serve(req, res, front));
    server.on('checkContinue', (req, res) => this.#serve(req, res, front));
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
    // What comes at the end of the farewell also needs time to finish.
    await this.#farewell(Math.min(FAREWELL_MS, drainTimeoutMs / 2));
    await this.#acceptWaiting(Math.min(FAREWELL_MS, drainTimeoutMs / 4));
    this.#stage = 'closing';
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    // The last connections are accepted, but their requests are not read yet.
    await Promise.race([Promise.all(closed), pause(Math.min(FIRST_REQUEST_MS, drainTimeoutMs / 4))]);
    await this.#backend.close();
    limit.cancel();
    if (cut > 0) this.#journal.error({ count: cut }, 'requests were cut off');
    this.#closeIdle();
    this.#closeSilent();
    // The last bytes of responses may still be on their way to clients. The wait for them is limited.
    await Promise.race([Promise.all(closed), pause(LAST_BYTES_MS)]);
    this.#closeAll();
    return cut === 0;
  }

  /** Serves everything as before, but each response ends its connection. */
  async #farewell(ms: number): Promise<void> {
    this.#stage = 'farewell';
    for (const res of this.#latest.values()) if (res?.headersSent === false) this.#endWith(res);
    if (await this.#hasClients()) await pause(ms);
  }

  /**
   * Accepts what already waits in the kernel: the end of listening would reset it. node:net accepts one connection in a turn of the event
   * loop, so after a stall there can be many. Under too much load, more come than are accepted: then it takes `ms`.
   */
  async #acceptWaiting(ms: number): Promise<void> {
    const end = systemClock.now() + ms;
    const [clients] = this.#servers;
    let accepted = 0;
    clients?.on('connection', () => {
      accepted += 1;
    });
    await turn(); // after an I/O callback, it ends before the kernel is asked again
    for (let before = -1; accepted > before && systemClock.now() < end; await turn()) before = accepted;
  }

  #hasClients(): Promise<boolean> {
    const [clients] = this.#servers;
    if (clients === undefined) return Promise.resolve(false); // it does not listen yet
    return new Promise((resolve) => clients.getConnections((_, count) => resolve(count > 0)));
  }

  /** Ends everything at once. */
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

  /** Closes the connections on which no byte has come: nothing is on its way to their clients. */
  #closeSilent(): void {
    for (const socket of this.#latest.keys()) if (socket.bytesRead === 0) socket.destroy();
  }

  /** Closes the connection after the response, so that the client connects to another process. */
  #endWith(res: ServerResponse): void {
    res.setHeader('Connection', 'close');
    this.#ending.add(res.req.socket);
  }

  #begun(res: ServerResponse): void {
    this.#latest.set(res.req.socket, res);
  }

  #answered(res: ServerResponse): void {
    const { socket } = res.req;
    if (this.#latest.get(socket) === res) this.#latest.set(socket, undefined);
    if (this.#stage === 'closing') systemClock.soon(this.#closeIdle);
  }

  #serve(req: IncomingMessage, res: ServerResponse, listener: RequestListener): void {
    // What is pipelined behind the last response "MUST NOT" be processed (RFC 9112 §9.6): its response would never be sent.
    if (this.#ending.has(req.socket)) {
      req.resume();
      return;
    }
    if (this.#stage !== 'serving') this.#endWith(res);
    this.#begun(res);
    res.once('close', () => this.#answered(res));
    listener(req, res);
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
    server.on('connection', (socket) => {
      if (this.#latest.has(socket)) return; // given back, after an offer to upgrade that was not taken
      this.#latest.set(socket, undefined);
      // A response cannot tell: if its connection breaks while it waits behind others, it has no 'close'.
      socket.once('close', () => this.#latest.delete(socket));
    });
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

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.after(ms, resolve));
}

function turn(): Promise<void> {
  return new Promise((resolve) => systemClock.soon(resolve));
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
