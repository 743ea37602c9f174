/** One cell of the fault matrix on real sockets: its backend, its connection at the origin, its client. */

import { Readable } from 'node:stream';
import { BackendError, type BackendRequestOptions, PooledBackend, type RequestHandler } from 'pooled-backend';
import {
  afterBytesIn,
  type ConnectionRecord,
  close,
  execute,
  hold,
  type Rule,
  reset,
  type ScriptedOrigin,
  type Step,
  send,
  stall,
} from 'pooled-backend/testing';
import { RawClient } from '../wire/raw-client.js';
import { type Cell, GARBAGE, REPLAY_BYTES, REQUEST_BODY, responseOf, STRAY } from './cell.js';
import type { Expected } from './expectation.js';

const LONG_MS = 30_000;
/** Timeouts of a cell in which the origin never goes on. */
const STALL_MS = 250;
/** Timeouts of a cell in which the event loop is blocked for longer than that. */
export const PASSED_MS = 700;

export type Seen = Expected | 'missed';

type Heard = Pick<Expected, 'outcome' | 'body'>;

export class WireRun {
  readonly cell: Cell;
  readonly id: string;
  readonly backend: PooledBackend;
  readonly handler: RequestHandler;
  readonly #origin: ScriptedOrigin;
  readonly #frontPort: number;
  readonly #told = new Map<string, Pick<Expected, 'attempts' | 'delivery'>>();
  #client: RawClient | undefined;
  #connection = -1; // number of the connection that the fault strikes
  #stepsBefore = 0;
  #sentAt = 0;

  constructor(cell: Cell, number: number, origin: ScriptedOrigin, frontPort: number) {
    this.cell = cell;
    this.id = String(number).padStart(4, '0');
    this.#origin = origin;
    this.#frontPort = frontPort;
    const ms = cell.fault === 'stall' ? STALL_MS : cell.fault === 'none' ? PASSED_MS : LONG_MS;
    // The head shall come, however late.
    const hasHead = cell.fault === 'stall' && (cell.phase === 'response-body' || cell.phase === 'after');
    const headMs = hasHead ? LONG_MS : ms;
    this.backend = new PooledBackend({
      origins: [origin.url],
      nonIdempotent: cell.travel,
      replayBytes: REPLAY_BYTES,
      spareConnections: false,
      minConnections: cell.connection === 'fresh' ? 1 : 0,
      ...{ sendTimeout: headMs, headersTimeout: headMs, bodyTimeout: ms },
    });
    this.handler = this.backend.handler(cell.body === 'spent' ? { requestBufferBytes: false } : {});
    this.backend.on('request', ({ path, attempts }) => this.#told.set(path, { attempts, delivery: undefined }));
    this.backend.on('fail', ({ path, error }) => {
      this.#told.set(path, { attempts: error.attempts.length, delivery: error.delivery });
    });
  }

  get #own(): string {
    return `/${this.id}/own`;
  }

  get #record(): ConnectionRecord {
    const record = this.#origin.connections[this.#connection];
    if (record === undefined) throw new Error('the connection of the cell is not there');
    return record;
  }

  // --- before ----------------------------------------------------------------------------------------------------------

  /** Opens a connection that carries nothing. Cells do this one after the other, because the connection is known by its number only. */
  async openFresh(): Promise<void> {
    const before = this.#origin.connectionsAccepted;
    await this.backend.ready();
    await this.#origin.until(() => this.#origin.connectionsAccepted > before);
    this.#connection = before;
  }

  /** Makes two clean exchanges, after which the connection is proven. */
  async prime(): Promise<void> {
    const path = `/${this.id}/prime`;
    for (let exchange = 0; exchange < 2; exchange += 1) {
      await (await this.backend.request({ path, headersTimeout: LONG_MS, bodyTimeout: LONG_MS })).body.text();
    }
    this.#connection = this.#origin.requests.find((request) => request.path === path)?.connection ?? -1;
  }

  /** The origin's rules for the request on this connection. */
  get rules(): Rule[] {
    const { phase, fault, at, framing } = this.cell;
    const when = { connection: this.#connection };
    const { head, body } = responseOf('own', framing);
    const gate = hold(this.id);
    if (fault === 'none' && (phase === 'head-sent' || phase === 'body-sent')) {
      return [
        { when, at: 'head', steps: [gate] },
        { when, steps: [execute(), send(head + body)] },
      ];
    }
    switch (phase) {
      case 'all-sent':
        return [{ when, steps: [execute(), gate, ...this.#faultSteps(head + body)] }];
      case 'response-head':
        return [
          { when, steps: [execute(), send(head.slice(0, at)), gate, ...this.#faultSteps(head.slice(at) + body)] },
        ];
      case 'response-body':
        return [
          { when, steps: [execute(), send(head + body.slice(0, at)), gate, ...this.#faultSteps(body.slice(at))] },
        ];
      case 'after':
        return [{ when, steps: [execute(), send(head + body), gate, ...this.#faultSteps('')] }];
      default:
        return [];
    }
  }

  /** Prepares faults that do not wait for a whole request. `headBytes`: length of the request head, as it arrives. */
  async install(headBytes: number): Promise<void> {
    const { phase, at, fault } = this.cell;
    this.#stepsBefore = this.#record.steps.length;
    if (fault === 'none' || (phase !== 'head-sent' && phase !== 'body-sent')) return;
    const place = phase === 'head-sent' ? at : headBytes + at;
    const steps = [afterBytesIn(this.#record.bytesReceived + place, this.#faultSteps(''))];
    await this.#origin.play(this.#connection, steps);
  }

  /** `rest`: what is sent if there is no fault. */
  #faultSteps(rest: string): Step[] {
    switch (this.cell.fault) {
      case 'none':
      case 'refusal':
        return rest === '' ? [] : [send(rest)];
      case 'fin':
        return [close()];
      case 'rst':
        return [reset()];
      case 'stall':
        return [stall()];
      // Outside a rule, the stall comes first, so that no rule answers after the bytes.
      case 'garbage':
        return this.#isRule ? [send(GARBAGE), stall()] : [stall(), send(GARBAGE)];
      case 'stray':
        return this.#isRule ? [send(STRAY), stall()] : [stall(), send(STRAY)];
    }
  }

  get #isRule(): boolean {
    return !['idle', 'head-sent', 'body-sent'].includes(this.cell.phase);
  }

  // --- the request -----------------------------------------------------------------------------------------------------

  /** Sends the request and waits until the fault may strike. Resolves to false if the request went elsewhere. */
  async reach(): Promise<boolean> {
    const { phase, fault } = this.cell;
    if (phase === 'idle') return true;
    await this.#sendOwn();
    const waits = phase !== 'head-sent' && phase !== 'body-sent';
    if (!waits && fault !== 'none') return true;
    await this.#origin.until(() => this.#holds || this.#wentElsewhere, LONG_MS);
    if (this.#wentElsewhere) return false;
    if (phase === 'response-body') await this.#client?.bytes(1, LONG_MS);
    if (phase === 'after') await this.#responded();
    return true;
  }

  /** Whether the connection had become too old for the request, so that a fault which waits for its bytes never struck. */
  passedBy({ attempts }: Expected): boolean {
    const { phase } = this.cell;
    return (phase === 'head-sent' || phase === 'body-sent') && attempts === 1 && this.#wentElsewhere;
  }

  get inTime(): boolean {
    return this.cell.fault !== 'none' || this.#sentAt === 0 || performance.now() - this.#sentAt < PASSED_MS - 150;
  }

  get #holds(): boolean {
    return this.#record.steps.includes('hold');
  }

  get #wentElsewhere(): boolean {
    return this.#origin.requests.some(({ path, connection }) => path === this.#own && connection !== this.#connection);
  }

  async #sendOwn(): Promise<void> {
    this.#client = await RawClient.connect({ port: this.#frontPort });
    const { method, body } = this.cell;
    const text = REQUEST_BODY[body];
    const framing = method === 'GET' ? '' : `Content-Length: ${text.length}\r\n`;
    this.#sentAt = performance.now();
    this.#client.write(`${method} ${this.#own} HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n${text}`);
  }

  /** Lets the fault strike, now. */
  strike(): void {
    if (this.cell.phase === 'idle') void this.#origin.play(this.#connection, this.#faultSteps(''));
    else void this.#origin.release(this.id);
  }

  get struck(): boolean {
    const { phase, fault } = this.cell;
    if (this.#record.closed) return true;
    if (phase === 'idle' || phase === 'after') return this.#stepsSince >= this.#faultSteps('').length + this.#ruleSteps;
    if (fault === 'none') return this.#record.steps.at(-1) === 'send' && this.#holds;
    return this.#stepsSince >= this.#ruleSteps + this.#faultSteps('').length;
  }

  get #stepsSince(): number {
    return this.#record.steps.length - this.#stepsBefore;
  }

  /** Number of steps before the fault. */
  get #ruleSteps(): number {
    const { phase } = this.cell;
    if (phase === 'idle') return 0;
    return phase === 'all-sent' ? 2 : 3;
  }

  /** Whether the backend knows that the connection is lost. */
  get noticed(): boolean {
    const closed = this.backend.stats().origins[0]?.closed ?? {};
    return Object.values(closed).some((count) => count > 0);
  }

  // --- after -----------------------------------------------------------------------------------------------------------

  /** Sends a request with the backend itself, without a turn of the event loop in between. */
  async direct(name: 'own' | 'next'): Promise<Expected> {
    const { method, body } = this.cell;
    const path = `/${this.id}/${name}`;
    const text = REQUEST_BODY[body];
    const request: BackendRequestOptions =
      body === 'none'
        ? { method, path }
        : body === 'small'
          ? { method, path, body: text }
          : { method, path, body: Readable.from([Buffer.from(text)]), headers: { 'Content-Length': `${text.length}` } };
    const heard = await this.backend.request(request).then(
      async (response): Promise<Heard> => ({ outcome: 'answered', body: whose(await response.body.text()) }),
      (error: unknown): Heard => {
        if (!BackendError.is(error)) throw error;
        return { outcome: error.statusCode === 504 ? 504 : 502, body: undefined };
      },
    );
    return this.#seen(path, heard);
  }

  /** Sends the request of the cell through a server, from a client on a socket of its own. */
  async viaClient(): Promise<Expected> {
    if (this.#client === undefined) await this.#sendOwn();
    return this.#seen(this.#own, await this.#responded());
  }

  #response: Promise<Heard> | undefined;

  #responded(): Promise<Heard> {
    this.#response ??= this.#readResponse();
    return this.#response;
  }

  async #readResponse(): Promise<Heard> {
    const response = await this.#client?.readResponse({ withinMs: LONG_MS });
    if (response?.complete !== true) return { outcome: 'broken off', body: undefined };
    if (response.status === 502 || response.status === 504) return { outcome: response.status, body: undefined };
    if (response.status !== 200) throw new Error(`a response of ${response.status}`);
    return { outcome: 'answered', body: whose(response.body.toString('latin1')) };
  }

  async #seen(path: string, { outcome, body }: Heard): Promise<Expected> {
    await pauseUntil(() => this.#told.has(path));
    const { attempts = 0, delivery } = this.#told.get(path) ?? {};
    return { outcome, body, delivery, executions: this.#origin.executions(path), attempts };
  }

  close(): void {
    this.#client?.destroy();
    this.backend.destroy();
  }
}

function whose(text: string): 'own' | 'stray' | undefined {
  return text === 'own' || text === 'stray' ? text : undefined;
}

/** Calls `holds` in each turn of the event loop until it returns true, for as long as a test may last. */
export async function pauseUntil(holds: () => boolean): Promise<void> {
  const end = performance.now() + LONG_MS;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`after ${LONG_MS} ms not so: ${holds}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
