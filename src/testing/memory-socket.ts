/** Two sockets joined in memory: what one writes the other reads, when the test says so. */

import { Duplex } from 'node:stream';
import type { Liveness } from '../connection/liveness.js';
import { nextTurn } from './next-turn.js';
import { checkNames } from './plan-checks.js';

/** Where the bytes go instead of to `'data'`, as with `net.connect({ onread })`. */
export interface MemoryOnRead {
  /** Where they are put, from its beginning. */
  readonly buffer: Uint8Array;
  /** Returns false to stop reading until `resume()`. */
  callback(bytes: number, buffer: Uint8Array): boolean;
}

/** How two ends are joined. */
export interface MemorySocketOptions {
  /**
   * `'at-once'`: what is sent arrives within the call that sends it. `'next-turn'`: it is in the kernel of the other end
   * until the event loop turns. `'by-hand'`: it is on its way until {@link MemorySocket.deliver}. Default `'at-once'`.
   */
  readonly delivery?: 'at-once' | 'next-turn' | 'by-hand' | undefined;
  /** The near socket is not connected until {@link MemorySocket.open}. Default false. */
  readonly connecting?: boolean | undefined;
  /** Of the near socket. Default: it emits `'data'`. */
  readonly onread?: MemoryOnRead | undefined;
}

type Parcel = { readonly is: 'bytes'; readonly bytes: Buffer } | { readonly is: 'fin' } | { readonly is: 'rst' };

type WriteDone = (error?: Error | null) => void;

/**
 * The near and the far end of one connection. The near one is for the code under test, the far one for the test.
 *
 * ```ts
 * const [near, far] = memorySockets({ delivery: 'by-hand' });
 * far.write('HTTP/1.1 200 OK\r\n\r\n');
 * far.deliver(); // now it arrives at `near`
 * ```
 */
export function memorySockets(options: MemorySocketOptions = {}): [near: MemorySocket, far: MemorySocket] {
  checkNames('memorySockets()', options, ['delivery', 'connecting', 'onread']);
  const near = new MemorySocket(options);
  const far = new MemorySocket({ delivery: options.delivery ?? 'at-once' });
  near.join(far);
  far.join(near);
  return [near, far];
}

/** The part of `net.Socket` that a connection uses. */
export class MemorySocket extends Duplex {
  /** Not yet connected: `open()` has not been called. */
  connecting: boolean;
  /** What `setNoDelay` was told last. */
  noDelay = false;
  /** Delay of `setKeepAlive` in milliseconds; `false` when off. */
  keepAlive: number | false = false;
  /** Whether it keeps the process alive: `ref` or `unref` came last. */
  referenced = true;
  /** Bytes that this end has written so far. */
  bytesWritten = 0;
  readonly #delivery: 'at-once' | 'next-turn' | 'by-hand';
  readonly #onread: MemoryOnRead | undefined;
  #peer: MemorySocket | undefined;
  #underway: Parcel[] = []; // sent by this end, not yet arrived; oldest first
  #unread: Buffer[] = []; // arrived while `onread` had stopped reading
  #stopped = false;
  #refusal: Error | undefined;
  #taking = true;
  #untaken: (() => void) | undefined; // the write that waits for `take()`
  #gone = false; // neither reads nor is heard any more

  /** Use {@link memorySockets}. */
  constructor(options: MemorySocketOptions) {
    super({ allowHalfOpen: false, emitClose: true, decodeStrings: true });
    this.connecting = options.connecting ?? false;
    this.#delivery = options.delivery ?? 'at-once';
    this.#onread = options.onread;
    // Whoever reads through `onread` hears of the end without asking for data.
    if (options.onread !== undefined) super.resume();
  }

  /** @internal */
  join(peer: MemorySocket): void {
    this.#peer = peer;
  }

  // --- for the test --------------------------------------------------------------------------------------------------

  /** Bytes written, FINs and RSTs of this end that are on their way. */
  get underway(): number {
    return this.#underway.length;
  }

  /** Lets the next `count` things that this end has sent arrive at the other end: writes, FIN, RST. Default: all. */
  deliver(count = Number.POSITIVE_INFINITY): number {
    let delivered = 0;
    for (; delivered < count; delivered += 1) {
      const parcel = this.#underway.shift();
      if (parcel === undefined) break;
      this.#peer?.arrive(parcel);
    }
    return delivered;
  }

  /** What one read of the descriptor would tell of this end: of what was sent to it and has not arrived. */
  askKernel(): Liveness {
    const first = this.#peer === undefined ? undefined : this.#peer.#underway[0];
    if (first?.is === 'bytes') return { name: 'poisoned', bytes: first.bytes };
    return { name: first === undefined && !this.destroyed ? 'alive' : 'stale' };
  }

  /** The connection is made: `'connect'`. */
  open(): void {
    this.connecting = false;
    this.emit('connect');
    this.emit('ready');
  }

  /** The next write of this end is refused by the kernel, as by one that has seen a reset. */
  refuseNextWrite(code = 'EPIPE'): void {
    this.#refusal = failure(code, `write ${code}`);
  }

  /** The kernel takes no more bytes from this end: they wait in the stream until {@link takeOn}. */
  stopTaking(): void {
    this.#taking = false;
  }

  /** The kernel takes bytes again. */
  takeOn(): void {
    this.#taking = true;
    const untaken = this.#untaken;
    this.#untaken = undefined;
    untaken?.();
  }

  // --- as net.Socket -------------------------------------------------------------------------------------------------

  /** Recorded in `noDelay`. */
  setNoDelay(noDelay = true): this {
    this.noDelay = noDelay;
    return this;
  }

  /** Recorded in `keepAlive`. */
  setKeepAlive(enable = false, initialDelay = 0): this {
    this.keepAlive = enable ? initialDelay : false;
    return this;
  }

  /** Recorded in `referenced`. */
  ref(): this {
    this.referenced = true;
    return this;
  }

  /** Recorded in `referenced`. */
  unref(): this {
    this.referenced = false;
    return this;
  }

  /** Closes with a RST: what is on its way from here is lost. */
  resetAndDestroy(): this {
    if (this.#gone) return this;
    this.#gone = true;
    this.#underway = [];
    this.#send({ is: 'rst' });
    return this.destroy();
  }

  override resume(): this {
    this.#stopped = false;
    if (this.#onread !== undefined) this.#hand();
    return super.resume();
  }

  override pause(): this {
    // With `onread` the stream itself has nothing to hold back but the end.
    this.#stopped = true;
    return super.pause();
  }

  /** @internal */
  override _read(): void {
    // Bytes are pushed when they arrive.
  }

  /** @internal */
  override _write(bytes: Buffer, _encoding: BufferEncoding, done: WriteDone): void {
    const refusal = this.#refusal;
    this.#refusal = undefined;
    if (refusal !== undefined) {
      done(refusal);
      return;
    }
    const take = (): void => {
      this.bytesWritten += bytes.length;
      this.#send({ is: 'bytes', bytes: Buffer.from(bytes) });
      done();
    };
    if (this.#taking) take();
    else this.#untaken = take;
  }

  /** @internal */
  override _final(done: WriteDone): void {
    this.#send({ is: 'fin' });
    done();
  }

  /** @internal */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // close(2) sends what was written and a FIN; with unread bytes a RST.
    if (!this.#gone && !this.writableFinished) this.#send({ is: this.#unread.length > 0 ? 'rst' : 'fin' });
    this.#gone = true;
    done(error);
  }

  // --- between the two -----------------------------------------------------------------------------------------------

  /** @internal Something that the other end sent is here. */
  arrive(parcel: Parcel): void {
    if (this.#gone) {
      // A closed socket answers bytes with a reset.
      if (parcel.is === 'bytes') this.#send({ is: 'rst' });
      return;
    }
    if (parcel.is === 'rst') {
      this.#gone = true;
      this.destroy(failure('ECONNRESET', 'read ECONNRESET'));
    } else if (parcel.is === 'fin') this.push(null);
    else if (this.#onread === undefined) this.push(parcel.bytes);
    else {
      this.#unread.push(parcel.bytes);
      this.#hand();
    }
  }

  #send(parcel: Parcel): void {
    this.#underway.push(parcel);
    if (this.#delivery === 'at-once') this.deliver();
    else if (this.#delivery === 'next-turn') nextTurn(() => this.deliver(1));
  }

  #hand(): void {
    const onread = this.#onread;
    if (onread === undefined) return;
    while (!this.#stopped && !this.#gone) {
      const bytes = this.#unread.shift();
      if (bytes === undefined) return;
      const fits = bytes.subarray(0, onread.buffer.length);
      if (fits.length < bytes.length) this.#unread.unshift(bytes.subarray(fits.length));
      onread.buffer.set(fits);
      if (!onread.callback(fits.length, onread.buffer)) this.#stopped = true;
    }
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
