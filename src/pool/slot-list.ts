/** Free slots in the order in which they became free, linked through the slots themselves, so that any can leave in O(1). */

import type { KeptSlot } from './slot.js';

export class SlotList<T> {
  oldest: KeptSlot<T> | undefined = undefined;
  newest: KeptSlot<T> | undefined = undefined;
  length = 0;

  add(slot: KeptSlot<T>): void {
    slot.older = this.newest;
    slot.newer = undefined;
    if (this.newest === undefined) this.oldest = slot;
    else this.newest.newer = slot;
    this.newest = slot;
    this.length++;
  }

  remove(slot: KeptSlot<T>): void {
    const { older, newer } = slot;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    slot.older = undefined;
    slot.newer = undefined;
    this.length--;
  }

  *[Symbol.iterator](): Iterator<KeptSlot<T>> {
    for (let slot = this.oldest; slot !== undefined; slot = slot.newer) yield slot;
  }
}
