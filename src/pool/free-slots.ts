/** The free slots of a pool, and the choice of the one that the ledger lends next. */

import type { FreeList, LedgerEntry } from './ledger.js';
import type { KeptSlot } from './slot.js';

/**
 * Which free slot is wanted.
 * - `recent`: the item used last; when none was used, the newest fresh one. The longer an item has been idle, the
 *   likelier its other end has given up on it.
 * - `fresh`: the newest item that never carried a request.
 * - `empty`: a slot without an item.
 * - `coldest`: the used item that has been idle longest, else the oldest fresh one. For a borrower who wants the place,
 *   not the item.
 */
export type Choice = 'recent' | 'fresh' | 'empty' | 'coldest';

/** Slots in the order in which they became free, linked through the slots themselves, so that any leaves in O(1). */
class SlotList<T> {
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
}

/** The deque that the ledger works with, except that what comes out of it is what was asked for with {@link want}. */
export class FreeSlots<T> implements FreeList<KeptSlot<T>> {
  readonly #used = new SlotList<T>();
  readonly #fresh = new SlotList<T>();
  readonly #empty = new SlotList<T>();
  readonly #onOpened: () => void;
  #freed = 0;
  #wanted: KeptSlot<T> | undefined = undefined;

  /** `onOpened` is called for each slot that the ledger makes at its start, when the slot can be lent. */
  constructor(onOpened: () => void) {
    this.#onOpened = onOpened;
  }

  get length(): number {
    return this.#used.length + this.#fresh.length + this.#empty.length;
  }

  get freshCount(): number {
    return this.#fresh.length;
  }

  get idleCount(): number {
    return this.#used.length + this.#fresh.length;
  }

  /** The slot that fits, still free. */
  peek(choice: Choice): KeptSlot<T> | undefined {
    switch (choice) {
      case 'recent':
        return this.#used.newest ?? this.#fresh.newest;
      case 'fresh':
        return this.#fresh.newest;
      case 'empty':
        return this.#empty.newest;
      case 'coldest':
        return this.#used.oldest ?? this.#fresh.oldest;
    }
  }

  /** The empty slot that would be lent last. */
  get lastEmpty(): KeptSlot<T> | undefined {
    return this.#empty.oldest;
  }

  /** Makes `slot` the one that the next {@link shift} hands to the ledger. */
  want(slot: KeptSlot<T>): void {
    this.#wanted = slot;
  }

  shift(): LedgerEntry<KeptSlot<T>> | undefined {
    const slot = this.#wanted;
    if (slot === undefined) throw new Error('the ledger took a slot that nobody asked for');
    this.#wanted = undefined;
    this.#listOf(slot).remove(slot);
    return slot.entry;
  }

  push(entry: LedgerEntry<KeptSlot<T>>): void {
    const slot = entry.obj;
    const opened = slot.entry === undefined;
    slot.entry = entry;
    slot.idleOrder = ++this.#freed;
    this.#listOf(slot).add(slot);
    if (opened) this.#onOpened();
  }

  /** An idle slot becomes empty where it is; the ledger need not know. */
  evict(slot: KeptSlot<T>): void {
    this.#listOf(slot).remove(slot);
    slot.state = 'empty';
    slot.item = undefined;
    slot.fresh = false;
    this.#empty.add(slot);
  }

  /** All idle slots, fresh and used, those that have been idle longest first. */
  idle(): KeptSlot<T>[] {
    const slots: KeptSlot<T>[] = [];
    for (let slot = this.#used.oldest; slot !== undefined; slot = slot.newer) slots.push(slot);
    for (let slot = this.#fresh.oldest; slot !== undefined; slot = slot.newer) slots.push(slot);
    return slots.sort((a, b) => a.idleOrder - b.idleOrder);
  }

  iterator(): Iterator<LedgerEntry<KeptSlot<T>>> {
    return [][Symbol.iterator]();
  }

  #listOf(slot: KeptSlot<T>): SlotList<T> {
    if (slot.state === 'empty') return this.#empty;
    if (slot.state === 'idle') return slot.fresh ? this.#fresh : this.#used;
    throw new Error(`a ${slot.state} slot is not free`);
  }
}
