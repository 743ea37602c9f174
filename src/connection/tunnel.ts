/** A connection whose origin has switched protocols (RFC 9110 §7.8): bytes both ways, and an end on either side. */

import { isSmallBehind, SmallWrites } from '../streams/small-writes.js';
import { resetError } from './liveness.js';
import type { OpenSocket } from './open-socket.js';

/** Receives what the origin sends. Nothing is called after `tunnelClosed`. */
export interface TunnelListener {
  /** Bytes, which the receiver may keep. Returns false to stop reading until `Tunnel.resume()`. */
  tunnelBytes(bytes: Buffer): boolean;
  /** The origin has sent its last byte. It may still read. */
  tunnelEnded(): void;
  /** The origin takes bytes again, after `Tunnel.write()` had returned false. */
  tunnelDrained(): void;
  /** The connection is closed, whether or not both sides had ended. */
  tunnelClosed(): void;
}

/** The state of the origin: it still `sends`, it has `ended` its half, or the connection is `closed`. */
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
    // The side that ends first may still have something to receive.
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

  /** Ends our half, because `client` (if given) has ended. The origin may go on sending, unless the client's end was a reset. */
  end(client?: object): void {
    if (client !== undefined && resetError(client) !== undefined) this.#destroy();
    else if (!this.#socket.destroyed) this.#socket.end();
  }

  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  /** Closes the connection, whatever is in progress. On plain TCP this is a reset, so that the origin does not take it for an end. */
  destroy(): void {
    this.#destroy();
  }

  /** @internal The connection has read `bytes`. Returns whether to read on. */
  receive(bytes: Buffer): boolean {
    if (this.#listener === undefined) {
      this.#first = this.#first === undefined ? bytes : Buffer.concat([this.#first, bytes]);
      return false; // at most one read before the tunnel begins
    }
    // TLS gives out what it has already read, even while paused.
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
