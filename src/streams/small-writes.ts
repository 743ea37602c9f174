/** Counts small pieces that wait in a stream behind others: for each of them the stream holds 250 bytes besides the piece's own. */

/** A smaller piece counts as this many bytes. */
const SMALL_BYTES = 512;

const MOST_BYTES = 65_536;

/** Whether a piece would wait behind others, and is small. */
export function isSmallBehind(stream: { readonly writableLength: number }, bytes: Uint8Array): boolean {
  return bytes.length < SMALL_BYTES && stream.writableLength > 0;
}

/** The small pieces that wait in one stream. Without this count, a limit of 16 KiB lets 16,384 pieces of one byte wait, which take 4 MB. */
export class SmallWrites {
  #waiting = 0;
  readonly #taken: (waiting: number) => void;

  /** `taken` is called for each piece that was taken, with the number of pieces that still wait. */
  constructor(taken: (waiting: number) => void) {
    this.#taken = taken;
  }

  /** Whether too many wait: the limit for streams that have no other limit. */
  get areMany(): boolean {
    return this.bytes > MOST_BYTES;
  }

  /** How many bytes the waiting pieces count as. */
  get bytes(): number {
    return this.#waiting * SMALL_BYTES;
  }

  /** Counts one piece. Returns the callback that it must be written with. */
  add(): (error?: Error | null) => void {
    this.#waiting += 1;
    return this.#told;
  }

  readonly #told = (error?: Error | null): void => {
    this.#waiting -= 1;
    if (!error) this.#taken(this.#waiting);
  };
}
