/** An origin in memory that answers every request, and plays one fault at the place that a cell of the matrix names. */

import type { DialListener, DialTarget, Intake, StartDial } from '../../src/connection/dial.js';
import { dialError } from '../../src/connection/dial-error.js';
import type { Liveness } from '../../src/connection/liveness.js';
import { readWindow } from '../../src/http1/llhttp.js';
import { MemorySocket } from '../../src/testing/index.js';
import type { Deadlines } from '../../src/time/deadlines.js';
import { type Cell, type Fault, GARBAGE, responseOf, STRAY } from './cell.js';

const HEAD_END = '\r\n\r\n';

export class MemoryOrigin {
  readonly #cell: Cell;
  readonly executions = new Map<string, number>();
  readonly connections: MemoryConnection[] = [];
  #dials = 0;
  #struck = false;

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  readonly startDial: StartDial = (target, _session, deadlines, listener) => {
    const { phase, fault } = this.#cell;
    this.#dials += 1;
    const isBad = phase === 'dial' && this.#dials === 1;
    return new Dial(target, deadlines, listener, isBad ? fault : 'none', (near, far) => {
      const connection = new MemoryConnection(this, near, far);
      this.connections.push(connection);
      if (this.#cell.connection === 'fresh' && this.connections.length === 1) connection.prepare(this.#cell);
      return connection;
    });
  };

  /** Returns the cell once, for the first request that it is meant for. */
  strike(path: string): Cell | undefined {
    if (this.#struck || path !== '/own') return undefined;
    this.#struck = true;
    return this.#cell;
  }

  execute(path: string): void {
    this.executions.set(path, (this.executions.get(path) ?? 0) + 1);
  }
}

/** The far end of one connection. It acts one turn after bytes have arrived, like a server beyond a network. */
export class MemoryConnection {
  /** All that arrived. */
  heard = '';
  readonly #origin: MemoryOrigin;
  readonly #near: MemorySocket;
  readonly #far: MemorySocket;
  #read = 0; // how much of `heard` was read
  #holds = false;
  #held: Fault = 'none';

  constructor(origin: MemoryOrigin, near: MemorySocket, far: MemorySocket) {
    this.#origin = origin;
    this.#near = near;
    this.#far = far;
    far.on('data', (bytes: Buffer) => {
      this.heard += bytes.toString('latin1');
      setImmediate(() => this.#act());
    });
    far.on('error', () => undefined);
  }

  /** Called before the request of the cell is written. The kernel takes a number of its bytes, then the fault strikes. */
  prepare(cell: Cell): void {
    if (cell.fault === 'refusal') this.#near.refuseNextWrite();
    else if (cell.phase === 'head-sent' || cell.phase === 'body-sent') this.#limit(cell);
  }

  /** What this end sends from now on stays unread in the kernel of the near end. */
  hold(): void {
    this.#holds = true;
  }

  do(fault: Fault): void {
    if (this.#far.destroyed) return;
    if (this.#holds) this.#held = fault;
    if (fault === 'fin') this.#far.end();
    else if (fault === 'rst') this.#far.resetAndDestroy();
    else if (fault === 'garbage') this.#far.write(GARBAGE, 'latin1');
    else if (fault === 'stray') this.#far.write(STRAY, 'latin1');
    if (!this.#holds) this.#far.deliver();
  }

  /** From now on this end takes nothing. */
  stall(): void {
    this.#near.stopTaking();
  }

  askKernel(): Liveness {
    if (this.#held === 'none') return { name: 'alive' };
    if (this.#held === 'fin' || this.#held === 'rst') return { name: 'stale' };
    return { name: 'poisoned', bytes: Buffer.from(this.#held === 'stray' ? STRAY : GARBAGE, 'latin1') };
  }

  #limit(cell: Cell): void {
    const near = this.#near;
    const take = near._write.bind(near);
    let offered = '';
    near._write = (bytes, encoding, done) => {
      const before = offered.length;
      offered += bytes.toString('latin1');
      const headEnd = offered.indexOf(HEAD_END);
      const limit = cell.phase === 'head-sent' ? cell.at : headEnd + HEAD_END.length + cell.at;
      if (offered.length <= limit) {
        take(bytes, encoding, done);
        return;
      }
      if (limit > before) take(bytes.subarray(0, limit - before), encoding, () => undefined);
      this.#origin.strike('/own');
      setImmediate(() => this.do(cell.fault));
    };
  }

  #act(): void {
    for (;;) {
      const headEnd = this.heard.indexOf(HEAD_END, this.#read);
      if (headEnd === -1) return;
      const head = this.heard.slice(this.#read, headEnd);
      const end = headEnd + HEAD_END.length + Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
      if (this.heard.length < end) return;
      this.#read = end;
      this.#answer(/^\S+ (\S+)/.exec(head)?.[1] ?? '');
    }
  }

  #answer(path: string): void {
    const cell = this.#origin.strike(path);
    this.#origin.execute(path);
    const { head, body } = responseOf(path.slice(1), cell?.framing ?? 'length');
    if (cell === undefined) this.#send(head + body);
    else this.#answerBadly(cell, head, body);
  }

  #answerBadly({ phase, at, fault }: Cell, head: string, body: string): void {
    if (phase === 'response-head') this.#send(head.slice(0, at));
    else if (phase === 'response-body') this.#send(head + body.slice(0, at));
    else if (phase === 'after') {
      // At 0 the fault is sent with the end of the response, at 1 a turn later.
      this.#far.write(head + body, 'latin1');
      if (at === 0 && fault !== 'rst') {
        this.do(fault);
        return;
      }
      this.#far.deliver();
      setImmediate(() => this.do(fault));
      return;
    } else if (phase !== 'all-sent') {
      this.#send(head + body);
      return;
    }
    this.do(fault);
  }

  #send(text: string): void {
    if (text !== '') this.#far.write(text, 'latin1');
    this.#far.deliver();
  }
}

/** A dial that opens by itself a turn later, or fails with its fault. */
class Dial {
  readonly #target: DialTarget;
  readonly #listener: DialListener;
  readonly #deadline;
  readonly #join: (near: MemorySocket, far: MemorySocket) => MemoryConnection;
  #over = false;

  constructor(
    target: DialTarget,
    deadlines: Deadlines,
    listener: DialListener,
    fault: Fault,
    join: (near: MemorySocket, far: MemorySocket) => MemoryConnection,
  ) {
    this.#target = target;
    this.#listener = listener;
    this.#join = join;
    this.#deadline = deadlines.create(() => this.#fail('ETIMEDOUT'));
    this.#deadline.set(target.connectTimeoutMs);
    if (fault === 'rst') setImmediate(() => this.#fail('ECONNREFUSED'));
    else if (fault === 'fin') setImmediate(() => this.#fail('ECONNRESET'));
    else if (fault !== 'stall') setImmediate(() => this.#open(fault !== 'none'));
  }

  abandon(): void {
    this.#over = true;
    this.#deadline.clear();
  }

  #open(spokeFirst: boolean): void {
    if (this.#over) return;
    this.abandon();
    const intake: Intake = { receive: () => false };
    const callback = (count: number): boolean => intake.receive(count);
    const near = new MemorySocket({ onread: { buffer: readWindow(), callback } });
    const far = new MemorySocket({ delivery: 'by-hand' });
    near.join(far);
    far.join(near);
    const connection = this.#join(near, far);
    this.#listener.opened({ socket: near, intake, spokeFirst, askKernel: () => connection.askKernel() });
  }

  #fail(code: string): void {
    if (this.#over) return;
    this.abandon();
    this.#listener.failed(dialError(this.#target.origin, Object.assign(new Error(code), { code }), false));
  }
}
