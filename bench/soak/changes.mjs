/** Changes a backend under load: options by `update()`, and origins that are removed, drained and weighed. */

import { untold } from '../rig/timers.mjs';

const upTo = (/** @type {number} */ most) => Math.floor(Math.random() * most);

export class Changes {
  #backend;
  #origins;
  #changes;
  #bounds;
  #found;
  #next = 0;
  #over = false;
  /** Positions of the origins that are not there, or drained, now. @type {Map<number, 'removed' | 'drained'>} */
  #out = new Map();
  made = 0;

  /**
   * @param {import('pooled-backend').PooledBackend} backend
   * @param {readonly import('pooled-backend').OriginOptions[]} origins
   * @param {readonly Record<string, any>[]} changes
   * @param {import('./bounds.mjs').Bounds} bounds
   * @param {boolean} found whether the origins are discovered: then they come and go by themselves
   */
  constructor(backend, origins, changes, bounds, found) {
    this.#found = found;
    this.#backend = backend;
    this.#origins = origins;
    this.#changes = changes;
    this.#bounds = bounds;
    if (changes.length > 0) this.#later();
  }

  /** All origins are back when it returns. */
  stop() {
    this.#over = true;
    for (const number of [...this.#out.keys()]) this.#bringBack(number);
  }

  #later() {
    const timer = untold.setTimeout(() => {
      if (this.#over) return;
      this.made += 1;
      if (Math.random() < 0.5) this.#update();
      else this.#touch(upTo(this.#origins.length));
      this.#later();
    }, 50 + upTo(600));
    timer.unref();
  }

  #update() {
    const changes = this.#changes[this.#next % this.#changes.length] ?? {};
    this.#next += 1;
    const settled = this.#backend.update(changes);
    if (changes.maxConnections !== undefined) this.#bounds.changed(changes.maxConnections, settled);
  }

  /** @param {number} number */
  #touch(number) {
    if (this.#out.has(number)) {
      this.#bringBack(number);
      return;
    }
    const { url } = this.#originAt(number);
    const action = Math.random();
    if (this.#found) {
      // In a subset the others might not be enough.
      if (number === 0 || this.#backend.options.subset !== undefined || !this.#isThere(number)) return;
      void this.#backend.origins.drain(url);
      this.#out.set(number, 'drained');
    } else if (action < 0.1) this.#replace();
    else if (action < 0.4) this.#backend.origins.setWeight(url, number === 0 ? 1 + upTo(9) : upTo(4));
    else if (number === 0) return;
    else if (action < 0.7) {
      void this.#backend.origins.remove(url);
      this.#out.set(number, 'removed');
    } else {
      void this.#backend.origins.drain(url);
      this.#out.set(number, 'drained');
    }
  }

  /** Gives the whole list anew, without some of them. */
  #replace() {
    const isKept = this.#origins.map((_, number) => number === 0 || upTo(3) > 0);
    const settled = this.#backend.update({ origins: this.#origins.filter((_, number) => isKept[number]) });
    void settled.catch((error) => this.#bounds.note('a new list of origins was refused', String(error)));
    for (const [number, stays] of isKept.entries()) {
      if (!stays) this.#out.set(number, 'removed');
      else if (this.#out.get(number) === 'removed') this.#out.delete(number);
    }
  }

  /** @param {number} number */
  #bringBack(number) {
    const origin = this.#originAt(number);
    if (this.#found && !this.#isThere(number)) return;
    if (this.#out.get(number) === 'removed') this.#backend.origins.add(origin);
    else this.#backend.origins.ready(origin.url);
    this.#out.delete(number);
  }

  /** @param {number} number */
  #isThere(number) {
    return this.#backend.origins.names.includes(String(this.#originAt(number).url));
  }

  /** @param {number} number */
  #originAt(number) {
    return /** @type {import('pooled-backend').OriginOptions} */ (this.#origins[number]);
  }
}
