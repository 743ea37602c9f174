/** The body of a request as the exchange that sends it sees it. */

/** Takes the bytes of a request's body. */
export interface BodyTarget {
  /** Returns false if the source must wait for its `drained()`. */
  write(bytes: Uint8Array): boolean;
  end(trailers: readonly string[]): void;
  fail(error: Error): void;
}

/** Gives the bytes of a request's body, from the first one, to one target at a time. */
export interface BodySource {
  /** Declared length; `undefined` = chunked. */
  readonly length: number | undefined;
  /** The whole body, when it is in memory: bytes, or text in ASCII. */
  readonly whole: Uint8Array | string | undefined;
  begin(target: BodyTarget): void;
  drained(): void;
  detach(): void;
}
