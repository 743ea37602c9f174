/** How many exchanges the origin allows a connection, as it says itself (`Keep-Alive: max`). */

export class Allowance {
  #last = Number.POSITIVE_INFINITY; // the exchange after which the origin closes
  #lastMax = 0;
  #countsDown = false;

  /** Exchanges that are left, after so many. */
  leftAfter(exchanges: number): number {
    return this.#last - exchanges;
  }

  /**
   * The origin said `max`, in the answer that follows so many exchanges. Some count down what is left, others repeat the
   * total: until the number has been seen to fall it is taken for the total.
   */
  heard(max: number, exchanges: number): void {
    if (max < this.#lastMax) this.#countsDown = true;
    this.#lastMax = max;
    this.#last = this.#countsDown ? exchanges + 1 + max : max;
  }
}
