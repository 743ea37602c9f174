/** Dials through something other than the machine's sockets: a network in memory, for tests. */

import { isError, messageOf } from '../errors.js';
import { readWindow } from '../http1/llhttp.js';
import type { Deadline, Deadlines } from '../time/deadlines.js';
import type { DialListener, DialTarget, DialUnderWay, Intake } from './dial.js';
import { dialError } from './dial-error.js';
import type { Liveness } from './liveness.js';
import type { OpenSocket } from './open-socket.js';

/** Where to connect to, and where to put the bytes received. */
export interface Destination extends Pick<DialTarget, 'protocol' | 'hostname' | 'port' | 'socketPath'> {
  /** As the option `onread` of `net.connect`. */
  readonly onread: {
    /** Buffer for the bytes received, filled from its beginning. */
    readonly buffer: Uint8Array;
    /** Called with the number of bytes received. Returns `false` to pause until `resume()`. */
    callback(count: number): boolean;
  };
}

/**
 * Receives the result of `Transport.connect()`: exactly one of the two calls, and not before `connect()` has returned.
 */
export interface Connecting {
  /** The connection is open. `askKernel` reports what was sent to the socket and not read yet. */
  opened(socket: OpenSocket, askKernel: () => Liveness): void;
  /** Connecting failed. `cause.code`, if present, is that of a system error, such as `ECONNREFUSED`. */
  failed(cause: Error): void;
}

/** Opens connections instead of TCP and TLS. */
export interface Transport {
  /** Starts to connect; reports the result to `connecting`. */
  connect(destination: Destination, connecting: Connecting): void;
}

/** One dial through a transport, with the same time limit and error codes as a dial of a socket. */
export class TransportDial implements DialUnderWay, Connecting {
  readonly #target: DialTarget;
  readonly #listener: DialListener;
  readonly #deadline: Deadline;
  readonly #intake: Intake;
  #spokeFirst = false;
  #ended = false;

  constructor(transport: Transport, target: DialTarget, deadlines: Deadlines, listener: DialListener) {
    this.#target = target;
    this.#listener = listener;
    const intake: Intake = {
      receive: () => {
        this.#spokeFirst = true;
        return false;
      },
    };
    this.#intake = intake;
    this.#deadline = deadlines.create(() => this.#timedOut());
    this.#deadline.set(target.connectTimeoutMs);
    const { protocol, hostname, port, socketPath } = target;
    const onread = { buffer: readWindow(), callback: (count: number) => intake.receive(count) };
    try {
      transport.connect({ protocol, hostname, port, socketPath, onread }, this);
    } catch (thrown) {
      queueMicrotask(() => this.failed(isError(thrown) ? thrown : new Error(messageOf(thrown))));
    }
  }

  opened(socket: OpenSocket, askKernel: () => Liveness): void {
    if (this.#ended) {
      socket.destroy();
      return;
    }
    this.#end();
    this.#listener.opened({ socket, intake: this.#intake, spokeFirst: this.#spokeFirst, askKernel });
  }

  failed(cause: Error): void {
    if (this.#ended) return;
    this.#end();
    this.#listener.failed(dialError(this.#target.origin, cause, this.#target.protocol === 'https:'));
  }

  abandon(): void {
    if (!this.#ended) this.#end();
  }

  #timedOut(): void {
    const { connectTimeoutMs } = this.#target;
    this.failed(Object.assign(new Error(`not open after ${connectTimeoutMs} ms`), { code: 'ETIMEDOUT' }));
  }

  #end(): void {
    this.#ended = true;
    this.#deadline.clear();
  }
}
