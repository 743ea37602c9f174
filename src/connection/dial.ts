/** Opens one socket to an origin (TCP, TLS or unix), with a time limit and an error code for each failure. */

import {
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  type NetConnectOpts,
  connect as netConnect,
  Socket,
} from 'node:net';
import { type ConnectionOptions, createSecureContext, type SecureContext, connect as tlsConnect } from 'node:tls';
import { type BackendError, isError, messageOf } from '../errors.js';
import { readWindow } from '../http1/llhttp.js';
import type { ResolvedConnect } from '../options.js';
import type { Clock } from '../time/clock.js';
import type { Deadlines } from '../time/deadlines.js';
import { addressCheck } from './address-check.js';
import { dialError, gaveUpAnAddress } from './dial-error.js';
import { askKernel, canAskKernel, type Liveness } from './liveness.js';
import { NameLookup } from './name-lookup.js';
import type { OpenSocket } from './open-socket.js';

/** Where and how to dial. */
export interface DialTarget {
  readonly origin: string;
  /** Scheme of the origin's URL: `https:` asks for TLS. */
  readonly protocol: 'http:' | 'https:';
  /** Name or address, without the brackets of IPv6. */
  readonly hostname: string;
  /** From 1 to 65535. */
  readonly port: number;
  /** The origin's name in TLS. */
  readonly servername: string;
  /** Path of a unix socket, which is dialled instead of host and port. */
  readonly socketPath?: string | undefined;
  readonly connect: ResolvedConnect;
  /** Options of `tls.connect`. A server name in them is used instead of `servername`. */
  readonly tls: ConnectionOptions;
  readonly connectTimeoutMs: number;
}

/** Where the bytes of a socket go. Set by the connection that takes the socket over. */
export interface Intake {
  /** The first `count` bytes of the window, or of the memory given to `readInto`, are ours to read now. Returns false to stop reading. */
  receive(count: number): boolean;
  /** Lets the following reads go to other memory; `undefined` = to the window again. Absent where this is impossible. */
  readonly readInto?: ((memory: Uint8Array | undefined) => void) | undefined;
}

/** An open socket, and what only its dial knows about it. */
export interface Dialled {
  readonly socket: OpenSocket;
  readonly intake: Intake;
  /** Bytes arrived before any request was sent. */
  readonly spokeFirst: boolean;
  /** Asks the kernel whether the idle socket is still alive; `undefined` where the kernel cannot be asked. */
  readonly askKernel: (() => Liveness) | undefined;
  /** It is not a TCP connection: it cannot be reset, and leaves no TIME_WAIT. Default false. */
  readonly isLocal?: boolean;
}

/** Receives the result of a dial: `opened` or `failed`, once. Neither if the dial was abandoned. */
export interface DialListener {
  opened(dialled: Dialled): void;
  failed(error: BackendError): void;
  /** A TLS session that the next dial can resume: a full handshake costs 2 ms of CPU. */
  session(session: Buffer): void;
}

/** A dial in progress. After `abandon()` neither `opened` nor `failed` is called. */
export interface DialUnderWay {
  abandon(): void;
}

/** Begins a dial. `session` is a TLS session to resume. Never throws, and never calls the listener before it returns. */
export type StartDial = (
  target: DialTarget,
  session: Buffer | undefined,
  deadlines: Deadlines,
  listener: DialListener,
) => DialUnderWay;

/** Begins a dial through node:net or node:tls. */
export const startDial: StartDial = (target, session, deadlines, listener) =>
  new Dial(target, session, deadlines, listener);

// An address that has not answered within this time is down, like one that refuses. The dial fails, so that other requests learn of it.
const LONGEST_ADDRESS_MS = 1_000;

class Dial implements DialUnderWay {
  readonly #target: DialTarget;
  readonly #listener: DialListener;
  readonly #session: Buffer | undefined;
  #socket: Socket;
  #addressMs = getDefaultAutoSelectFamilyAttemptTimeout(); // how long one of several addresses has to answer
  readonly #deadline;
  readonly #clock: Clock;
  #due: number; // on the clock
  readonly #intake: Intake;
  readonly #names: NameLookup | undefined;
  #memory: Uint8Array = readWindow(); // where reads go
  #spokeFirst = false;
  #ended = false;

  constructor(target: DialTarget, session: Buffer | undefined, deadlines: Deadlines, listener: DialListener) {
    this.#target = target;
    this.#listener = listener;
    this.#session = session;
    const secure = target.protocol === 'https:';
    const { lookup } = target.connect;
    this.#names = lookup && new NameLookup(lookup);
    this.#intake = {
      receive: () => {
        this.#spokeFirst = true;
        return false;
      },
      readInto: secure ? undefined : (memory) => (this.#memory = memory ?? readWindow()),
    };
    this.#deadline = deadlines.create(() => this.#timedOut());
    this.#clock = deadlines.clock;
    this.#due = this.#clock.now() + target.connectTimeoutMs;
    this.#socket = this.#begin();
    this.#deadline.set(target.connectTimeoutMs);
  }

  #begin(): Socket {
    const secure = this.#target.protocol === 'https:';
    const socket = this.#open(secure);
    socket.on('error', this.#failed);
    socket.on('close', this.#closed);
    socket.once(secure ? 'secureConnect' : 'connect', secure ? this.#secured : this.#opened);
    if (secure) socket.on('session', this.#sessionCame);
    // Waiting requests keep the process alive, not sockets.
    return socket.unref();
  }

  abandon(): void {
    if (this.#ended) return;
    this.#end();
    this.#socket.destroy();
  }

  #open(secure: boolean): Socket {
    try {
      return secure ? this.#openTls() : netConnect(this.#address());
    } catch (thrown) {
      // An invalid key, for example. It is reported like every other failure, after the caller has got its dial.
      return new Socket().destroy(isError(thrown) ? thrown : new Error(messageOf(thrown)));
    }
  }

  #address(): NetConnectOpts {
    const { connect, hostname, port, socketPath, protocol } = this.#target;
    // TLS copies decrypted bytes into the window, at most a record at a time. Memory of the connection's own would save nothing there.
    const buffer = protocol === 'https:' ? readWindow() : () => this.#memory;
    const onread = { buffer, callback: (count: number) => this.#intake.receive(count) };
    if (socketPath !== undefined) return { path: socketPath, onread };
    // A local address cannot dial an address of the other IP version. Without a family node:net would take the first address of the lookup.
    const family = connect.family === 0 ? isIP(connect.localAddress ?? '') : connect.family;
    return {
      host: hostname,
      port,
      noDelay: connect.noDelay,
      keepAlive: true,
      keepAliveInitialDelay: connect.keepAliveInitialDelay,
      ...(connect.localAddress !== undefined && { localAddress: connect.localAddress }),
      ...(this.#names !== undefined && { lookup: this.#names.lookup }),
      family,
      autoSelectFamily: family === 0,
      autoSelectFamilyAttemptTimeout: this.#addressMs,
      onread,
    };
  }

  #openTls(): Socket {
    const session = this.#session;
    const { servername, tls } = this.#target;
    // RFC 6066 §3: a server name is sent "without a trailing dot", which only DNS needs. Go refuses one that has it.
    const name = (tls.servername ?? servername).replace(/\.$/, '');
    return tlsConnect({
      ...this.#address(),
      ALPNProtocols: ['http/1.1'],
      ...(session !== undefined && { session }),
      secureContext: secureContextOf(tls),
      ...tls,
      // RFC 6066 §3: a server name is a host name, never an address. Node 26 throws for one.
      servername: isIP(name) === 0 ? name : undefined,
      ...addressCheck(name, tls),
    });
  }

  // The read that ended the handshake may have brought more, which Node gives out after this event; and the kernel cannot be asked, because
  // session tickets are bytes, too. So two turns of the event loop show what came unasked.
  readonly #secured = (): void => {
    this.#clock.soon(() => this.#clock.soon(() => (this.#socket.readableEnded ? this.#closed() : this.#opened())));
  };

  readonly #opened = (): void => {
    if (this.#ended) return;
    this.#end();
    this.#socket.off('error', this.#failed);
    this.#socket.off('close', this.#closed);
    const socket = this.#socket;
    this.#settle(socket);
    const isLocal = this.#target.socketPath !== undefined;
    const ask = canAskKernel(socket) ? () => askKernel(socket) : undefined;
    this.#listener.opened({ socket, intake: this.#intake, spokeFirst: this.#spokeFirst, askKernel: ask, isLocal });
  };

  #settle(socket: Socket): void {
    // When the first address fails, the second one is tried with a new handle, which knows nothing of the first unref().
    socket.unref();
    const { connect, protocol, socketPath } = this.#target;
    if (protocol === 'http:' || socketPath !== undefined) return;
    // Before Node 24 tls.connect ignores these two options.
    socket.setNoDelay(connect.noDelay);
    socket.setKeepAlive(true, connect.keepAliveInitialDelay);
  }

  readonly #failed = (cause: Error): void => {
    if (this.#ended) return;
    if (this.#names?.failed !== true && this.#addressMs < LONGEST_ADDRESS_MS && gaveUpAnAddress(cause)) {
      this.#beginAgain();
      return;
    }
    this.#end();
    this.#socket.destroy();
    const { origin, protocol } = this.#target;
    this.#listener.failed(dialError(origin, cause, protocol === 'https:', this.#names?.failed));
  };

  /**
   * node:net tries one address after the other, and never comes back to one that did not answer in 250 ms. So an origin further away than
   * that would never be reached if its name has a second address that cannot be reached.
   */
  #beginAgain(): void {
    this.#socket.off('close', this.#closed);
    this.#addressMs *= 2;
    this.#socket = this.#begin();
    if (this.#ended) this.#socket.destroy(); // the lookup function has caused this dial to be abandoned
  }

  readonly #closed = (): void => {
    this.#failed(Object.assign(new Error('closed before it was open'), { code: 'ECONNRESET' }));
  };

  readonly #sessionCame = (session: Buffer): void => this.#listener.session(session);

  #timedOut(): void {
    const { connectTimeoutMs } = this.#target;
    // A dial needs several turns of the event loop, for the name, TCP and TLS. While the process stood still there were none, so the dial
    // gets this time back, once.
    const lateMs = this.#clock.now() - this.#due;
    this.#due = Number.POSITIVE_INFINITY;
    if (lateMs > 0) {
      this.#deadline.set(Math.min(lateMs, connectTimeoutMs));
      return;
    }
    this.#failed(Object.assign(new Error(`not open after ${connectTimeoutMs} ms`), { code: 'ETIMEDOUT' }));
  }

  #end(): void {
    this.#ended = true;
    this.#deadline.clear();
  }
}

const secureContexts = new WeakMap<ConnectionOptions, SecureContext>();

/** One context for all dials with these options: reading keys and root certificates anew took 0.5 ms of CPU per dial. */
function secureContextOf(tls: ConnectionOptions): SecureContext {
  const context = secureContexts.get(tls) ?? createSecureContext(tls);
  secureContexts.set(tls, context);
  return context;
}
