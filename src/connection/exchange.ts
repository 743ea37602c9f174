/** One request and its response on one connection, as two facts that only move forward. */

import { asBackendError, BackendError, type Phase, type Progress } from '../errors.js';
import { isEventStream } from '../http1/event-stream.js';
import { chunkHead, headWithBody, writeTrailers } from '../http1/request-head.js';
import type { ResponseHead } from '../http1/response-head.js';
import { namedProtocols, switchedTo } from '../http1/upgrade.js';
import { isSmallBehind, SmallWrites } from '../streams/small-writes.js';
import type { Taken } from './body-reads.js';
import type { BodySource, BodyTarget } from './body-source.js';
import type { Carrier } from './carrier.js';
import { type ExchangeEnding, wrongSwitchError } from './exchange-ending.js';
import type { Tunnel } from './tunnel.js';

/** What an exchange needs to know about a request, besides its written head and its body. All times in milliseconds. */
export interface ExchangeRequest {
  readonly method: string;
  /** Protocols offered to the origin: the value of the Upgrade field. */
  readonly upgrade?: string | undefined;
  readonly timeouts: { readonly sendTimeout: number; readonly headersTimeout: number; readonly bodyTimeout: number };
}

/** Follows one exchange. Nothing is called after `exchangeEnded`, `exchangeSwitched` or `exchangeFailed`. */
export interface ExchangeListener {
  onInformation(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  onBody(bytes: Buffer): void;
  /** Everything that one read brought was passed on, and the exchange continues. Returns false to stop reading until `resume()`. */
  readEnded?(): Taken;
  /** The response is complete, as of the moment `now`. */
  exchangeEnded(trailers: readonly string[], now: number): void;
  /** Called instead of `onHead` for a request with `upgrade`, when the origin has switched to one of the protocols. */
  exchangeSwitched?(head: ResponseHead, tunnel: Tunnel): void;
  /** The connection is closed by now. */
  exchangeFailed(ending: ExchangeEnding, cause: BackendError): void;
}

// A body up to this size is sent in one write with its head: copying it costs less than a second system call.
const ONE_WRITE_BYTES = 16_384;

// A longer piece is sent in several writes. Each reports when it was taken, which tells a slow origin from a stuck one.
const PIECE_BYTES = 65_536;

/** When the client has gone, the rest of its response is read to the end if it is no longer than this, and does not take longer. */
const DRAIN_BYTES = 65_536;
const DRAIN_MS = 1_000;

export class Exchange implements BodyTarget {
  sent: Progress = 'nothing';
  received: Progress = 'nothing';
  head: ResponseHead | undefined;
  readonly request: ExchangeRequest;
  readonly #body: BodySource | undefined;
  readonly #connection: Carrier;
  #listener: ExchangeListener | undefined; // `undefined` once the client has gone: the rest is read and dropped
  #requestEnded = false; // everything was handed to the socket
  #bodyBytes = 0; // bytes of the request's body that were handed to the socket
  #rest: Uint8Array | undefined; // the rest of a long piece of the body
  #small: SmallWrites | undefined; // small pieces of the body that wait
  receivedBytes = 0; // bytes of the response's body so far
  #streams = false; // the body is an event stream, which may be silent as long as it likes
  paused = false;

  constructor(connection: Carrier, request: ExchangeRequest, body: BodySource | undefined, listener: ExchangeListener) {
    this.#connection = connection;
    this.request = request;
    this.#body = body;
    this.#listener = listener;
  }

  /** Bytes of the response's body still to come; `Infinity` if only its end shows how many. */
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

  /**
   * Whether the kernel has the whole request. TLS reports that a turn late, so on TLS: whether the socket has it. A source that still
   * waits for that report has not ended, though nothing is left of it.
   */
  get requestWritten(): boolean {
    if (this.sent === 'all') return true;
    return this.#connection.secure && (this.#requestEnded || this.#bodyBytes === this.#body?.length);
  }

  /**
   * Sends the request. False = the kernel refused the first write: nothing was sent, and the connection is closed. `now`: the
   * current time, if the caller has just read the clock.
   */
  start(head: string, now?: number): boolean {
    const { socket, secure, flushed } = this.#connection;
    const body = this.#body;
    const whole = body?.whole;
    const isWhole = whole !== undefined && whole.length === body?.length && whole.length <= ONE_WRITE_BYTES;
    const told = secure ? flushed : undefined; // plain TCP shows it by `writableLength`, below
    const first = isWhole && typeof whole !== 'string' ? headWithBody(head, whole) : head + (isWhole ? whole : '');
    this.sent = 'some'; // before the write: a patched net.Socket that throws may have written already
    if (typeof first === 'string') socket.write(first, 'latin1', told);
    else socket.write(first, told);
    this.#requestEnded = isWhole || body === undefined;

    // On plain TCP a refusal of the kernel is known at once. TLS encrypts first and reports it later, which proves nothing.
    if (!secure && socket.errored !== null) {
      this.sent = 'nothing';
      this.#connection.refused();
      return false;
    }
    // The kernel nearly always takes everything at once, and a callback would cost a tick. If something waits, an empty write behind it
    // tells when it was taken.
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
    this.#bodyBytes += bytes.length;
    if (this.#body?.length !== undefined) socket.write(bytes, told);
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
      this.#connection.flushed(); // asks the connection, because on TLS it may carry the next exchange by now
      if (waiting === 0 && !this.#connection.socket.writableNeedDrain) this.drained();
    });
    return this.#small.add();
  }

  end(trailers: readonly string[]): void {
    const { socket, flushed } = this.#connection;
    if (this.#connection.closed || socket.destroyed) return;
    try {
      if (this.#body?.length === undefined) socket.write(writeTrailers(trailers), 'latin1', flushed);
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
    if (rest === undefined || this.write(rest)) this.#body?.drained();
  }

  onInformation(head: ResponseHead): void {
    this.#listener?.onInformation(head);
  }

  onHead(head: ResponseHead): void {
    this.head = head;
    this.received = 'some';
    if (head.statusCode === 101) return; // passed on together with its tunnel
    this.#streams = isEventStream(head.rawHeaders);
    this.#listener?.onHead(head);
  }

  onBody(bytes: Buffer): void {
    this.receivedBytes += bytes.length;
    this.#listener?.onBody(bytes);
  }

  /** A read has ended, and the response is not complete. */
  readEnded(): Taken {
    const taken = this.#listener?.readEnded?.() ?? true;
    if (taken === false) this.#pause();
    // TLS gives out what it has already read, even while paused.
    if (this.head !== undefined && !this.paused) this.#awaitBody();
    return taken;
  }

  #pause(): void {
    if (this.#listener === undefined) return; // the listener has gone in the meantime, and would never resume
    this.paused = true;
    this.#connection.stalls.expectNothing();
  }

  /** The response is complete, as of `now`. */
  complete(trailers: readonly string[], now: number): void {
    this.received = 'all';
    this.#body?.detach();
    this.#listener?.exchangeEnded(trailers, now);
    this.#listener = undefined;
  }

  /** Why the origin's switch of protocols is refused; `undefined` if there is nothing to refuse. */
  get wrongSwitch(): BackendError | undefined {
    if (this.head?.statusCode !== 101) return undefined;
    const { rawHeaders } = this.head;
    if (switchedTo(rawHeaders, this.request.upgrade ?? '') !== undefined) return undefined;
    return wrongSwitchError(this.#connection.origin, namedProtocols(rawHeaders));
  }

  /** The origin has switched protocols, to one of those that were offered. */
  switched(tunnel: Tunnel): void {
    this.received = 'all';
    this.#body?.detach();
    const listener = this.#listener;
    this.#listener = undefined;
    if (this.head === undefined || listener?.exchangeSwitched === undefined) tunnel.destroy();
    else listener.exchangeSwitched(this.head, tunnel);
  }

  broke(ending: ExchangeEnding, cause: BackendError): void {
    this.#body?.detach();
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
   * The client has gone. If little of the response is missing, it is read to its end, so that a storm of aborts does not become a storm of
   * dials. Otherwise the connection is closed.
   */
  abandon(): void {
    this.#listener = undefined;
    this.#body?.detach();
    if (this.received === 'all' || this.#connection.closed) return;
    if (this.sent !== 'all' || this.bytesLeft > DRAIN_BYTES) {
      this.#connection.close('aborted');
      return;
    }
    this.#connection.stalls.expectBytes(DRAIN_MS);
    this.resume();
  }

  #awaitBody(): void {
    if (this.#listener === undefined) return; // the rest is being dropped: DRAIN_MS is running
    if (this.#streams) this.#connection.stalls.expectNothing();
    else this.#connection.stalls.expectBytes(this.request.timeouts.bodyTimeout);
  }
}
