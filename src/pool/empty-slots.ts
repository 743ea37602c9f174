/** The empty slots, as the list from which the ledger lends. It hands out the slot that was asked for. */

import type { FreeList, LedgerEntry } from './ledger.js';
import type { KeptSlot } from './slot.js';
import { SlotList } from './slot-list.js';

export class EmptySlots<T> implements FreeList<KeptSlot<T>> {
  readonly #slots = new SlotList<T>();
  readonly #onOpened: () => void;
  #wanted: KeptSlot<T> | undefined = undefined;

  /** `onOpened` is called for each slot that the ledger makes at its start, when the slot can be lent. */
  constructor(onOpened: () => void) {
    this.#onOpened = onOpened;
  }

  get length(): number {
    return this.#slots.length;
  }

  /** The one that is lent next; it stays here. */
  get next(): KeptSlot<T> | undefined {
    return this.#slots.newest;
  }

  /** The one that would be lent last. */
  get last(): KeptSlot<T> | undefined {
    return this.#slots.oldest;
  }

  /** Makes `slot` the one that the next {@link shift} hands to the ledger. */
  want(slot: KeptSlot<T>): void {
    this.#wanted = slot;
  }

  shift(): LedgerEntry<KeptSlot<T>> | undefined {
    const slot = this.#wanted;
    if (slot === undefined) throw new Error('the ledger took a slot that nobody asked for');
    this.#wanted = undefined;
    this.#slots.remove(slot);
    return slot.entry;
  }

  push(entry: LedgerEntry<KeptSlot<T>>): void {
    const slot = entry.obj;
    const opened = slot.entry === undefined;
    slot.entry = entry;
    this.#slots.add(slot);
    if (opened) this.#onOpened();
  }

  iterator(): Iterator<LedgerEntry<KeptSlot<T>>> {
    return [][Symbol.iterator]();
  }
}
