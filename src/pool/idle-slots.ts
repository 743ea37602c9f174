/** The slots with an idle item, and which of them is lent next. */

import type { KeptSlot } from './slot.js';
import { SlotList } from './slot-list.js';

/**
 * Which idle slot is wanted.
 * - `recent`: the item used last; when none was used, the newest fresh one. The longer an item has been idle, the
 *   likelier its other end has given up on it.
 * - `fresh`: the newest item that never carried a request.
 * - `coldest`: the used item that has been idle longest, else the oldest fresh one. For a borrower that wants the place,
 *   not the item.
 */
export type IdleChoice = 'recent' | 'fresh' | 'coldest';

export class IdleSlots<T> {
  readonly #used = new SlotList<T>();
  readonly #fresh = new SlotList<T>();
  #added = 0;

  get length(): number {
    return this.#used.length + this.#fresh.length;
  }

  get freshCount(): number {
    return this.#fresh.length;
  }

  /** The slot that fits; it stays here. */
  peek(choice: IdleChoice): KeptSlot<T> | undefined {
    switch (choice) {
      case 'recent':
        return this.#used.newest ?? this.#fresh.newest;
      case 'fresh':
        return this.#fresh.newest;
      case 'coldest':
        return this.#used.oldest ?? this.#fresh.oldest;
    }
  }

  add(slot: KeptSlot<T>): void {
    slot.idleOrder = ++this.#added;
    this.#listOf(slot).add(slot);
  }

  remove(slot: KeptSlot<T>): void {
    this.#listOf(slot).remove(slot);
  }

  /** All idle slots of this moment, fresh and used, longest idle first. */
  all(): KeptSlot<T>[] {
    return [...this.#used, ...this.#fresh].sort((a, b) => a.idleOrder - b.idleOrder);
  }

  #listOf({ fresh }: KeptSlot<T>): SlotList<T> {
    return fresh ? this.#fresh : this.#used;
  }
}
