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
  /** Returns what never settles: see {@link Unsettled}. */
  acquire(): unknown;
  release(slot: S): Promise<void>;
}

// The package's types leave out the constructor, which is its way to bring one's own deque.
type LedgerClass = new <S>(
  evictor: unknown,
  freeList: () => FreeList<S>,
  requestQueue: new () => RequestQueue,
  factory: { create(): Promise<S>; destroy(slot: S): Promise<void> },
  options: { min: number; max: number; fifo: boolean; Promise: unknown },
) => Ledger<S>;

interface Package {
  readonly Pool: LedgerClass;
  readonly DefaultEvictor: unknown;
}

/**
 * The part of generic-pool's `PriorityQueue` that its `Pool` calls. Nobody waits in the ledger: whoever asks is served
 * before `acquire` returns, so there is room for one.
 */
class RequestQueue {
  #request: unknown;

  get length(): number {
    return this.#request === undefined ? 0 : 1;
  }

  enqueue(request: unknown): void {
    if (this.#request !== undefined) throw new Error('two requests wait in the ledger');
    this.#request = request;
  }

  dequeue(): unknown {
    const request = this.#request;
    this.#request = undefined;
    return request;
  }
}

const SETTLED = Promise.resolve();

/**
 * What the ledger takes for promises (its option `Promise`). The two that it makes for each loan tell of a service that
 * nobody waits for, so they are none: checkout and release take 0.33 µs and 300 bytes instead of 0.56 and 1,600 (bench/micro).
 */
class Unsettled {
  constructor(start: (resolve: (value?: unknown) => void, reject: (reason?: unknown) => void) => void) {
    start(ignore, ignore);
  }

  static resolve(value?: unknown): Promise<unknown> {
    return value === undefined ? SETTLED : Promise.resolve(value);
  }

  static reject(reason: unknown): Promise<never> {
    return Promise.reject(reason);
  }
}

function ignore(): void {}

/**
 * Opens a ledger of `size` slots. It makes them itself, in microtasks, and pushes each to `free`; it never makes another
 * and never drops one.
 */
export function openLedger<S>(size: number, create: () => S, free: FreeList<S>): Ledger<S> {
  const { Pool, DefaultEvictor } = checkedPackage();
  const factory = { create: async () => create(), destroy: async () => {} };
  // generic-pool says `new Deque()`. Called so, a function that returns an object makes that object the result.
  function heldFreeList(): FreeList<S> {
    return free;
  }
  // fifo makes it call push rather than unshift; which end is taken is for the free list to say.
  const options = { min: size, max: size, fifo: true, Promise: Unsettled };
  return new Pool(DefaultEvictor, heldFreeList, RequestQueue, factory, options);
}

function checkedPackage(): Package {
  const found: Partial<Record<string, unknown>> = { ...genericPool };
  for (const name of ['Pool', 'DefaultEvictor']) {
    if (typeof found[name] !== 'function') throw new Error(`generic-pool has no class ${name}`);
  }
  return found as unknown as Package;
}
