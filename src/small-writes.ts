/** Small pieces that wait to be taken, behind others: a stream holds 250 bytes for each beside its own. */

/** What a smaller piece counts for. */
const SMALL_BYTES = 512;

/** Whether a piece would wait behind others, and is small. */
export function isSmallBehind(stream: { readonly writableLength: number }, bytes: Uint8Array): boolean {
  return bytes.length < SMALL_BYTES && stream.writableLength > 0;
}

/** Those of one stream. Without them a limit of 16 KiB lets 16,384 pieces of one byte wait, which take 4 MB. */
export class SmallWrites {
  #waiting = 0;
  readonly #noneWaits: () => void;

  /** `noneWaits` is called each time that the last of them was taken. */
  constructor(noneWaits: () => void) {
    this.#noneWaits = noneWaits;
  }

  /** What those that wait count for. */
  get bytes(): number {
    return this.#waiting * SMALL_BYTES;
  }

  /** Notes one. Returns what it is to be written with. */
  add(): (error?: Error | null) => void {
    this.#waiting += 1;
    return this.#taken;
  }

  readonly #taken = (error?: Error | null): void => {
    this.#waiting -= 1;
    if (this.#waiting === 0 && !error) this.#noneWaits();
  };
}
