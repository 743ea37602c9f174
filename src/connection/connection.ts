/** One socket to an origin: idle, or carrying one exchange. Whatever it hears while idle ends it. */

import type { Clock } from '../clock.js';
import type { Deadlines } from '../deadlines.js';
import { BackendError } from '../errors.js';
import { judgeReuse } from '../http1/persistence.js';
import { type ParserLimits, type ResponseEvents, type ResponseHead, ResponseParser } from '../http1/response-parser.js';
import type { CloseReason, ConnectionOwner } from './connection-owner.js';
import type { Dialled, OpenSocket } from './dial.js';
import { type Ending, Exchange, type ExchangeListener, type ExchangeRequest } from './exchange.js';
import type { Liveness } from './liveness.js';
import { type StallListener, StallWatch } from './stall-watch.js';

/** What a connection needs from the backend it lives in. */
export interface ConnectionSetting {
  readonly origin: string;
  readonly secure: boolean;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly limits: ParserLimits;
  readonly window: Buffer;
}

// Enough of stray bytes to tell a 408 from anything else.
const HEARD_BYTES = 64;

const EVENT_STREAM = /^text\/event-stream\s*(?:;|$)/i;

export class Connection implements ResponseEvents, StallListener {
  readonly origin: string;
  readonly secure: boolean;
  readonly socket: OpenSocket;
  readonly stalls: StallWatch;
  readonly openedAt: number;
  /** Exchanges that ended clean. */
  exchanges = 0;
  /** Moments at which it was last handed back, on both clocks: only the wall clock runs while a machine sleeps. */
  idleSince: number;
  idleSinceWall: number;
  /** Exchanges after which the origin said it will close (`Keep-Alive: max`). */
  exchangesLeft = Number.POSITIVE_INFINITY;
  closed = false;

  readonly #owner: ConnectionOwner;
  readonly #clock: Clock;
  readonly #window: Buffer;
  readonly #parser: ResponseParser;
  readonly #askKernel: (() => Liveness) | undefined;
  #exchange: Exchange | undefined;
  #trailers: readonly string[] = [];
  #reading = false;
  #lastMax = 0;
  #maxCountsDown = false;

  constructor(dialled: Dialled, setting: ConnectionSetting, owner: ConnectionOwner) {
    this.origin = setting.origin;
    this.secure = setting.secure;
    this.socket = dialled.socket;
    this.#owner = owner;
    this.#clock = setting.clock;
    this.#window = setting.window;
    this.openedAt = this.idleSince = setting.clock.now();
    this.idleSinceWall = setting.clock.wallNow();
    this.#parser = new ResponseParser(this, setting.limits);
    this.stalls = new StallWatch(setting.deadlines, this);
    this.#askKernel = dialled.askKernel;
    dialled.intake.receive = (count) => this.#receive(count);
    dialled.socket.on('error', this.#errored);
    dialled.socket.on('end', this.#ended);
    dialled.socket.on('close', this.#gone);
    dialled.socket.on('drain', this.#drained);
  }

  /** It never carried a request. */
  get fresh(): boolean {
    return this.exchanges === 0 && this.#exchange === undefined;
  }

  /** Milliseconds since it was last handed back, by the clock that says more. */
  idleMs(): number {
    return Math.max(this.#clock.now() - this.idleSince, this.#clock.wallNow() - this.idleSinceWall);
  }

  /**
   * Whether it may carry a request now, as the kernel knows it. `false` has closed it. `undefined`: the kernel cannot be
   * asked (see {@link askKernel}), wait for `afterTwoTurns`.
   */
  isAlive(): boolean | undefined {
    if (this.socket.destroyed) this.close('stale');
    if (this.closed) return false;
    if (this.#askKernel === undefined || (this.secure && this.exchanges === 0)) return undefined;
    const liveness = this.#askKernel();
    if (liveness.name === 'unknown') return undefined;
    if (liveness.name === 'alive') return true;
    const heard = liveness.name === 'poisoned' ? liveness.bytes.toString('latin1', 0, HEARD_BYTES) : '';
    this.close(liveness.name, heard);
    return false;
  }

  /** Two turns: after one, a caller that was called from an I/O callback has not been polled for yet. */
  afterTwoTurns(call: () => void): void {
    this.#clock.soon(() => this.#clock.soon(call));
  }

  /** Gives the connection to a request: nothing is sent before `exchange.start()`. */
  begin(request: ExchangeRequest, listener: ExchangeListener): Exchange {
    const exchange = new Exchange(this, request, listener);
    this.#exchange = exchange;
    this.#trailers = [];
    this.stalls.begin(request.timeouts.sendTimeout);
    this.#parser.begin(request.method);
    return exchange;
  }

  /** The kernel refused the first write of the exchange: it had closed the connection before. */
  refused(): void {
    this.#exchange = undefined;
    this.close('stale');
  }

  /**
   * The origin said `Keep-Alive: max=…`. Some count down what is left, others repeat the total: until the number has been
   * seen to fall it is taken for the total.
   */
  allow(max: number): void {
    if (max < this.#lastMax) this.#maxCountsDown = true;
    this.#lastMax = max;
    this.exchangesLeft = this.#maxCountsDown ? max : max - this.exchanges - 1;
  }

  /** Closes now. An exchange under way is forgotten: whoever closes has told its listener. */
  close(reason: CloseReason, heard = ''): void {
    if (this.closed) return;
    this.closed = true;
    const clean = this.#exchange === undefined;
    this.#exchange = undefined;
    this.stalls.stop();
    // A reset after both halves are complete leaves no TIME_WAIT on either side: 28,000 ports a minute are few.
    if (clean && !this.secure && this.exchanges > 0 && !this.socket.destroyed) this.socket.resetAndDestroy();
    else this.socket.destroy();
    if (!this.#reading) this.#parser.free();
    this.#owner.closed(this, reason, heard);
  }

  /** Ends the exchange under way and the connection with it. */
  fail(ending: Ending, cause: BackendError): void {
    const exchange = this.#exchange;
    const silent = ending === 'closed' && exchange?.received === 'nothing';
    this.close(silent ? 'silent' : CLOSE_REASON[ending]);
    exchange?.broke(ending, cause);
  }

  // --- bytes in ------------------------------------------------------------------------------------------------------

  #receive(count: number): boolean {
    if (this.closed) return false;
    if (this.#exchange === undefined) {
      this.close('poisoned', this.#window.toString('latin1', 0, Math.min(count, HEARD_BYTES)));
      return false;
    }
    this.#reading = true;
    const error = this.#parser.readWindow(count);
    this.#reading = false;
    if (this.closed) {
      this.#parser.free();
      return false;
    }
    if (error !== undefined) {
      this.fail('garbage', error);
      return false;
    }
    if (this.#parser.state === 'complete') this.#complete();
    return this.#exchange?.paused !== true;
  }

  onInformation(statusCode: number, statusText: string, rawHeaders: readonly string[]): void {
    this.#exchange?.onInformation(statusCode, statusText, rawHeaders);
  }

  onHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#owner.headReceived(this, head);
    exchange.onHead(head, isEventStream(head.rawHeaders));
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
    const reuse = judgeReuse({
      requestWritten: exchange.requestWritten,
      persistent: exchange.head.persistent,
      leftoverBytes: this.#parser.leftover?.length ?? 0,
    });
    this.exchanges += 1;
    if (exchange.paused) this.socket.resume();
    if (!reuse.reuse) this.close(reuse.reason);
    // First the client's bytes, then the next client's request.
    exchange.complete(this.#trailers);
    if (!reuse.reuse || this.closed) return;
    this.idleSince = this.#clock.now();
    this.idleSinceWall = this.#clock.wallNow();
    // Servers that send a body after all do so where none is allowed: give it time to arrive and end the connection.
    if (exchange.head.framing.kind === 'none') this.afterTwoTurns(() => this.#settled());
    else this.#owner.reusable(this);
  }

  #settled(): void {
    if (!this.closed) this.#owner.reusable(this);
  }

  // --- the socket's events, bound once -------------------------------------------------------------------------------

  /** Given to every write. */
  readonly flushed = (error?: Error | null): void => {
    if (error === undefined || error === null) this.#exchange?.flushed();
  };

  readonly #drained = (): void => this.#exchange?.drained();

  readonly #errored = (error: Error): void => this.#lost(error);

  readonly #gone = (): void => this.#lost(undefined);

  readonly #ended = (): void => {
    if (this.closed) return;
    if (this.#exchange === undefined) {
      this.close('stale');
      return;
    }
    this.#reading = true;
    const error = this.#parser.finish();
    this.#reading = false;
    if (this.closed) this.#parser.free();
    else if (error === undefined && this.#parser.state === 'complete') this.#complete();
    else this.#lost(error);
  };

  #lost(cause: Error | undefined): void {
    if (this.closed) return;
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.close('stale');
      return;
    }
    if (this.#parser.sawBytes && exchange.received === 'nothing') exchange.received = 'some';
    this.fail('closed', closedError(this.origin, exchange, cause));
  }

  sendingStalled(ms: number): void {
    const message = `${this.origin} took no byte of the request for ${ms} ms`;
    this.fail('send-timeout', new BackendError('connection_write_timeout', message, { origin: this.origin }));
  }

  receivingStalled(ms: number): void {
    const exchange = this.#exchange;
    if (exchange?.head === undefined) {
      if (exchange !== undefined && this.#parser.sawBytes) exchange.received = 'some';
      const message = `${this.origin} sent no response head for ${ms} ms`;
      this.fail('headers-timeout', new BackendError('http_response_timeout', message, { origin: this.origin }));
    } else {
      const message = `${this.origin} was silent in the middle of a response for ${ms} ms`;
      this.fail('body-timeout', new BackendError('connection_read_timeout', message, { origin: this.origin }));
    }
  }
}

const CLOSE_REASON: Readonly<Record<Ending, CloseReason>> = {
  closed: 'failed',
  'headers-timeout': 'timeout',
  'body-timeout': 'timeout',
  'send-timeout': 'timeout',
  garbage: 'garbage',
  'body-failed': 'aborted',
};

function isEventStream(rawHeaders: readonly string[]): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 12 && name.toLowerCase() === 'content-type') return EVENT_STREAM.test(rawHeaders[i + 1] ?? '');
  }
  return false;
}

function closedError(origin: string, exchange: Exchange, cause: Error | undefined): BackendError {
  const when = exchange.received === 'nothing' ? 'without a byte of an answer' : 'in the middle of its answer';
  const code = exchange.head === undefined ? 'connection_terminated' : 'http_response_incomplete';
  return new BackendError(code, `${origin} closed the connection ${when}`, { origin, cause });
}
