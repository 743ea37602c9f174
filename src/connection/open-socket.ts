/** What a connection needs of its socket. */

/** The part of `net.Socket` that a connection uses. A `Duplex` has all but `resetAndDestroy()`. */
export interface OpenSocket {
  /** Whether it is closed, or about to be. */
  readonly destroyed: boolean;
  /** Set as soon as the kernel refuses a write. */
  readonly errored: Error | null;
  /** Bytes that wait to be written. */
  readonly writableLength: number;
  /** Whether `drain` will be emitted. */
  readonly writableNeedDrain: boolean;
  /** Whether `end()` was called. */
  readonly writableEnded: boolean;
  /** Whether everything was written, the end included. */
  readonly writableFinished: boolean;
  /** Whether our half stays open when the origin has closed its own. */
  allowHalfOpen: boolean;
  /** Writes bytes; calls `done` when the kernel has taken or refused them. Returns `false` if the next should wait for `drain`. */
  write(bytes: Uint8Array, done?: (error?: Error | null) => void): boolean;
  /** Writes text, in the same way. */
  write(text: string, encoding: 'latin1', done?: (error?: Error | null) => void): boolean;
  /** Holds writes back until `uncork()`. */
  cork(): void;
  /** Writes what was held back. */
  uncork(): void;
  /** Reads on after the callback of `onread` has returned `false`. */
  resume(): unknown;
  /** Closes our half when everything is written. */
  end(): unknown;
  /** Closes both halves now. */
  destroy(): unknown;
  /** Closes both halves now, over TCP with a reset. */
  resetAndDestroy(): unknown;
  /** Listens for the end of the origin's half, for the end of both, or for room to write. */
  on(event: 'end' | 'close' | 'drain', listener: () => void): unknown;
  /** Listens for errors. */
  on(event: 'error', listener: (error: Error) => void): unknown;
}
