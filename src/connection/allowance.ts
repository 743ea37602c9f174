/** How many exchanges the origin allows on a connection, as it says itself (`Keep-Alive: max`). */

export class Allowance {
  #last = Number.POSITIVE_INFINITY; // number of the exchange after which the origin closes
  #lastMax = 0;
  #countsDown = false;

  /** How many exchanges are left after `exchanges` of them. */
  leftAfter(exchanges: number): number {
    return this.#last - exchanges;
  }

  /**
   * The origin said `max` in the answer that follows `exchanges` earlier ones. Some origins count down what is left, others repeat the
   * total. The number is taken for the total until it has been seen to fall.
   */
  heard(max: number, exchanges: number): void {
    if (max < this.#lastMax) this.#countsDown = true;
    this.#lastMax = max;
    this.#last = this.#countsDown ? exchanges + 1 + max : max;
  }
}
