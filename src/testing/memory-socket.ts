/** Two sockets joined in memory: each reads what the other writes, at the time that the test chooses. */

import { Duplex } from 'node:stream';
import type { Liveness } from '../connection/liveness.js';
import { checkNames } from './known-names.js';
import { nextTurn } from './next-turn.js';

/** Receives bytes instead of `'data'` listeners, like the option `onread` of `net.connect`. */
export interface MemoryOnRead {
  /** Buffer for the bytes received, filled from its beginning. */
  readonly buffer: Uint8Array;
  /** Called with the number of bytes received. Returns `false` to pause until `resume()`. */
  callback(bytes: number, buffer: Uint8Array): boolean;
}

/** Options of `memorySockets()`. */
export interface MemorySocketOptions {
  /**
   * When sent data arrives. `'at-once'`: during the call that sends it. `'next-turn'`: one turn of the event loop
   * later; until then it is in the kernel of the receiver. `'by-hand'`: when {@link MemorySocket.deliver} is called.
   *
   * @default 'at-once'
   */
  readonly delivery?: 'at-once' | 'next-turn' | 'by-hand' | undefined;
  /** `true` leaves the near socket unconnected until {@link MemorySocket.open}. @default false */
  readonly connecting?: boolean | undefined;
  /** Receives the bytes of the near socket. @default it emits `'data'` */
  readonly onread?: MemoryOnRead | undefined;
}

type Parcel = { readonly is: 'bytes'; readonly bytes: Buffer } | { readonly is: 'fin' } | { readonly is: 'rst' };

type WriteDone = (error?: Error | null) => void;

/**
 * Creates both ends of a connection: the near one for the code under test, the far one for the test.
 *
 * @example
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

/** The part of `net.Socket` that the library uses, in memory. */
export class MemorySocket extends Duplex {
  /** `true` until `open()` is called, if created with `connecting`. */
  connecting: boolean;
  /** Last argument of `setNoDelay()`. */
  noDelay = false;
  /** Delay of `setKeepAlive()` in milliseconds; `false` if off. */
  keepAlive: number | false = false;
  /** Whether it keeps the process alive: `true` after `ref()`, `false` after `unref()`. */
  referenced = true;
  /** Bytes this end has written so far. */
  bytesWritten = 0;
  readonly #delivery: 'at-once' | 'next-turn' | 'by-hand';
  readonly #onread: MemoryOnRead | undefined;
  #peer: MemorySocket | undefined;
  #underway: Parcel[] = []; // sent by this end, not yet arrived; oldest first
  #unread: Buffer[] = []; // arrived while `onread` had stopped reading
  #stopped = false;
  #refusal: Error | undefined;
  #taking = true;
  #untaken: (() => void) | undefined; // the write, or the end, that waits for `takeOn()` or `open()`
  #gone = false; // closed or reset: it receives nothing and sends nothing but resets

  /** Use {@link memorySockets}. */
  constructor(options: MemorySocketOptions) {
    super({ allowHalfOpen: false, emitClose: true, decodeStrings: true });
    this.connecting = options.connecting ?? false;
    this.#delivery = options.delivery ?? 'at-once';
    this.#onread = options.onread;
    // A socket with `onread` reports the end without a listener for data.
    if (options.onread !== undefined) super.resume();
  }

  /** @internal */
  join(peer: MemorySocket): void {
    this.#peer = peer;
  }

  // --- for the test --------------------------------------------------------------------------------------------------

  /** Number of writes, FINs and RSTs sent by this end that have not arrived yet. */
  get underway(): number {
    return this.#underway.length;
  }

  /**
   * Delivers the next `count` writes, FINs or RSTs sent by this end; by default all. Returns how many were delivered.
   */
  deliver(count = Number.POSITIVE_INFINITY): number {
    let delivered = 0;
    for (; delivered < count; delivered += 1) {
      const parcel = this.#underway.shift();
      if (parcel === undefined) break;
      this.#peer?.arrive(parcel);
    }
    return delivered;
  }

  /** What a read of the file descriptor would show: data sent to this end that has not arrived. */
  askKernel(): Liveness {
    const first = this.#peer === undefined ? undefined : this.#peer.#underway[0];
    if (first?.is === 'bytes') return { name: 'poisoned', bytes: first.bytes };
    return { name: first === undefined && !this.destroyed ? 'alive' : 'stale' };
  }

  /** Completes the connection: emits `'connect'`, and sends what was written before. */
  open(): void {
    this.connecting = false;
    this.#takeUp();
    this.emit('connect');
    this.emit('ready');
  }

  /** Makes the next write of this end fail, as after a reset. */
  refuseNextWrite(code = 'EPIPE'): void {
    this.#refusal = failure(code, `write ${code}`);
  }

  /** Makes writes of this end wait in the stream until {@link takeOn}, as if the kernel's buffer were full. */
  stopTaking(): void {
    this.#taking = false;
  }

  /** Undoes {@link stopTaking}. */
  takeOn(): void {
    this.#taking = true;
    this.#takeUp();
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

  /** Closes the connection with a RST. Data this end has sent that has not arrived is lost. */
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
    // With `onread` the stream itself holds back only the end.
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
    this.#untaken = () => {
      this.bytesWritten += bytes.length;
      this.#send({ is: 'bytes', bytes: Buffer.from(bytes) });
      done();
    };
    this.#takeUp();
  }

  /** @internal */
  override _final(done: WriteDone): void {
    const end = (): void => {
      this.#send({ is: 'fin' });
      done();
    };
    if (this.connecting) this.#untaken = end;
    else end();
  }

  /** @internal */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // close(2) sends what was written and a FIN; with unread bytes a RST.
    if (!this.#gone && !this.writableFinished) this.#send({ is: this.#unread.length > 0 ? 'rst' : 'fin' });
    this.#gone = true;
    done(error);
  }

  // --- between the two -----------------------------------------------------------------------------------------------

  /** @internal Takes something that the other end sent. */
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

  /** Sends what waits, unless it has to wait on. */
  #takeUp(): void {
    const untaken = this.#untaken;
    if (untaken === undefined || !this.#taking || this.connecting) return;
    this.#untaken = undefined;
    untaken();
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
