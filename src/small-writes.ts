/** Small pieces that wait to be taken, behind others: a stream holds 250 bytes for each beside its own. */

/** What a smaller piece counts for. */
const SMALL_BYTES = 512;

const MOST_BYTES = 65_536;

/** Whether a piece would wait behind others, and is small. */
export function isSmallBehind(stream: { readonly writableLength: number }, bytes: Uint8Array): boolean {
  return bytes.length < SMALL_BYTES && stream.writableLength > 0;
}

/** Those of one stream. Without them a limit of 16 KiB lets 16,384 pieces of one byte wait, which take 4 MB. */
export class SmallWrites {
  #waiting = 0;
  readonly #taken: (waiting: number) => void;

  /** `taken` is called for each that was taken, with how many still wait. */
  constructor(taken: (waiting: number) => void) {
    this.#taken = taken;
  }

  /** Whether as many wait as may where nothing else bounds them. */
  get areMany(): boolean {
    return this.bytes > MOST_BYTES;
  }

  /** What those that wait count for. */
  get bytes(): number {
    return this.#waiting * SMALL_BYTES;
  }

  /** Notes one. Returns what it is to be written with. */
  add(): (error?: Error | null) => void {
    this.#waiting += 1;
    return this.#told;
  }

  readonly #told = (error?: Error | null): void => {
    this.#waiting -= 1;
    if (!error) this.#taken(this.#waiting);
  };
}
