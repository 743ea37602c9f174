/** The other side of a backend in memory: its dials, and the peers at the far ends. Only the test moves them. */

import type { DialListener, DialTarget, Intake } from '../src/connection/dial.js';
import { dialError } from '../src/connection/dial-error.js';
import type { Liveness } from '../src/connection/liveness.js';
import { readWindow } from '../src/http1/llhttp.js';
import { MemorySocket } from '../src/testing/index.js';
import type { Deadline, Deadlines } from '../src/time/deadlines.js';

/** The answer of a peer. */
export interface PeerAnswer {
  readonly status?: number;
  readonly fields?: readonly string[]; // whole lines
  readonly body?: string;
  readonly close?: boolean;
}

/** The far end of one connection. What it sends arrives at once, unless it is held in the kernel. */
export class Peer {
  readonly origin: string;
  readonly near: MemorySocket;
  readonly far: MemorySocket;
  /** All the text that arrived. */
  heard = '';
  /** Whether the connection is closed, by either side. */
  closed = false;
  /** Whether it has sent a head and still owes the body. */
  isInBody = false;
  readonly #underway: string[] = []; // sent, but not yet read by the event loop; oldest first; '' is a FIN
  #answered = 0;
  #holds = false;

  constructor(origin: string, near: MemorySocket, far: MemorySocket) {
    this.origin = origin;
    this.near = near;
    this.far = far;
    far.on('data', (bytes: Buffer) => {
      this.heard += bytes.toString('latin1');
    });
    far.on('error', () => undefined); // here, a reset is a usual end of a connection
    near.on('close', () => {
      this.closed = true;
    });
  }

  /** `METHOD /path` of each request that arrived. */
  get requests(): string[] {
    return [...this.heard.matchAll(/([A-Z]+ \S+) HTTP\/1\.1\r\n/g)].map(([, line = '']) => line);
  }

  /** Number of requests that arrived and were not answered. */
  get owes(): number {
    return this.closed ? 0 : this.requests.length - this.#answered;
  }

  /** Sends only a response head. The next answer is its body, with that many bytes. */
  answerHead(length: number): void {
    if (this.isInBody) return;
    this.isInBody = true;
    this.send(`HTTP/1.1 200 -\r\nContent-Length: ${length}\r\n\r\n`);
  }

  answer({ status = 200, fields = [], body = 'ok', close = false }: PeerAnswer = {}): void {
    this.#answered += 1;
    if (this.isInBody) {
      this.isInBody = false;
      this.send(body);
      if (close) this.fin();
      return;
    }
    const bodiless = status === 204 || status === 304;
    const all = [
      ...fields,
      ...(bodiless ? [] : [`Content-Length: ${body.length}`]),
      ...(close ? ['Connection: close'] : []),
    ];
    this.send(`HTTP/1.1 ${status} -\r\n${all.map((line) => `${line}\r\n`).join('')}\r\n${bodiless ? '' : body}`);
    if (close) this.fin();
  }

  send(text: string): void {
    if (this.closed || this.far.destroyed) return;
    this.#underway.push(text);
    this.far.write(text, 'latin1');
    if (!this.#holds) this.#arrive(Number.POSITIVE_INFINITY);
  }

  fin(): void {
    this.#underway.push('');
    this.far.end();
    if (!this.#holds) this.#arrive(Number.POSITIVE_INFINITY);
  }

  reset(): void {
    this.far.resetAndDestroy();
    this.far.deliver();
  }

  /** From now on, what it sends stays in the kernel of the near end, unread by the event loop, until {@link letGo}. */
  hold(): void {
    this.#holds = true;
  }

  /** Lets the event loop read everything from now on, or only the oldest `count` pieces. */
  letGo(count = Number.POSITIVE_INFINITY): void {
    this.#holds = count !== Number.POSITIVE_INFINITY;
    this.#arrive(count);
  }

  /** What a read of the file descriptor would show. */
  askKernel(): Liveness {
    const [first] = this.#underway;
    if (first === undefined) return { name: 'alive' };
    return first === '' ? { name: 'stale' } : { name: 'poisoned', bytes: Buffer.from(first, 'latin1') };
  }

  #arrive(count: number): void {
    this.#underway.splice(0, count);
    this.far.deliver(count);
  }
}

/** One dial. */
export class MemoryDial {
  readonly target: DialTarget;
  state: 'dialling' | 'open' | 'failed' | 'abandoned' = 'dialling';
  readonly #listener: DialListener;
  readonly #deadline: Deadline;

  constructor(target: DialTarget, deadlines: Deadlines, listener: DialListener) {
    this.target = target;
    this.#listener = listener;
    this.#deadline = deadlines.create(() => this.refuse('ETIMEDOUT'));
    this.#deadline.set(target.connectTimeoutMs);
  }

  /** `spokeFirst`: the peer sent something before any request. `asks`: the kernel can be asked. */
  open({ spokeFirst = false, asks = true } = {}): Peer {
    this.#end('open');
    const intake: Intake = { receive: () => false };
    const callback = (count: number): boolean => intake.receive(count);
    const near = new MemorySocket({ onread: { buffer: readWindow(), callback } });
    const far = new MemorySocket({ delivery: 'by-hand' });
    near.join(far);
    far.join(near);
    const peer = new Peer(this.target.origin, near, far);
    const askKernel = asks ? () => peer.askKernel() : undefined;
    this.#listener.opened({ socket: near, intake, spokeFirst, askKernel });
    return peer;
  }

  refuse(code = 'ECONNREFUSED'): void {
    if (this.state !== 'dialling') return;
    this.#end('failed');
    const cause = Object.assign(new Error(`connect ${code}`), { code });
    this.#listener.failed(dialError(this.target.origin, cause, this.target.protocol === 'https:'));
  }

  abandon(): void {
    if (this.state === 'dialling') this.#end('abandoned');
  }

  #end(state: 'open' | 'failed' | 'abandoned'): void {
    if (this.state !== 'dialling') throw new Error(`a dial that is ${this.state} becomes ${state}`);
    this.state = state;
    this.#deadline.clear();
  }
}
