/** One socket to an origin: idle, or carrying one exchange. Anything that arrives while it is idle ends it. */

import { asBackendError, type BackendError } from '../errors.js';
import { readWindow } from '../http1/llhttp.js';
import { judgeReuse } from '../http1/persistence.js';
import type { ResponseEvents } from '../http1/response-events.js';
import type { ResponseHead } from '../http1/response-head.js';
import { ResponseParser } from '../http1/response-parser.js';
import type { CloseReason } from '../observe/reasons.js';
import { isEnding } from '../streams/ending-stream.js';
import type { Clock } from '../time/clock.js';
import { Allowance } from './allowance.js';
import { BodyReads } from './body-reads.js';
import type { BodySource } from './body-source.js';
import type { Carrier } from './carrier.js';
import type { ConnectionOwner } from './connection-owner.js';
import type { ConnectionSetting } from './connection-setting.js';
import type { Dialled } from './dial.js';
import { Exchange, type ExchangeListener, type ExchangeRequest } from './exchange.js';
import type { ExchangeEnding } from './exchange-ending.js';
import { closedError, closeReason, silentError, unaskedError, untakenError } from './exchange-ending.js';
import { lastWords } from './last-words.js';
import { isClosingAlert, type Liveness, resetError } from './liveness.js';
import type { OpenSocket } from './open-socket.js';
import { type StallListener, StallWatch } from './stall-watch.js';
import { Tunnel } from './tunnel.js';

const HEARD_BYTES = 64; // enough to tell a 408 from any other stray bytes

export class Connection implements Carrier, ResponseEvents, StallListener {
  readonly origin: string;
  readonly secure: boolean;
  readonly socket: OpenSocket;
  readonly stalls: StallWatch;
  /** Moment on the clock. */
  readonly openedAt: number;
  /** Exchanges that ended cleanly. */
  exchanges = 0;
  /** Moment at which it was last handed back. */
  idleSince: number;
  /** The origin has said in its first response that it keeps the connection. */
  saidToBeKept = false;
  closed = false;
  readonly allowance = new Allowance();
  /** Once the origin has switched protocols; there are no more exchanges then. */
  tunnel: Tunnel | undefined = undefined;

  #idleSinceWall: number; // the same on the wall clock, which alone runs while a machine sleeps
  readonly #owner: ConnectionOwner;
  #canReset: boolean;
  readonly #clock: Clock;
  readonly #parser: ResponseParser;
  readonly #reads: BodyReads;
  readonly #askKernel: (() => Liveness) | undefined;
  #exchange: Exchange | undefined;
  #trailers: readonly string[] = [];
  #settling = false; // bytes behind the last response may still be on their way to us
  #lastWords: Buffer | undefined; // of an origin that hung up while a request was being sent

  constructor(dialled: Dialled, setting: ConnectionSetting, owner: ConnectionOwner) {
    this.origin = setting.origin;
    this.secure = setting.secure;
    this.socket = dialled.socket;
    this.#owner = owner;
    this.#canReset = !setting.secure && dialled.isLocal !== true;
    this.#clock = setting.clock;
    this.openedAt = this.idleSince = setting.clock.now();
    this.#idleSinceWall = setting.clock.wallNow();
    this.#parser = new ResponseParser(this, setting.limits, setting.repeated);
    this.#reads = new BodyReads(dialled.intake, this.#parser);
    this.stalls = new StallWatch(setting.deadlines, this);
    this.#askKernel = dialled.askKernel;
    dialled.intake.receive = (count) => this.#receive(count);
    dialled.socket.on('error', this.#errored);
    dialled.socket.on('end', this.#ended);
    dialled.socket.on('close', this.#gone);
    dialled.socket.on('drain', this.#drained);
  }

  /** Whether it has never carried a request. */
  get fresh(): boolean {
    return this.exchanges === 0 && this.#exchange === undefined;
  }

  /** Milliseconds since it was last handed back: by the monotonic clock or the wall clock, whichever says more. */
  idleMs(now = this.#clock.now()): number {
    return Math.max(now - this.idleSince, this.#clock.wallNow() - this.#idleSinceWall);
  }

  /**
   * Asks the kernel whether it may carry a request now. `closed`: no, and it is closed by now. `unknown`: the kernel cannot be
   * asked (see {@link askKernel}) or does not know yet; wait for `afterTwoTurns`.
   */
  checkAlive(): 'alive' | 'closed' | 'unknown' {
    if (this.socket.destroyed) this.close('stale');
    if (this.closed) return 'closed';
    if (this.#settling || this.#askKernel === undefined || (this.secure && this.exchanges === 0)) return 'unknown';
    const liveness = this.#askKernel();
    if (liveness.name === 'unknown' || liveness.name === 'alive') return liveness.name;
    if (liveness.name !== 'poisoned' || (this.secure && isClosingAlert(liveness.bytes))) this.close('stale');
    else this.close('poisoned', this.secure ? '' : liveness.bytes.toString('latin1', 0, HEARD_BYTES));
    return 'closed';
  }

  /** Waits two turns of the event loop. If the caller runs in an I/O callback, the loop has not polled again after one. */
  afterTwoTurns(call: () => void): void {
    this.#clock.soon(() => this.#clock.soon(call));
  }

  /** Gives the connection to a request. Nothing is sent before `exchange.start()`. */
  begin(request: ExchangeRequest, body: BodySource | undefined, listener: ExchangeListener): Exchange {
    this.#exchange = new Exchange(this, request, body, listener);
    this.stalls.begin(request.timeouts.sendTimeout);
    this.#parser.begin(request.method, request.upgrade !== undefined);
    return this.#exchange;
  }

  /** The kernel refused the first write of the exchange, because it had closed the connection before. */
  refused(): void {
    this.#exchange = undefined;
    this.close('stale');
  }

  /** The kernel has refused a part of the request. Node reports this a tick later, and closes the socket before it does. */
  hungUp(): void {
    if (!this.secure && this.#askKernel !== undefined) this.#lastWords ??= lastWords(this.socket);
  }

  /** Closes now. An exchange in progress is forgotten: the caller tells its listener. */
  close(reason: CloseReason, heard = ''): void {
    if (this.closed) return;
    this.closed = true;
    const canReset = this.#canReset && this.#exchange === undefined && !isEnding(this.socket);
    this.#exchange = undefined;
    this.stalls.stop();
    // Both halves of the exchange are complete: a reset loses nothing, and leaves no TIME_WAIT on either side (28,000 ports a minute).
    if (canReset && this.exchanges > 0 && !this.socket.destroyed) this.socket.resetAndDestroy();
    else this.socket.destroy();
    this.#parser.free();
    this.#owner.closed(reason, heard);
    this.tunnel?.closed();
  }

  /** Ends the exchange in progress, and the connection with it. `strayBytes`: so many stray bytes are in the window. */
  fail(ending: ExchangeEnding, cause: BackendError, strayBytes = 0): void {
    const exchange = this.#exchange;
    if (exchange?.received === 'nothing' && this.#parser.sawBytes) exchange.received = 'some';
    this.close(closeReason(ending, exchange), readWindow().toString('latin1', 0, Math.min(strayBytes, HEARD_BYTES)));
    exchange?.broke(ending, cause);
  }

  // --- bytes in ------------------------------------------------------------------------------------------------------

  #receive(count: number): boolean {
    if (this.closed) return false;
    if (this.tunnel !== undefined) return this.tunnel.receive(Buffer.from(readWindow().subarray(0, count)));
    if (this.#exchange === undefined || this.#exchange.sent === 'nothing') {
      this.fail('unasked', unaskedError(this.origin), count);
      return false;
    }
    const isFirst = !this.#parser.sawBytes;
    const error = this.#read(count) ?? this.#exchange?.wrongSwitch;
    if (error !== undefined && !this.closed) this.fail('garbage', error, isFirst ? count : 0);
    if (this.closed) return false;
    if (this.#parser.state === 'complete') this.#complete();
    else if (this.#parser.state === 'upgraded') this.#switch();
    return !this.closed && this.#exchange?.paused !== true;
  }

  #read(count: number, words?: Buffer): BackendError | undefined {
    try {
      const error = words === undefined ? this.#reads.feed(count) : this.#parser.read(words);
      const { state } = this.#parser;
      if (state === 'complete' || state === 'upgraded') return error;
      this.#reads.next(this.#exchange?.readEnded() ?? true, this.#exchange?.bytesLeft ?? 0);
      return error;
    } catch (thrown) {
      // A listener that throws misses the rest of this read. So the response must not look complete afterwards.
      if (!this.closed) this.fail('garbage', asBackendError(thrown));
      throw thrown;
    }
  }

  onInformation(head: ResponseHead): void {
    this.#exchange?.onInformation(head);
  }

  onHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#owner.answered(head);
    exchange.onHead(head);
  }

  onBody(bytes: Buffer): void {
    this.#exchange?.onBody(bytes);
  }

  onEnd(trailers: readonly string[]): void {
    this.#trailers = trailers;
  }

  #complete(): void {
    const exchange = this.#exchange;
    if (exchange?.head === undefined) return;
    this.#exchange = undefined;
    this.stalls.stop();
    const now = this.#clock.now();
    // What refuses an upgrade may be a bare socket: it reads no HTTP any more, and a reset ends a process that listens for no error of it.
    const mayBeBare = exchange.request.upgrade !== undefined;
    if (mayBeBare) this.#canReset = false;
    const reuse = judgeReuse({
      requestWritten: exchange.requestWritten,
      persistent: exchange.head.persistent && !mayBeBare,
      leftoverBytes: this.#parser.leftover?.length ?? 0,
    });
    this.exchanges += 1;
    if (exchange.paused) this.socket.resume();
    if (!reuse.reuse) this.close(reuse.reason);
    // The client gets its bytes before the next client's request is sent.
    try {
      exchange.complete(this.#trailers, now);
    } finally {
      if (!this.closed) this.#exchangeEnded(exchange.head, now);
    }
  }

  /** What the origin sends from now on is not HTTP. It is not read before the tunnel begins. */
  #switch(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.stalls.stop();
    this.exchanges += 1;
    this.tunnel = new Tunnel(this.socket, this.#parser.leftover, () => this.close('upgraded'));
    this.#parser.free();
    exchange?.switched(this.tunnel);
  }

  #exchangeEnded({ framing }: ResponseHead, now: number): void {
    this.idleSince = now;
    this.#idleSinceWall = this.#clock.wallNow();
    // Some servers send a body where none is allowed: give it time to arrive and end the connection. TLS gives out record by record what it
    // has already read, and the kernel no longer has it: a second response in it would be taken for the answer to the next request.
    if (framing.kind === 'none' || this.secure) {
      this.#settling = true;
      this.afterTwoTurns(this.#settled);
    }
    this.#owner.reusable();
  }

  readonly #settled = (): void => {
    this.#settling = false;
    // By now TLS would have reported that the kernel has the whole request. If not, the origin reads its rest as the start of the next one.
    if (!this.closed && this.socket.writableLength > 0) this.close('unfinished-request');
  };

  // --- the socket's events, bound once -------------------------------------------------------------------------------

  /** Given to every write. */
  readonly flushed = (error?: Error | null): void => {
    if (error === undefined || error === null) this.#exchange?.flushed();
  };

  readonly #drained = (): void => this.#exchange?.drained();
  readonly #errored = (error: Error): void => this.#lost(error);
  readonly #gone = (): void => this.#lost(undefined);

  readonly #ended = (): void => {
    if (this.closed || this.tunnel !== undefined) return;
    if (this.#exchange === undefined) this.close('stale');
    else {
      const error = resetError(this.socket) ?? this.#parser.finish();
      if (error === undefined && this.#parser.state === 'complete') this.#complete();
      else this.#lost(error);
    }
  };

  #lost(cause: Error | undefined): void {
    if (this.closed) return;
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.close(this.tunnel === undefined ? 'stale' : 'upgraded');
      return;
    }
    const error = this.#lastWords && this.#read(0, this.#lastWords);
    if (this.closed) return;
    if (error !== undefined) this.fail('garbage', error);
    else if (this.#parser.state === 'complete') this.#complete();
    else this.fail('closed', closedError(this.origin, exchange.head !== undefined, this.#parser.sawBytes, cause));
  }

  sendingStalled(ms: number): void {
    this.fail('send-timeout', untakenError(this.origin, ms));
  }

  receivingStalled(ms: number): void {
    const hasHead = this.#exchange?.head !== undefined;
    this.fail(hasHead ? 'body-timeout' : 'headers-timeout', silentError(this.origin, hasHead, ms));
  }
}
