/**
 * The sending side of one connection of the scripted origin, plain or TLS.
 *
 * This file has only types from others, and no values beside its class, which refers to nothing outside itself: its
 * source text is carried into a worker thread.
 */

import type { Duplex } from 'node:stream';
import type { Bytes } from './steps.js';

/** The part of `net.Socket` that an origin uses. */
export interface OriginSocket extends Duplex {
  setNoDelay(noDelay: boolean): unknown;
  resetAndDestroy(): unknown;
}

export class OriginWire {
  static readonly #nextTurn = setImmediate; // as next-turn.ts has it, which a worker thread cannot import

  readonly #raw: OriginSocket;
  #socket: Duplex; // what is written to: `raw`, or the TLS socket on it

  constructor(raw: OriginSocket) {
    this.#raw = raw;
    this.#socket = raw;
  }

  /** TLS begins: from now on bytes go through `socket`. */
  secure(socket: Duplex): void {
    this.#socket = socket;
  }

  get destroyed(): boolean {
    return this.#raw.destroyed || this.#socket.destroyed;
  }

  /** Resolves when the kernel has the bytes, or will never take them. */
  write(bytes: Bytes): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableEnded || bytes.length === 0) return Promise.resolve();
    const socket = this.#socket;
    return new Promise((resolve) => {
      // A TLS socket whose client has gone may never call back.
      const done = (): void => {
        socket.off('close', done);
        resolve();
      };
      socket.once('close', done);
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, done);
    });
  }

  async writeInPieces(bytes: Uint8Array, pieceBytes: number): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#socket.destroyed; at += pieceBytes) {
      await this.write(bytes.subarray(at, at + pieceBytes));
      // Pieces written in one turn could leave in one segment.
      await new Promise((resolve) => OriginWire.#nextTurn(resolve));
    }
  }

  stopReading(): void {
    this.#socket.pause();
  }

  readOn(): void {
    this.#socket.resume();
  }

  /** Sends the FIN; resolves when the kernel has it. */
  halfClose(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed || this.#socket.writableFinished) resolve();
      else this.#socket.end(() => resolve());
    });
  }

  async close(): Promise<void> {
    // shutdown(2) first, so that TLS says goodbye; close(2) after it, so that later bytes meet a reset.
    await this.halfClose();
    await this.destroy();
  }

  reset(): Promise<void> {
    // While a FIN is on its way libuv refuses to reset; Node then drops the handle, and 'close' never comes.
    if (this.#finUnderway) return this.destroy();
    // On the socket below TLS: a TLS socket refuses to be reset.
    return this.#closed(() => this.#raw.resetAndDestroy());
  }

  /** Below TLS nobody says when it is out. */
  get #finUnderway(): boolean {
    const isPlain = this.#socket === this.#raw;
    return this.#socket.writableEnded && !(isPlain && this.#socket.writableFinished);
  }

  /** close(2) at once; what was not written is lost. */
  destroy(): Promise<void> {
    return this.#closed(() => {
      this.#socket.destroy();
      this.#raw.destroy();
    });
  }

  #closed(destroy: () => void): Promise<void> {
    return new Promise((resolve) => {
      if (this.#raw.closed) return resolve();
      this.#raw.once('close', () => resolve());
      destroy();
    });
  }
}
