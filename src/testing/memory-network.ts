/** A network in memory with a clock that stands still: a backend and its origins run in it without a socket. */

import { EventEmitter } from 'node:events';
import type { AddressInfo, ListenOptions } from 'node:net';
import type { Connecting, Destination, Transport } from '../connection/transport.js';
import type { Machine } from '../machine.js';
import type { Clock, Timer } from '../time/clock.js';
import { checkNames } from './known-names.js';
import { ManualClock } from './manual-clock.js';
import { type MemorySocket, memorySockets } from './memory-socket.js';
import { cancelTurn, nextTurn } from './next-turn.js';
import type { OriginNet, OriginParts, OriginServer } from './origin-program.js';
import type { OriginSocket } from './origin-wire.js';

/** Options of a `MemoryNetwork`. */
export interface MemoryNetworkOptions {
  /** Clock of the network. @default one of its own */
  readonly clock?: ManualClock | undefined;
}

type Accept = (socket: OriginSocket) => void;

const FIRST_PORT = 49_152;
// One event leads to another by promises, streams and turns of the event loop. After this many turns without a delivery,
// nothing more follows.
const QUIET_TURNS = 4;

const turn = (): Promise<void> => new Promise((resolve) => nextTurn(resolve));

/**
 * A network in memory with a manual clock, so that a backend and its origins run without sockets and without waiting.
 * Pass it to `PooledBackend` as the second argument, and to `ScriptedOrigin.start()`. What is sent arrives one turn of
 * the event loop later. Host names are not resolved; TLS is not supported.
 *
 * @example
 * ```ts
 * const network = new MemoryNetwork();
 * const origin = await ScriptedOrigin.start({ network });
 * const backend = new PooledBackend({ origins: [origin.url] }, network);
 * await network.advance(60_000); // a minute passes at once
 * ```
 */
export class MemoryNetwork implements Machine {
  /** The clock of the network. Its timers only run in {@link advance}; `soon` calls are made by the event loop. */
  readonly clock: Clock;
  /** Connects a backend to the scripted origins of this network. */
  readonly transport: Transport;
  /** @internal What a scripted origin uses to listen. */
  readonly parts: Pick<OriginParts, 'net' | 'after'>;
  readonly #time: ManualClock;
  readonly #servers = new Map<string, Accept>(); // by address
  readonly #sockets = new Set<MemorySocket>(); // both ends of every connection
  #lastPort = FIRST_PORT;

  /** Creates a network in which nobody listens yet. */
  constructor(options: MemoryNetworkOptions = {}) {
    checkNames('MemoryNetwork', options, ['clock']);
    const { clock: time = new ManualClock() } = options;
    this.#time = time;
    const after = (ms: number, call: () => void): Timer => time.after(ms, call);
    this.clock = { now: () => time.now(), wallNow: () => time.wallNow(), after, soon };
    this.transport = {
      connect: (destination, connecting) => void nextTurn(() => this.#connect(destination, connecting)),
    };
    const net: OriginNet = {
      createServer: (_options, accept) => new MemoryServer((where) => this.#open(where, accept)),
    };
    this.parts = { net, after };
  }

  /** Returns 0.5, so that randomised times are always the same. */
  random(): number {
    return 0.5;
  }

  /**
   * Advances the time by `ms`, timer by timer. After each timer everything it causes happens before the next one.
   *
   * @throws RangeError as a rejection, for a value below 0, NaN or `Infinity`
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0) || ms === Number.POSITIVE_INFINITY) throw new RangeError(`cannot advance by ${ms} ms`);
    const time = this.#time;
    const end = time.now() + ms;
    await this.settle();
    for (let next = time.nextTimer; next !== undefined && next <= end; next = time.nextTimer) {
      time.advance(Math.max(0, next - time.now()));
      await this.settle();
    }
    time.advance(Math.max(0, end - time.now()));
    await this.settle();
  }

  /** Resolves when everything has happened that needs no time to pass. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet += 1) {
      await turn();
      if ([...this.#sockets].some((socket) => socket.underway > 0)) quiet = -1;
    }
  }

  #connect({ protocol, hostname, port, socketPath, onread }: Destination, connecting: Connecting): void {
    const address = socketPath ?? `${hostname}:${port}`;
    const accept = this.#servers.get(address);
    if (protocol === 'https:' || accept === undefined) {
      const reason = protocol === 'https:' ? 'a network in memory has no TLS' : `nobody listens on ${address}`;
      connecting.failed(Object.assign(new Error(reason), { code: 'ECONNREFUSED' }));
      return;
    }
    const ends = memorySockets({ delivery: 'next-turn', onread });
    for (const socket of ends) {
      this.#sockets.add(socket);
      socket.once('close', () => nextTurn(() => this.#sockets.delete(socket)));
    }
    const [near, far] = ends;
    far.allowHalfOpen = true;
    connecting.opened(near, () => near.askKernel());
    accept(far);
  }

  #freePort(host: string | undefined): number {
    do this.#lastPort += 1;
    while (this.#servers.has(`${host}:${this.#lastPort}`));
    return this.#lastPort;
  }

  /** @throws Error if another server listens there */
  #open({ host, port = 0, path }: ListenOptions, accept: Accept): Listening {
    const chosen = port === 0 ? this.#freePort(host) : port;
    const address = path ?? `${host}:${chosen}`;
    if (this.#servers.has(address)) throw Object.assign(new Error(`${address} is taken`), { code: 'EADDRINUSE' });
    this.#servers.set(address, accept);
    const close = (): void => void this.#servers.delete(address);
    return { port: chosen, close };
  }
}

/** Keeps the process alive until the call is made, as the machine's clock does. */
function soon(call: () => void): Timer {
  const immediate = nextTurn(call);
  return { cancel: () => cancelTurn(immediate) };
}

interface Listening {
  readonly port: number;
  close(): void;
}

class MemoryServer extends EventEmitter implements OriginServer {
  readonly #open: (where: ListenOptions) => Listening;
  #listening: Listening | undefined;

  constructor(open: (where: ListenOptions) => Listening) {
    super();
    this.#open = open;
  }

  listen(where: ListenOptions, listening: () => void): void {
    try {
      this.#listening = this.#open(where);
    } catch (error) {
      nextTurn(() => this.emit('error', error));
      return;
    }
    nextTurn(listening);
  }

  address(): AddressInfo {
    return { address: '', family: 'memory', port: this.#listening?.port ?? 0 };
  }

  close(): void {
    this.#listening?.close();
    this.#listening = undefined;
  }
}
