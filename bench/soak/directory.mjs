/** Where a backend that discovers its origins finds them: the set changes all the time, and some answers are late or wrong. */

import { untold } from '../rig/timers.mjs';
import { DOMAIN } from './origins.mjs';

/** @typedef {import('pooled-backend').OriginOptions} OriginOptions */

const FAILING = 0.1;
const WITHOUT = 0.3;
const LATE_MS = 100;

const chance = (/** @type {number} */ share) => Math.random() < share;
const pause = (/** @type {number} */ ms) => new Promise((resolve) => untold.setTimeout(resolve, ms).unref());

export class Directory {
  #origins;
  #how;
  #server;
  #calm = false;

  /**
   * @param {readonly OriginOptions[]} origins all that may be found
   * @param {import('./setting.mjs').Discovery} how
   * @param {string} server address of the server that has them in DNS
   */
  constructor(origins, how, server) {
    this.#origins = origins;
    this.#how = how;
    this.#server = server;
  }

  /** Options of the backend. @returns {any} */
  get options() {
    const { source, intervalMs } = this.#how;
    if (source === 'iterable') return { origins: this.#told() };
    if (source === 'function') return { origins: () => this.#found(), originsInterval: intervalMs };
    const protocol = new URL(String(this.#origins[0]?.url)).protocol;
    return { dns: { name: DOMAIN, type: 'SRV', protocol, interval: intervalMs, servers: [this.#server] } };
  }

  /** From now on all origins are found. */
  calm() {
    this.#calm = true;
  }

  async #found() {
    await pause(Math.random() * LATE_MS);
    if (!this.#calm && chance(FAILING / 2)) throw new Error('the directory of the soak is out of order');
    return this.#set();
  }

  async *#told() {
    for (;;) {
      await pause(Math.random() * this.#how.intervalMs);
      yield this.#set();
    }
  }

  /** @returns {OriginOptions[]} */
  #set() {
    if (this.#calm) return [...this.#origins];
    const set = this.#origins.flatMap((origin, number) => {
      // The first one always serves.
      if (number === 0) return [{ ...origin, weight: 1 + Math.floor(Math.random() * 5) }];
      return chance(WITHOUT) ? [] : [{ ...origin, weight: Math.floor(Math.random() * 4), backup: chance(0.2) }];
    });
    if (!chance(FAILING)) return set.sort(() => Math.random() - 0.5);
    return chance(0.5) ? [] : [...set, ...set];
  }
}
