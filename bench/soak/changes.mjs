/** Changes a backend under load: options by `update()`, and origins that are removed, drained and weighed. */

import { untold } from '../rig/timers.mjs';

const upTo = (/** @type {number} */ most) => Math.floor(Math.random() * most);

export class Changes {
  #backend;
  #origins;
  #changes;
  #bounds;
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
   */
  constructor(backend, origins, changes, bounds) {
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
    if (action < 0.4) this.#backend.origins.setWeight(url, number === 0 ? 1 + upTo(9) : upTo(4));
    else if (number === 0) return;
    else if (action < 0.7) {
      void this.#backend.origins.remove(url);
      this.#out.set(number, 'removed');
    } else {
      void this.#backend.origins.drain(url);
      this.#out.set(number, 'drained');
    }
  }

  /** @param {number} number */
  #bringBack(number) {
    const origin = this.#originAt(number);
    if (this.#out.get(number) === 'removed') this.#backend.origins.add(origin);
    else this.#backend.origins.ready(origin.url);
    this.#out.delete(number);
  }

  /** @param {number} number */
  #originAt(number) {
    return /** @type {import('pooled-backend').OriginOptions} */ (this.#origins[number]);
  }
}
