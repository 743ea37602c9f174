/**
 * The scripted origin itself: listens, numbers connections and requests, chooses steps. Runs on the event loop of the test or in a
 * worker thread.
 *
 * The source text of the class is copied into a worker thread. So this file imports types only, and its class uses
 * nothing outside itself.
 */

import type { AddressInfo, ListenOptions } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../time/clock.js';
import type { AnswerWriter } from './answer-writer.js';
import type { OriginConnection, OriginConnectionOwner } from './origin-connection.js';
import type { OriginEvent } from './origin-records.js';
import type { OriginSocket, OriginWire } from './origin-wire.js';
import type { RequestReader } from './request-reader.js';
import type { Moment, OriginRequest, Rule, Script } from './script.js';
import type { Step } from './steps.js';

/** The part of `net.Server` that an origin uses. */
export interface OriginServer {
  once(event: 'error', listener: (error: Error) => void): unknown;
  listen(where: ListenOptions, listening: () => void): unknown;
  address(): AddressInfo | string | null;
  close(): unknown;
}

/** What an origin uses to listen: node:net, or a network in memory. */
export interface OriginNet {
  createServer(options: { allowHalfOpen: boolean }, accept: (socket: OriginSocket) => void): OriginServer;
}

/** Everything that the program uses, so that it needs no import. */
export interface OriginParts {
  readonly net: OriginNet;
  readonly after: Clock['after'];
  readonly tls: Pick<typeof import('node:tls'), 'createSecureContext' | 'TLSSocket'>;
  readonly AnswerWriter: typeof AnswerWriter;
  readonly OriginConnection: typeof OriginConnection;
  readonly OriginWire: typeof OriginWire;
  readonly RequestReader: typeof RequestReader;
}

/** What an origin is to do. Plain values: they are sent to a worker thread. */
export interface OriginPlan {
  readonly hostname: string;
  readonly port: number;
  readonly socketPath: string | undefined;
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
  readonly backlog: number | undefined;
  readonly rules: readonly Rule[];
}

/** What the test tells a running origin to do. */
export type OriginCommand =
  | { readonly do: 'listen' }
  | { readonly do: 'stop-listening'; readonly connections: 'keep' | 'close' | 'reset' }
  | { readonly do: 'play'; readonly connection: number; readonly steps: readonly Step[] }
  | { readonly do: 'release'; readonly gate: string }
  | { readonly do: 'rules'; readonly rules: readonly Rule[] }
  | { readonly do: 'close' };

interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export class OriginProgram implements OriginConnectionOwner {
  static readonly #nextTurn = setImmediate; // as in next-turn.ts, which a worker thread cannot import

  readonly RequestReader: typeof RequestReader;
  readonly OriginWire: typeof OriginWire;
  readonly answers: AnswerWriter;
  readonly record: (event: OriginEvent) => void;
  readonly #parts: OriginParts;
  readonly #plan: OriginPlan;
  readonly #script: Script | undefined;
  readonly #secureContext: SecureContext | undefined;
  readonly #connections: OriginConnection[] = []; // by number
  readonly #sockets = new Set<OriginSocket>(); // sockets that their clients have not ended
  readonly #open = new Set<OriginConnection>();
  readonly #gates = new Map<string, Gate>();
  readonly #sleeping = new Set<Timer>();
  #rules: readonly Rule[];
  #server: OriginServer | undefined;
  #port: number;
  #requests = 0;
  #mostOpen = 0;
  #closed = false;

  constructor(parts: OriginParts, plan: OriginPlan, script: Script | undefined, record: (event: OriginEvent) => void) {
    this.RequestReader = parts.RequestReader;
    this.OriginWire = parts.OriginWire;
    this.answers = new parts.AnswerWriter();
    this.record = record;
    this.#parts = parts;
    this.#plan = plan;
    this.#script = script;
    this.#rules = plan.rules;
    this.#port = plan.port;
    if (plan.tls !== undefined) this.#secureContext = parts.tls.createSecureContext(plan.tls);
  }

  /** Resolves to the port it listens on (0 for a Unix socket). */
  async obey(command: OriginCommand): Promise<number> {
    switch (command.do) {
      case 'listen':
        await this.#listen();
        break;
      case 'stop-listening':
        await this.#stopListening(command.connections);
        break;
      case 'play':
        await this.#connection(command.connection).play(command.steps);
        break;
      case 'release':
        this.#gate(command.gate).open();
        break;
      case 'rules':
        this.#rules = command.rules;
        break;
      case 'close':
        await this.#close();
        break;
    }
    return this.#port;
  }

  nextRequest(): number {
    this.#requests += 1;
    return this.#requests - 1;
  }

  stepsFor(moment: Moment, connection: number, request: OriginRequest | undefined): readonly Step[] | undefined {
    if (moment === 'request' && request !== undefined) {
      const steps = this.#script?.({ request, connection, requestOnConnection: request.onConnection });
      if (steps !== undefined) return steps;
    }
    const isMeant = ({ at = 'request', when = {} }: Rule) => at === moment && this.#fits(when, connection, request);
    return this.#rules.find(isMeant)?.steps;
  }

  gate(name: string): Promise<void> {
    return this.#gate(name).opened;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed) return; // never resolves: steps that were in progress when the origin was closed end here
      const timer = this.after(ms, () => {
        this.#sleeping.delete(timer);
        resolve();
      });
      this.#sleeping.add(timer);
    });
  }

  after(ms: number, call: () => void): Timer {
    return this.#parts.after(ms, call);
  }

  #fits(when: NonNullable<Rule['when']>, connection: number, request: OriginRequest | undefined): boolean {
    return (
      (when.connection === undefined || when.connection === connection) &&
      (when.method === undefined || when.method === request?.method) &&
      (when.path === undefined || when.path === request?.path) &&
      (when.request === undefined || when.request === request?.index) &&
      (when.requestOnConnection === undefined || when.requestOnConnection === request?.onConnection) &&
      (when.everyOnConnection === undefined ||
        (request !== undefined && (request.onConnection + 1) % when.everyOnConnection === 0))
    );
  }

  #connection(index: number): OriginConnection {
    const connection = this.#connections[index];
    if (connection === undefined) throw new Error(`no connection ${index}: ${this.#connections.length} were accepted`);
    return connection;
  }

  #gate(name: string): Gate {
    const known = this.#gates.get(name);
    if (known !== undefined) return known;
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const gate = { opened, open };
    this.#gates.set(name, gate);
    return gate;
  }

  #listen(): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the origin was closed'));
    if (this.#server !== undefined) return Promise.reject(new Error('the origin listens already'));
    const server = this.#parts.net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server = server;
    const { socketPath, backlog } = this.#plan;
    const where: ListenOptions =
      socketPath === undefined ? { host: this.#plan.hostname, port: this.#port } : { path: socketPath };
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        this.#server = undefined;
        reject(error);
      });
      server.listen(backlog === undefined ? where : { ...where, backlog }, () => {
        const address: AddressInfo | string | null = server.address();
        this.#port = typeof address === 'object' && address !== null ? address.port : 0;
        resolve();
      });
    });
  }

  async #stopListening(connections: 'keep' | 'close' | 'reset'): Promise<void> {
    // Not awaited: the server refuses new connections at once, but its callback comes only after its last connection is gone.
    this.#server?.close();
    this.#server = undefined;
    if (connections !== 'keep') await Promise.all([...this.#open].map((connection) => connection.end(connections)));
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#server?.close();
    this.#server = undefined;
    for (const timer of this.#sleeping) timer.cancel();
    await Promise.all([...this.#open].map((connection) => connection.end('destroy')));
  }

  #accept(socket: OriginSocket): void {
    const connection = new this.#parts.OriginConnection(this, socket, this.#connections.length);
    this.#connections.push(connection);
    this.#open.add(connection);
    this.#sockets.add(socket);
    const gone = (): void => void this.#sockets.delete(socket);
    socket.once('end', gone).once('error', gone);
    socket.once('close', () => {
      gone();
      this.#open.delete(connection);
    });
    connection.open(this.#secureContext === undefined ? undefined : (raw) => this.#secure(raw));
    // In the same turn, the close of another connection may be read after this one, although it came earlier. So the count
    // waits for the next turn.
    OriginProgram.#nextTurn(() => this.#countOpen());
  }

  #countOpen(): void {
    if (this.#sockets.size <= this.#mostOpen) return;
    this.#mostOpen = this.#sockets.size;
    this.record({ seen: 'most-open', open: this.#mostOpen });
  }

  #secure(raw: OriginSocket): TLSSocket {
    return new this.#parts.tls.TLSSocket(raw, {
      isServer: true,
      ALPNProtocols: ['http/1.1'],
      ...(this.#secureContext === undefined ? {} : { secureContext: this.#secureContext }),
    });
  }
}
