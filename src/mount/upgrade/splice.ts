/** A client and an origin that speak a protocol of their own: bytes go both ways until both sides have ended. */

import type { Duplex } from 'node:stream';
import { breakOff } from '../../client/truncate.js';
import type { Tunnel, TunnelListener } from '../../dispatch/request.js';
import { isSmallBehind, SmallWrites } from '../../streams/small-writes.js';
import type { Deadline, Deadlines } from '../../time/deadlines.js';

/** In milliseconds; `Infinity` is no limit. */
export interface SpliceLimits {
  readonly idleTimeout: number;
  readonly maxDuration: number;
}

/** `open`; `ended`: it has sent its last byte, and may still read; `closed`. */
type Side = 'open' | 'ended' | 'closed';

/** How long the sides have to close after their last bytes were sent to them. */
const LAST_MS = 1_000;

export class Splice implements TunnelListener {
  readonly #client: Duplex;
  readonly #tunnel: Tunnel;
  readonly #limits: SpliceLimits;
  readonly #idle: Deadline;
  readonly #whole: Deadline;
  readonly #last: Deadline; // set once we have ended both sides
  readonly #over: (splice: Splice) => void;
  readonly #small = new SmallWrites((waiting) => {
    if (waiting === 0 && !this.#client.writableNeedDrain) this.#clientDrained();
  });
  #clientSide: Side = 'open';
  #originSide: Side = 'open';

  /** `over` is called once, when both sides are closed. */
  constructor(
    client: Duplex,
    tunnel: Tunnel,
    deadlines: Deadlines,
    limits: SpliceLimits,
    over: (splice: Splice) => void,
  ) {
    this.#client = client;
    this.#tunnel = tunnel;
    this.#limits = limits;
    this.#idle = deadlines.create(() => this.end());
    this.#whole = deadlines.create(() => this.end());
    this.#last = deadlines.create(() => this.destroy());
    this.#over = over;
  }

  /** `first`: what the client sent behind its request. */
  begin(first: Buffer): void {
    const client = this.#client;
    this.#idle.set(this.#limits.idleTimeout);
    this.#whole.set(this.#limits.maxDuration);
    client.allowHalfOpen = true; // false by default on TLS
    client.on('close', () => this.#clientClosed());
    client.on('end', () => this.#clientEnded());
    client.on('drain', () => this.#clientDrained());
    this.#tunnel.begin(this);
    if (first.length > 0) this.#fromClient(first);
    if (client.readableEnded) this.#clientEnded();
    client.on('data', (bytes: Buffer) => this.#fromClient(bytes));
  }

  /** Tells both sides that no more will come after what they have still to take. Then they have a moment to close. */
  end(): void {
    this.#tunnel.end();
    if (!this.#client.writableEnded) this.#client.end();
    this.#last.set(LAST_MS);
  }

  /** Closes both sides, whatever is in progress. */
  destroy(): void {
    this.#client.destroy();
    this.#tunnel.destroy();
  }

  // --- from the client -----------------------------------------------------------------------------------------------

  #fromClient(bytes: Buffer): void {
    this.#idle.set(this.#limits.idleTimeout);
    if (!this.#tunnel.write(bytes)) this.#client.pause();
  }

  #clientEnded(): void {
    if (this.#clientSide === 'open') this.#clientSide = 'ended';
    this.#tunnel.end(this.#client);
  }

  #clientDrained(): void {
    this.#idle.set(this.#limits.idleTimeout);
    this.#tunnel.resume();
  }

  #clientClosed(): void {
    const complete = this.#isComplete();
    this.#clientSide = 'closed';
    // If both sides have ended, what the origin has still to take is on its way to it.
    if (!complete) this.#tunnel.destroy();
    this.#settle();
  }

  // --- from the origin -----------------------------------------------------------------------------------------------

  tunnelBytes(bytes: Buffer): boolean {
    this.#idle.set(this.#limits.idleTimeout);
    if (this.#client.destroyed || this.#client.writableEnded) return true;
    if (!isSmallBehind(this.#client, bytes)) return this.#client.write(bytes);
    return this.#client.write(bytes, this.#small.add()) && !this.#small.areMany;
  }

  tunnelEnded(): void {
    if (this.#originSide === 'open') this.#originSide = 'ended';
    if (!this.#client.writableEnded) this.#client.end();
  }

  tunnelDrained(): void {
    this.#idle.set(this.#limits.idleTimeout);
    this.#client.resume();
  }

  tunnelClosed(): void {
    const complete = this.#isComplete();
    this.#originSide = 'closed';
    if (!complete) breakOff(this.#client);
    this.#settle();
  }

  // --- the end -------------------------------------------------------------------------------------------------------

  #isComplete(): boolean {
    return this.#clientSide !== 'open' && this.#originSide !== 'open';
  }

  #settle(): void {
    if (this.#clientSide !== 'closed' || this.#originSide !== 'closed') return;
    this.#idle.clear();
    this.#whole.clear();
    this.#last.clear();
    this.#over(this);
  }
}
