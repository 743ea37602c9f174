/**
 * A bounded number of slots, lent and given back. The pool does not know what is in them. It makes no items, closes none,
 * never waits and has no queue. The ledger counts the slots that are in use, from the making of an item to its end.
 *
 * ```
 *            checkout                startDial             fill
 *    empty ───────────▶ busy, clear ───────────▶ dialling ───────▶ busy, fresh item
 *            checkout                 clear
 *    idle  ───────────▶ busy, item  ───────────▶ busy, clear
 *    idle  ───────────▶ empty   evict
 *    busy           ──▶ idle    release, with an item
 *    busy, dialling ──▶ empty   release, without one
 *    empty ───────────▶ parked  while there are more slots than the size; back when the size grows
 * ```
 */

import { type IdleChoice, IdleSlots } from './idle-slots.js';
import { KeptSlot, type Slot } from './slot.js';
import { Vacancies } from './vacancies.js';

/** Which slot is wanted: an idle one, or `empty`, one that holds nothing. */
export type Choice = IdleChoice | 'empty';

export interface PoolOptions {
  /** Number of slots; 0 for none yet. See {@link Pool.resize}. */
  readonly size: number;
  /**
   * A slot became free (released, or made by the ledger at its start) or empty (evicted). Called once for each, inside
   * `release` and `evict`, after the change. It may check out; what it throws is thrown to the caller of these two.
   */
  readonly onFree: () => void;
}

/**
 * How many slots are in which state; the rest of `size` is empty. While a pool becomes smaller there may be more of them than `size`.
 * `fresh` is a part of `idle`.
 */
export interface PoolCounts {
  readonly size: number;
  readonly dialling: number;
  readonly idle: number;
  readonly fresh: number;
  readonly busy: number;
}

export class Pool<T> {
  readonly #onFree: () => void;
  readonly #idle = new IdleSlots<T>();
  readonly #vacancies: Vacancies<T>;
  #busy = 0;
  #dialling = 0;

  /**
   * The slots are made some microtasks later: until then nothing can be checked out. `onFree` is called for each.
   *
   * @throws RangeError when `size` is not a whole number from 0.
   */
  constructor({ size, onFree }: PoolOptions) {
    this.#onFree = onFree;
    this.#vacancies = new Vacancies<T>(this, size, onFree);
  }

  /**
   * Makes more slots, or fewer. If fewer, the empty ones go first, and a lent one goes when it comes back empty. The caller has to
   * evict idle ones, as many as are {@link surplus}.
   *
   * @throws RangeError when `size` is not a whole number from 0.
   */
  resize(size: number): void {
    this.#vacancies.resize(size);
  }

  /** Slots with an item or a borrower that are too many since the pool was made smaller. */
  get surplus(): number {
    return this.#vacancies.surplus;
  }

  /** The counts of this moment, a new object at each call. */
  get counts(): PoolCounts {
    const { length: idle, freshCount: fresh } = this.#idle;
    return { size: this.#vacancies.size, dialling: this.#dialling, idle, fresh, busy: this.#busy };
  }

  get busy(): number {
    return this.#busy;
  }

  get dialling(): number {
    return this.#dialling;
  }

  get idle(): number {
    return this.#idle.length;
  }

  /** Whether {@link checkout} would give a slot. */
  canCheckout(choice: Choice): boolean {
    return this.#next(choice) !== undefined;
  }

  /** The item inside the slot that {@link checkout} would give for `recent`. */
  get mostRecent(): T | undefined {
    return this.#idle.peek('recent')?.item;
  }

  #next(choice: Choice): KeptSlot<T> | undefined {
    return choice === 'empty' ? this.#vacancies.next : this.#idle.peek(choice);
  }

  /** Lends the slot that fits the choice, with its item inside; undefined when none does. Give it back with `release`. */
  checkout(choice: Choice): Slot<T> | undefined {
    const slot = this.#next(choice);
    if (slot === undefined) return undefined;
    if (slot.state === 'idle') this.#idle.remove(slot);
    else this.#vacancies.take(slot);
    slot.state = 'busy';
    this.#busy++;
    return slot;
  }

  /** The borrower begins to make an item for a slot that holds none. */
  startDial(slot: Slot<T>): void {
    const kept = this.#own(slot);
    if (kept.state !== 'busy' || kept.item !== undefined) throw refusal('start a dial in', kept);
    kept.state = 'dialling';
    this.#busy--;
    this.#dialling++;
  }

  /** The item is made: it is fresh, and lent to the caller that dialled. */
  fill(slot: Slot<T>, item: T): void {
    const kept = this.#own(slot);
    if (kept.state !== 'dialling') throw refusal('fill', kept);
    if (item === undefined) throw new Error('cannot fill a slot with undefined');
    kept.item = item;
    kept.fresh = true;
    this.#endDial(kept);
  }

  /** Takes the item out of a lent slot, because it is closed. */
  clear(slot: Slot<T>): void {
    const kept = this.#own(slot);
    if (kept.state !== 'busy') throw refusal('clear', kept);
    kept.item = undefined;
    kept.fresh = false;
  }

  /** The item of a lent slot carries a request: it is not fresh any more. */
  markUsed(slot: Slot<T>): void {
    const kept = this.#own(slot);
    if (kept.state !== 'busy' || kept.item === undefined) throw refusal('mark as used', kept);
    kept.fresh = false;
  }

  /** Gives a lent slot back: idle when it holds an item, else empty. A dial that runs there is given up. */
  release(slot: Slot<T>): void {
    const kept = this.#own(slot);
    if (kept.state !== 'busy' && kept.state !== 'dialling') throw refusal('release', kept);
    if (kept.state === 'dialling') this.#endDial(kept);
    this.#busy--;
    if (kept.item === undefined) {
      this.#vacancies.giveBack(kept);
    } else {
      kept.state = 'idle';
      this.#idle.add(kept);
    }
    this.#onFree();
  }

  /** Takes the item out of an idle slot, which stays free: when this returns, it may be lent and dialled again. */
  evict(slot: Slot<T>): void {
    const kept = this.#own(slot);
    if (kept.state !== 'idle') throw refusal('evict', kept);
    this.#idle.remove(kept);
    kept.item = undefined;
    kept.fresh = false;
    this.#vacancies.giveBack(kept);
    this.#onFree();
  }

  /** The idle slots of this moment, longest idle first. Those that are lent or evicted meanwhile are left out. */
  *idleSlots(): Iterable<Slot<T>> {
    for (const slot of this.#idle.all()) {
      if (slot.state === 'idle') yield slot;
    }
  }

  #endDial(slot: KeptSlot<T>): void {
    slot.state = 'busy';
    this.#dialling--;
    this.#busy++;
  }

  #own(slot: Slot<T>): KeptSlot<T> {
    if (slot instanceof KeptSlot && slot.pool === this) return slot;
    throw new Error('the slot belongs to another pool');
  }
}

function refusal<T>(verb: string, slot: Slot<T>): Error {
  const content = slot.item === undefined ? 'without an item' : slot.fresh ? 'with a fresh item' : 'with a used item';
  return new Error(`cannot ${verb} a slot that is ${slot.state} ${content}`);
}
