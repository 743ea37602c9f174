/** The empty slots, which stay in the ledger until they are taken; and how many slots there are in total. */

import { AsyncResource } from 'node:async_hooks';
import { EmptySlots } from './empty-slots.js';
import { type Ledger, openLedger } from './ledger.js';
import { KeptSlot } from './slot.js';

export class Vacancies<T> {
  readonly #pool: object;
  readonly #onFree: () => void;
  readonly #empty: EmptySlots<T>; // free in the ledger; for the ledger all others are lent, the parked ones too
  // The ledger keeps a promise as long as a slot is lent, and a promise keeps the async context in which it was made (before Node
  // 24). So that is the context in which the backend was created, not that of the request that happened to need the slot.
  readonly #scope = new AsyncResource('PooledSlots');
  readonly #parked: KeptSlot<T>[] = []; // the last one is used again first
  #size: number;
  #made = 0; // slots, in all ledgers, the parked ones too

  /** `pool`: the owner of the slots. `onFree` is called for each slot that the ledger has made, and for each parked one that returns. */
  constructor(pool: object, size: number, onFree: () => void) {
    this.#pool = pool;
    this.#size = checkedSize(size);
    this.#onFree = onFree;
    this.#empty = new EmptySlots<T>(() => {
      this.#park();
      // A microtask later, because the ledger would swallow what onFree throws.
      queueMicrotask(onFree);
    });
    if (size > 0) this.#make(size);
  }

  get size(): number {
    return this.#size;
  }

  /** How many more slots are in use than the size allows, after it was reduced. */
  get surplus(): number {
    return Math.max(0, this.#inUse - this.#size);
  }

  /** The slot to take next; it stays here. */
  get next(): KeptSlot<T> | undefined {
    return this.#empty.next;
  }

  take(slot: KeptSlot<T>): void {
    this.#empty.want(slot);
    // The ledger takes the slot out of its list before acquire returns: with a free slot at hand it neither queues nor
    // refuses. So nothing has to wait for the promise.
    const ledger = ledgerOf(slot);
    void this.#scope.runInAsyncScope(ledger.acquire, ledger);
  }

  giveBack(slot: KeptSlot<T>): void {
    slot.state = 'empty';
    // It rejects only a slot that is not lent, and this one is.
    void ledgerOf(slot).release(slot);
    this.#park();
  }

  /** New slots are made some microtasks later. Those that are too many are parked when they are empty, or come back empty. */
  resize(size: number): void {
    this.#size = checkedSize(size);
    this.#park();
    let missing = size - this.#inUse;
    while (missing > 0) {
      const slot = this.#parked.pop();
      if (slot === undefined) break;
      this.giveBack(slot);
      missing -= 1;
      this.#onFree();
    }
    if (missing > 0) this.#make(missing);
  }

  /** A ledger never grows, so more slots get a ledger of their own. */
  #make(count: number): void {
    const made: KeptSlot<T>[] = [];
    let index = this.#made + count; // the slot that is made last is lent first
    this.#made += count;
    const create = () => {
      const slot = new KeptSlot<T>(this.#pool, --index);
      made.push(slot);
      return slot;
    };
    const ledger = openLedger(count, create, this.#empty);
    for (const slot of made) slot.ledger = ledger;
  }

  #park(): void {
    while (this.#inUse > this.#size) {
      const slot = this.#empty.last;
      if (slot === undefined) return;
      this.take(slot);
      slot.state = 'parked';
      this.#parked.push(slot);
    }
  }

  get #inUse(): number {
    return this.#made - this.#parked.length;
  }
}

function ledgerOf<T>({ ledger, index }: KeptSlot<T>): Ledger<KeptSlot<T>> {
  if (ledger === undefined) throw new Error(`slot ${index} is in no ledger`);
  return ledger;
}

function checkedSize(size: number): number {
  if (Number.isSafeInteger(size) && size >= 0) return size;
  throw new RangeError(`a pool of ${size} slots`);
}
