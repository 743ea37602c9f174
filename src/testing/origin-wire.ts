/**
 * The sending side of one connection of the scripted origin, plain or TLS.
 *
 * The source text of the class is copied into a worker thread. So this file imports types only, and its class uses
 * nothing outside itself.
 */

import type { Duplex } from 'node:stream';
import type { Bytes } from './answer.js';

/** The part of `net.Socket` that an origin uses. */
export interface OriginSocket extends Duplex {
  setNoDelay(noDelay: boolean): unknown;
  resetAndDestroy(): unknown;
}

export class OriginWire {
  static readonly #nextTurn = setImmediate; // as in next-turn.ts, which a worker thread cannot import

  readonly #raw: OriginSocket;
  #socket: Duplex; // the socket to write to: `raw`, or the TLS socket on top of it

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
      // If the client is gone, a TLS socket may never call back.
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
    // First shutdown(2), so that TLS sends its close_notify. Then close(2), so that later bytes are answered with a reset.
    await this.halfClose();
    await this.destroy();
  }

  reset(): Promise<void> {
    // While a FIN is being sent, libuv refuses to reset; Node then drops the handle, and 'close' is never emitted.
    if (this.#finUnderway) return this.destroy();
    // On the socket below TLS: a TLS socket refuses to be reset.
    return this.#closed(() => this.#raw.resetAndDestroy());
  }

  /** With TLS, nothing tells when the FIN of the socket below was sent: it counts as underway for ever. */
  get #finUnderway(): boolean {
    const isPlain = this.#socket === this.#raw;
    return this.#socket.writableEnded && !(isPlain && this.#socket.writableFinished);
  }

  /** close(2) at once. Bytes that were not written are lost. */
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
