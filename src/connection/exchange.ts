/** One request and its response on one connection, as two facts that only move forward. */

import { asBackendError, BackendError, type Phase, type Progress } from '../errors.js';
import { isEventStream } from '../http1/event-stream.js';
import { chunkHead, headWithBody, writeTrailers } from '../http1/request-head.js';
import type { ResponseHead } from '../http1/response-head.js';
import { namedProtocols, switchedTo } from '../http1/upgrade.js';
import { isSmallBehind, SmallWrites } from '../small-writes.js';
import type { Taken } from './body-reads.js';
import type { BodySource, BodyTarget } from './body-source.js';
import type { Connection } from './connection.js';
import { type Ending, wrongSwitchError } from './ending.js';
import type { Tunnel } from './tunnel.js';

/** What an exchange needs to know of a request, beside its head as written. All times in milliseconds. */
export interface ExchangeRequest {
  readonly method: string;
  readonly body: BodySource | undefined;
  /** Protocols offered to the origin: value of the Upgrade field. */
  readonly upgrade?: string | undefined;
  readonly timeouts: { readonly sendTimeout: number; readonly headersTimeout: number; readonly bodyTimeout: number };
}

/** Follows one exchange. Nothing is called after `exchangeEnded`, `exchangeSwitched` or `exchangeFailed`. */
export interface ExchangeListener {
  onInformation(statusCode: number, statusText: string, rawHeaders: readonly string[]): void;
  onHead(head: ResponseHead): void;
  /** Returns false to stop reading until `resume()`. */
  onBody(bytes: Buffer): boolean;
  /** What one read brought was told, and the exchange goes on. Returns false to stop reading until `resume()`. */
  readEnded?(): Taken;
  /** The response is complete, as of the moment `now`. */
  exchangeEnded(trailers: readonly string[], now: number): void;
  /** In the place of `onHead`, for a request with `upgrade`: the origin has switched to one of the protocols. */
  exchangeSwitched?(head: ResponseHead, tunnel: Tunnel): void;
  /** The connection is closed by now. */
  exchangeFailed(ending: Ending, cause: BackendError): void;
}

// A body up to this goes out in one write with its head: copying it costs less than a second system call.
const ONE_WRITE_BYTES = 16_384;

// A longer piece is written in several: each says when it was taken, so that a slow origin is told from one that is stuck.
const PIECE_BYTES = 65_536;

/** What is left of a response whose client has gone may be read to the end when it is no more than this. */
const DRAIN_BYTES = 65_536;
const DRAIN_MS = 1_000;

export class Exchange implements BodyTarget {
  sent: Progress = 'nothing';
  received: Progress = 'nothing';
  head: ResponseHead | undefined;
  readonly request: ExchangeRequest;
  readonly #connection: Connection;
  #listener: ExchangeListener | undefined; // gone when the client is: the rest is read and dropped
  #requestEnded = false; // everything was handed to the socket
  #rest: Uint8Array | undefined; // of a long piece of the body
  #small: SmallWrites | undefined; // pieces of the body that wait
  receivedBytes = 0; // of the response's body
  #streams = false; // an event stream is silent as long as it likes
  paused = false;

  constructor(connection: Connection, request: ExchangeRequest, listener: ExchangeListener) {
    this.#connection = connection;
    this.request = request;
    this.#listener = listener;
  }

  /** Bytes of the response's body still to come; `Infinity` when only its end will tell. */
  get bytesLeft(): number {
    const framing = this.head?.framing;
    if (framing?.kind === 'none') return 0;
    return framing?.kind === 'length' ? framing.bytes - this.receivedBytes : Number.POSITIVE_INFINITY;
  }

  get phase(): Phase {
    if (this.received === 'all') return 'done';
    if (this.head !== undefined) return 'response-body';
    if (this.received === 'some') return 'response-head';
    return this.sent === 'all' ? 'wait' : 'send';
  }

  /** The request is wholly with the kernel; on TLS, which says that a turn late, wholly with the socket. */
  get requestWritten(): boolean {
    return this.sent === 'all' || (this.#connection.secure && this.#requestEnded);
  }

  /**
   * Sends the request. False = the kernel refused the first write: nothing was sent, and the connection is closed. `now`: the
   * current time, if the caller has just read the clock.
   */
  start(head: string, now?: number): boolean {
    const { socket, secure, flushed } = this.#connection;
    const { body } = this.request;
    const whole = body?.whole;
    const isWhole = whole !== undefined && whole.length === body?.length && whole.length <= ONE_WRITE_BYTES;
    const told = secure ? flushed : undefined; // plain TCP tells by its length, below
    const first = isWhole && typeof whole !== 'string' ? headWithBody(head, whole) : head + (isWhole ? whole : '');
    this.sent = 'some'; // as of now: what throws in the midst of a write, a patch of net.Socket, may throw after it
    if (typeof first === 'string') socket.write(first, 'latin1', told);
    else socket.write(first, told);
    this.#requestEnded = isWhole || body === undefined;

    // The kernel's refusal is known at once on plain TCP. TLS encrypts first and tells later, which proves nothing.
    if (!secure && socket.errored !== null) {
      this.sent = 'nothing';
      this.#connection.refused();
      return false;
    }
    // The kernel nearly always takes it at once; to be told so would cost a tick. What waits is told by what waits behind it.
    if (!secure && socket.writableLength > 0) socket.write('', 'latin1', flushed);
    if (this.#requestEnded) this.flushed(now);
    else {
      this.#connection.stalls.offered(socket.writableLength);
      body?.begin(this);
    }
    return true;
  }

  // --- the request's body, written by its source -------------------------------------------------------------------

  write(bytes: Uint8Array): boolean {
    let from = 0;
    for (; from < bytes.length - PIECE_BYTES; from += PIECE_BYTES) {
      if (this.#writePiece(bytes.subarray(from, from + PIECE_BYTES))) continue;
      this.#rest = bytes.subarray(from + PIECE_BYTES);
      return false;
    }
    return this.#writePiece(from === 0 ? bytes : bytes.subarray(from));
  }

  #writePiece(bytes: Uint8Array): boolean {
    const { socket, flushed } = this.#connection;
    if (this.#connection.closed || socket.destroyed) return false;
    const told = isSmallBehind(socket, bytes) ? this.#noteSmall() : flushed;
    if (this.request.body?.length !== undefined) socket.write(bytes, told);
    else {
      socket.cork();
      socket.write(chunkHead(bytes.length), 'latin1');
      socket.write(bytes);
      socket.write('\r\n', 'latin1', told);
      socket.uncork();
    }
    if (socket.errored !== null) this.#connection.hungUp();
    this.#connection.stalls.offered(socket.writableLength);
    return !socket.writableNeedDrain && this.#small?.areMany !== true;
  }

  #noteSmall() {
    this.#small ??= new SmallWrites((waiting) => {
      this.#connection.flushed(); // on TLS it may carry the next one by now
      if (waiting === 0 && !this.#connection.socket.writableNeedDrain) this.drained();
    });
    return this.#small.add();
  }

  end(trailers: readonly string[]): void {
    const { socket, flushed } = this.#connection;
    if (this.#connection.closed || socket.destroyed) return;
    try {
      if (this.request.body?.length === undefined) socket.write(writeTrailers(trailers), 'latin1', flushed);
    } catch (thrown) {
      this.fail(asBackendError(thrown)); // a trailer that cannot be written
      return;
    }
    if (socket.errored !== null) this.#connection.hungUp();
    this.#requestEnded = true;
    this.flushed();
  }

  /** The client broke off its upload: half a request is on the wire, so the connection is lost. */
  fail(error: Error): void {
    const cause = BackendError.is(error)
      ? error
      : new BackendError('client_aborted', `the request's body broke off: ${error.message}`, { cause: error });
    this.#connection.fail('body-failed', cause);
  }

  // --- the socket's news ---------------------------------------------------------------------------------------------

  /** A write was accepted by the kernel. */
  flushed(now?: number): void {
    if (this.sent === 'all') return;
    const waitingBytes = this.#connection.socket.writableLength;
    this.#connection.stalls.sent(waitingBytes);
    if (waitingBytes > 0 || !this.#requestEnded) return;
    this.sent = 'all';
    if (this.head === undefined) this.#connection.stalls.expectBytes(this.request.timeouts.headersTimeout, now);
  }

  drained(): void {
    this.flushed();
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest === undefined || this.write(rest)) this.request.body?.drained();
  }

  onInformation(statusCode: number, statusText: string, rawHeaders: readonly string[]): void {
    this.#listener?.onInformation(statusCode, statusText, rawHeaders);
  }

  onHead(head: ResponseHead): void {
    this.head = head;
    this.received = 'some';
    if (head.statusCode === 101) return; // told with its tunnel
    this.#streams = isEventStream(head.rawHeaders);
    this.#listener?.onHead(head);
  }

  onBody(bytes: Buffer): void {
    this.receivedBytes += bytes.length;
    if (this.#listener?.onBody(bytes) === false) this.#pause();
  }

  /** The origin owes more than one read brought. */
  readEnded(): Taken {
    const taken = this.#listener?.readEnded?.() ?? true;
    if (taken === false) this.#pause();
    // TLS gives out what it has read already, however paused.
    if (this.head !== undefined && !this.paused) this.#awaitBody();
    return taken;
  }

  #pause(): void {
    if (this.#listener === undefined) return; // it has left in the meantime, and would never resume
    this.paused = true;
    this.#connection.stalls.expectNothing();
  }

  /** The response is complete, as of `now`. */
  complete(trailers: readonly string[], now: number): void {
    this.received = 'all';
    this.request.body?.detach();
    this.#listener?.exchangeEnded(trailers, now);
    this.#listener = undefined;
  }

  /** Why the protocol that the origin has switched to cannot be taken. */
  get wrongSwitch(): BackendError | undefined {
    if (this.head?.statusCode !== 101) return undefined;
    const { rawHeaders } = this.head;
    if (switchedTo(rawHeaders, this.request.upgrade ?? '') !== undefined) return undefined;
    return wrongSwitchError(this.#connection.origin, namedProtocols(rawHeaders));
  }

  /** The origin has switched protocols, to one of those that were offered. */
  switched(tunnel: Tunnel): void {
    this.received = 'all';
    this.request.body?.detach();
    const listener = this.#listener;
    this.#listener = undefined;
    if (this.head === undefined || listener?.exchangeSwitched === undefined) tunnel.destroy();
    else listener.exchangeSwitched(this.head, tunnel);
  }

  broke(ending: Ending, cause: BackendError): void {
    this.request.body?.detach();
    this.#listener?.exchangeFailed(ending, cause);
    this.#listener = undefined;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#awaitBody();
    this.#connection.socket.resume();
  }

  /**
   * The client has gone. A response that is nearly here is read to its end, so that a storm of aborts does not become a
   * storm of dials; anything else costs the connection.
   */
  abandon(): void {
    this.#listener = undefined;
    this.request.body?.detach();
    if (this.received === 'all' || this.#connection.closed) return;
    if (this.sent !== 'all' || this.bytesLeft > DRAIN_BYTES) {
      this.#connection.close('aborted');
      return;
    }
    this.#connection.stalls.expectBytes(DRAIN_MS);
    this.resume();
  }

  #awaitBody(): void {
    if (this.#listener === undefined) return; // draining: its own limit runs
    if (this.#streams) this.#connection.stalls.expectNothing();
    else this.#connection.stalls.expectBytes(this.request.timeouts.bodyTimeout);
  }
}
