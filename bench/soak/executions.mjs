/** How often each request was executed on all origins together, with one byte for each request. */

export class Executions {
  #counts = new Uint8Array(1 << 16);
  total = 0;
  #most;

  /** @param {number} most executions of an idempotent request */
  constructor(most) {
    this.#most = most;
  }

  /** @param {readonly string[]} ids */
  add(ids) {
    for (const id of ids) {
      const number = Number(id.slice(2));
      while (number >= this.#counts.length) this.#grow();
      this.#counts[number] = Math.min(255, (this.#counts[number] ?? 0) + 1);
      this.total += 1;
      const count = this.#counts[number] ?? 0;
      if (count > (id.startsWith('o') ? 1 : this.#most)) this.tooMany.set(id, count);
    }
  }

  /** Ids that were executed more often than allowed, and how often. @type {Map<string, number>} */
  tooMany = new Map();

  /** @param {string} id */
  of(id) {
    return this.#counts[Number(id.slice(2))] ?? 0;
  }

  /** @returns {number} requests executed twice */
  get twice() {
    return this.#counts.reduce((sum, count) => sum + (count > 1 ? 1 : 0), 0);
  }

  #grow() {
    const larger = new Uint8Array(this.#counts.length * 2);
    larger.set(this.#counts);
    this.#counts = larger;
  }
}
