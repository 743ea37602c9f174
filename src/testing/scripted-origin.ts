/** A real server that does what a test tells it, and remembers what was done to it. */

import { createServer, isIPv6 } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Timer } from '../time/clock.js';
import { AnswerWriter } from './answer-writer.js';
import { OriginConnection } from './origin-connection.js';
import { OriginHere, type Running } from './origin-here.js';
import type { OriginParts, OriginPlan } from './origin-program.js';
import type { ConnectionRecord, RequestRecord } from './origin-records.js';
import { OriginThread } from './origin-thread.js';
import { OriginWire } from './origin-wire.js';
import { RequestReader } from './request-reader.js';
import { checkRules, type Rule, type Script } from './script.js';
import { checkOptions, type ScriptedOriginOptions } from './scripted-origin-options.js';
import { checkSteps, type Step } from './steps.js';

/** Uses nothing outside itself: its source text is copied into a worker thread. */
function after(ms: number, call: () => void): Timer {
  const timer = setTimeout(call, ms);
  return { cancel: () => clearTimeout(timer) };
}

const PARTS: OriginParts = {
  net: { createServer },
  after,
  tls: { createSecureContext, TLSSocket },
  AnswerWriter,
  OriginConnection,
  OriginWire,
  RequestReader,
};

interface Expectation {
  readonly holds: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const LONGEST_WAIT_MS = 5_000;
const HOSTNAME = '127.0.0.1';

/**
 * A TCP or TLS server on 127.0.0.1, or in a `MemoryNetwork`, that does what a script says for each connection and request.
 * Records every connection, every byte and every execution.
 *
 * @example
 * ```ts
 * const origin = await ScriptedOrigin.start({
 *   script: ({ requestOnConnection }) =>
 *     requestOnConnection === 0 ? [execute(), answer({ body: 'ok' })] : [execute(), close()],
 * });
 * ```
 */
export class ScriptedOrigin {
  readonly #running: Running;
  readonly #options: ScriptedOriginOptions;
  readonly #expectations = new Set<Expectation>();
  readonly #hostname: string; // as in a URL: in lower case, IPv6 in brackets
  #port = 0;

  private constructor(options: ScriptedOriginOptions) {
    checkOptions(options);
    const { port = 0, hostname = HOSTNAME, socketPath, tls, backlog, rules = [], script, thread, network } = options;
    this.#hostname = new URL(`http://${isIPv6(hostname) ? `[${hostname}]` : hostname}`).hostname;
    const host = isIPv6(hostname) ? hostname : this.#hostname;
    const plan: OriginPlan = { hostname: host, port, socketPath, tls, backlog, rules };
    const recorded = () => this.#check();
    this.#options = options;
    this.#running =
      thread === true
        ? new OriginThread(PARTS, plan, recorded)
        : new OriginHere({ ...PARTS, ...network?.parts }, plan, checked(script), recorded);
  }

  /**
   * Starts an origin. Resolves when it is listening.
   *
   * @throws TypeError as a rejection, for options that are unknown or cannot be combined
   */
  static async start(options: ScriptedOriginOptions = {}): Promise<ScriptedOrigin> {
    const origin = new ScriptedOrigin(options);
    try {
      origin.#port = await origin.#running.tell({ do: 'listen' });
    } catch (error) {
      await origin.#running.end();
      throw error;
    }
    return origin;
  }

  /** Port it listens on; stays the same after {@link stopListening} and {@link listen}. 0 for a Unix socket. */
  get port(): number {
    return this.#port;
  }

  /** `http://127.0.0.1:port`, or `https:` with TLS; `http://localhost` or `https://localhost` for a Unix socket. */
  get url(): string {
    const { tls, socketPath } = this.#options;
    const scheme = tls === undefined ? 'http' : 'https';
    return socketPath === undefined ? `${scheme}://${this.#hostname}:${this.#port}` : `${scheme}://localhost`;
  }

  /** All requests whose head was received, oldest first. */
  get requests(): readonly RequestRecord[] {
    return this.#running.records.requests;
  }

  /** All connections ever accepted, by number. */
  get connections(): readonly ConnectionRecord[] {
    return this.#running.records.connections;
  }

  /** Number of connections accepted so far. */
  get connectionsAccepted(): number {
    return this.#running.records.connections.length;
  }

  /** Number of connections that neither side has ended. */
  get openConnections(): number {
    return this.#running.records.connections.filter((connection) => connection.open).length;
  }

  /** Largest number of connections open at the same time, as seen by the origin. */
  get mostOpenConnections(): number {
    return this.#running.records.mostOpen;
  }

  /** How often the request with this id was executed. The id is its `x-request-id`, or its path. */
  executions(id: string): number {
    return this.#running.records.executions.get(id) ?? 0;
  }

  /** How often each request was executed, by id. */
  get executed(): ReadonlyMap<string, number> {
    return this.#running.records.executions;
  }

  /** Executes steps on a connection now, in parallel with whatever it is doing. Resolves when they are done. */
  async play(connection: number, steps: readonly Step[]): Promise<void> {
    checkSteps('play()', steps);
    await this.#running.tell({ do: 'play', connection, steps });
  }

  /** Opens a gate: every `hold()` at it continues, now and later. */
  async release(gate = 'held'): Promise<void> {
    await this.#running.tell({ do: 'release', gate });
  }

  /** Replaces the rules, for future connections and requests. */
  async setRules(rules: readonly Rule[]): Promise<void> {
    checkRules(rules);
    await this.#running.tell({ do: 'rules', rules });
  }

  /** Stops listening, so that new connections are refused. `connections` says what to do with the open ones. */
  async stopListening(connections: 'keep' | 'close' | 'reset' = 'keep'): Promise<void> {
    await this.#running.tell({ do: 'stop-listening', connections });
  }

  /** Listens again on the same port. */
  async listen(): Promise<void> {
    await this.#running.tell({ do: 'listen' });
  }

  /**
   * Resolves when `holds()` returns true; it is called after each event of the origin. Rejects after `withinMs`, saying what
   * was seen, and with what `holds()` throws.
   */
  until(holds: () => boolean, withinMs = LONGEST_WAIT_MS): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#expectations.delete(expectation);
        reject(this.#unseen(holds, withinMs));
      }, withinMs);
      const expectation: Expectation = {
        holds,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#expectations.add(expectation);
    });
  }

  /**
   * Blocks the event loop until `holds()` returns true for what the origin saw; what it has sent by then is in the kernel,
   * unread. Needs `thread`.
   * @throws Error after `withinMs`, saying what was seen; TypeError without `thread`
   */
  blockUntil(holds: () => boolean, withinMs = LONGEST_WAIT_MS): void {
    if (this.#options.thread !== true) throw new TypeError('blockUntil() needs an origin with thread: true');
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const end = performance.now() + withinMs;
    for (;;) {
      // Events are taken in first: `holds` may look at a record that it has kept.
      void this.#running.records;
      if (holds()) return;
      if (performance.now() > end) throw this.#unseen(holds, withinMs);
      Atomics.wait(pause, 0, 0, 1);
    }
  }

  /** Describes in one sentence what was seen so far. */
  describe(): string {
    return this.#running.records.describe();
  }

  /** Closes all connections, the listener and the thread. */
  async close(): Promise<void> {
    await this.#running.end();
    const closed = new Error(`closed while a test waited. The origin saw ${this.describe()}`);
    for (const expectation of this.#expectations) expectation.reject(closed);
    this.#expectations.clear();
  }

  #check(): void {
    for (const expectation of this.#expectations) {
      try {
        if (!expectation.holds()) continue;
        expectation.resolve();
      } catch (error) {
        expectation.reject(error); // not thrown: in a listener of a socket it would end the process
      }
      this.#expectations.delete(expectation);
    }
  }

  #unseen(holds: () => boolean, withinMs: number): Error {
    return new Error(`after ${withinMs} ms not so: ${holds.toString()}. The origin saw ${this.describe()}`);
  }
}

/** Checks what the script returns: during a request, a bad list would look like a fault of the library. */
function checked(script: Script | undefined): Script | undefined {
  if (script === undefined) return undefined;
  return (scene) => {
    const steps = script(scene);
    if (steps !== undefined) checkSteps('what the script returns', steps);
    return steps;
  };
}
