/** A connection whose origin has switched protocols (RFC 9110 §7.8): bytes both ways, and an end on either side. */

import { isSmallBehind, SmallWrites } from '../small-writes.js';
import type { OpenSocket } from './dial.js';
import { resetError } from './liveness.js';

/** Receives what the origin sends. Nothing is called after `tunnelClosed`. */
export interface TunnelListener {
  /** Bytes, the receiver's to keep. Returns false to stop reading until `Tunnel.resume()`. */
  tunnelBytes(bytes: Buffer): boolean;
  /** The origin has sent its last byte. It may still read. */
  tunnelEnded(): void;
  /** The origin takes bytes again, after `Tunnel.write()` had returned false. */
  tunnelDrained(): void;
  /** The connection is gone, after its two ends or without. */
  tunnelClosed(): void;
}

/** How far the origin has come: it still `sends`, it has `ended` its half, or the connection is `closed`. */
type OriginState = 'sends' | 'ended' | 'closed';

export class Tunnel {
  readonly #socket: OpenSocket;
  readonly #destroy: () => void;
  #first: Buffer | undefined; // what came together with the 101
  #listener: TunnelListener | undefined;
  #origin: OriginState = 'sends';
  #paused = false;
  readonly #small = new SmallWrites((waiting) => {
    if (waiting === 0 && !this.#socket.writableNeedDrain) this.#listener?.tunnelDrained();
  });

  /** `first`: what the origin sent behind its 101. `destroy` closes the connection. */
  constructor(socket: OpenSocket, first: Buffer | undefined, destroy: () => void) {
    this.#socket = socket;
    this.#first = first;
    this.#destroy = destroy;
    // The one that ends first may have more to hear.
    socket.allowHalfOpen = true;
    socket.on('end', () => this.#ended());
    socket.on('drain', () => this.#listener?.tunnelDrained());
  }

  /** Starts reading, beginning with what has already happened. Called once, by the receiver of the tunnel. */
  begin(listener: TunnelListener): void {
    const first = this.#first;
    const origin = this.#origin;
    this.#first = undefined;
    this.#listener = listener;
    this.#paused = first !== undefined && !listener.tunnelBytes(first);
    if (origin === 'ended') listener.tunnelEnded();
    if (origin === 'closed') listener.tunnelClosed();
    else if (!this.#paused) this.#socket.resume();
  }

  /** Returns false when the origin takes no more for now: wait for `tunnelDrained`. */
  write(bytes: Uint8Array): boolean {
    if (this.#socket.destroyed || this.#socket.writableEnded) return true;
    if (!isSmallBehind(this.#socket, bytes)) return this.#socket.write(bytes);
    return this.#socket.write(bytes, this.#small.add()) && !this.#small.areMany;
  }

  /** No more is written, since `client`, if given, has ended. The origin may go on sending, unless that end was a reset. */
  end(client?: object): void {
    if (client !== undefined && resetError(client) !== undefined) this.#destroy();
    else if (!this.#socket.destroyed) this.#socket.end();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** Closes the connection, whatever is under way: on plain TCP by a reset, lest the origin takes it for an end. */
  destroy(): void {
    this.#destroy();
  }

  /** @internal The connection has read `bytes`. Returns whether to read on. */
  receive(bytes: Buffer): boolean {
    if (this.#listener === undefined) {
      this.#first = this.#first === undefined ? bytes : Buffer.concat([this.#first, bytes]);
      return false; // one read at the most, before the tunnel begins
    }
    // TLS gives out what it has read already, however paused.
    if (!this.#listener.tunnelBytes(bytes)) this.#paused = true;
    return !this.#paused;
  }

  /** @internal The connection is closed. */
  closed(): void {
    this.#origin = 'closed';
    this.#listener?.tunnelClosed();
  }

  #ended(): void {
    if (resetError(this.#socket) !== undefined) {
      this.#destroy();
      return;
    }
    if (this.#origin === 'sends') this.#origin = 'ended';
    this.#listener?.tunnelEnded();
  }
}
