/** Bytes that many requests may hold together. */

export class ByteBudget {
  /** `Infinity` is no limit. */
  readonly limit: number;
  #used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes held now. May be above the limit: see {@link add}. */
  get used(): number {
    return this.#used;
  }

  get exceeded(): boolean {
    return this.#used > this.limit;
  }

  /** Takes all of `bytes`, or nothing and returns false. */
  reserve(bytes: number): boolean {
    if (this.#used + bytes > this.limit) return false;
    this.#used += bytes;
    return true;
  }

  /** Notes bytes that are held already, whether or not they fit. A negative number of bytes was let go. */
  add(bytes: number): void {
    this.#used += bytes;
    if (this.#used < 0) throw new Error(`a byte budget fell to ${this.#used} by ${bytes}`);
  }
}
