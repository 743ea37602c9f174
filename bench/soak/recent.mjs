/** A map that forgets its oldest entries, so that a long soak needs no more memory than a short one. */

/** @template T */
export class Recent {
  /** @type {Map<string, T>} */
  #entries = new Map();
  #most;

  /** @param {number} most */
  constructor(most) {
    this.#most = most;
  }

  /**
   * @param {string} key
   * @param {T} value
   */
  set(key, value) {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#most) return;
    for (const [oldest] of this.#entries) {
      this.#entries.delete(oldest);
      return;
    }
  }

  /** @param {string} key */
  get(key) {
    return this.#entries.get(key);
  }
}
