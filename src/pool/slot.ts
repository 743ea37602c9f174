/** A slot: a place for one item. What a borrower may read of it, and what the pool keeps beside it. */

import type { Ledger, LedgerEntry } from './ledger.js';

/**
 * `empty`: free, nothing inside. `idle`: free, an item inside. `busy`: lent, with or without an item. `dialling`: lent,
 * and its borrower is making the item. `parked`: out of use, because its pool was made smaller.
 */
export type SlotState = 'empty' | 'dialling' | 'idle' | 'busy' | 'parked';

/** A place for one item, lent by a `Pool`. Only the pool changes it. */
export interface Slot<T> {
  /** Its number among the slots of its pool, from 0. Those with small numbers are filled first. */
  readonly index: number;
  readonly state: SlotState;
  /** What lies in the slot; undefined in an empty one, while dialling, and in a busy one that was cleared. */
  readonly item: T | undefined;
  /** Its item never carried a request. False when there is no item. */
  readonly fresh: boolean;
}

/** The slot as the pool sees it: writable, and a link of one of the lists of free slots. */
export class KeptSlot<T> implements Slot<T> {
  readonly index: number;
  state: SlotState = 'empty';
  item: T | undefined = undefined;
  fresh = false;
  /** The pool that lends it. */
  readonly pool: object;
  /** The ledger that made it. */
  ledger: Ledger<KeptSlot<T>> | undefined = undefined;
  /** The ledger's entry for this slot, known once the ledger has made it. */
  entry: LedgerEntry<KeptSlot<T>> | undefined = undefined;
  /** Position among all slots that ever became idle: one with a smaller number has been idle longer. */
  idleOrder = 0;
  /** Neighbours in its list while free, undefined while lent. */
  older: KeptSlot<T> | undefined = undefined;
  newer: KeptSlot<T> | undefined = undefined;

  constructor(pool: object, index: number) {
    this.pool = pool;
    this.index = index;
  }
}
