/** generic-pool as the ledger: it knows which slots exist and which are lent. The only file that knows the package. */

import genericPool from 'generic-pool';

/** What the ledger keeps of one slot. It goes in and out of the {@link FreeList}. */
export interface LedgerEntry<S> {
  readonly obj: S;
}

/** The part of generic-pool's `Deque` that its `Pool` calls. The ledger lends whatever `shift` hands it. */
export interface FreeList<S> {
  readonly length: number;
  push(entry: LedgerEntry<S>): void;
  shift(): LedgerEntry<S> | undefined;
  /** For generic-pool's own evictor: asked for at construction, never advanced, since no eviction is scheduled. */
  iterator(): Iterator<LedgerEntry<S>>;
}

export interface Ledger<S> {
  /** Lends what the free list hands it, before this returns. */
  acquire(): Promise<S>;
  release(slot: S): Promise<void>;
}

// The package's types leave out the constructor, through which one can bring one's own deque.
type LedgerClass = new <S>(
  evictor: unknown,
  freeList: () => FreeList<S>,
  requestQueue: unknown,
  factory: { create(): Promise<S>; destroy(slot: S): Promise<void> },
  options: { min: number; max: number; fifo: boolean },
) => Ledger<S>;

interface Package {
  readonly Pool: LedgerClass;
  readonly DefaultEvictor: unknown;
  readonly PriorityQueue: unknown;
}

/**
 * Opens a ledger of `size` slots. It makes them itself, in microtasks, and pushes each to `free`; it never makes another
 * and never drops one.
 */
export function openLedger<S>(size: number, create: () => S, free: FreeList<S>): Ledger<S> {
  const { Pool, DefaultEvictor, PriorityQueue } = checkedPackage();
  const factory = { create: async () => create(), destroy: async () => {} };
  // generic-pool calls `new Deque()`. If a function that is called so returns an object, that object is the result.
  function heldFreeList(): FreeList<S> {
    return free;
  }
  // fifo makes it call push instead of unshift; the free list itself decides which slot is taken.
  return new Pool(DefaultEvictor, heldFreeList, PriorityQueue, factory, { min: size, max: size, fifo: true });
}

function checkedPackage(): Package {
  const found: Partial<Record<string, unknown>> = { ...genericPool };
  for (const name of ['Pool', 'DefaultEvictor', 'PriorityQueue']) {
    if (typeof found[name] !== 'function') throw new Error(`generic-pool has no class ${name}`);
  }
  return found as unknown as Package;
}
