import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Choice, Pool } from '../../../src/pool/pool.js';
import type { Slot } from '../../../src/pool/slot.js';

interface Lent {
  dialling: boolean;
  item?: number;
  fresh: boolean;
}

/** What the pool should hold, written the slow and plain way: an array of idle items and a map of lent slots. */
class Model {
  size: number;
  idle: { item: number; fresh: boolean }[] = []; // in the order of release
  readonly lent = new Map<Slot<number>, Lent>();

  constructor(size: number) {
    this.size = size;
  }

  /** The item that the choice should give; 'nothing' for an empty slot, undefined when none fits. */
  expected(choice: Choice): number | 'nothing' | undefined {
    const used = this.idle.filter((one) => !one.fresh);
    const fresh = this.idle.filter((one) => one.fresh);
    switch (choice) {
      case 'recent':
        return (used.at(-1) ?? fresh.at(-1))?.item;
      case 'fresh':
        return fresh.at(-1)?.item;
      case 'coldest':
        return (used[0] ?? fresh[0])?.item;
      case 'empty':
        return this.idle.length + this.lent.size < this.size ? 'nothing' : undefined;
    }
  }

  get counts() {
    const lent = [...this.lent.values()];
    const dialling = lent.filter((one) => one.dialling).length;
    return {
      size: this.size,
      idle: this.idle.length,
      fresh: this.idle.filter((one) => one.fresh).length,
      dialling,
      busy: lent.length - dialling,
    };
  }
}

class Run {
  readonly model: Model;
  readonly pool: Pool<number>;
  freed = 0;
  #items = 0;

  constructor(size: number) {
    this.model = new Model(size);
    this.pool = new Pool<number>({ size, onFree: () => this.freed++ });
  }

  checkout(choice: Choice): void {
    const { model, pool } = this;
    const expected = model.expected(choice);
    expect(pool.canCheckout(choice)).toBe(expected !== undefined);
    const slot = pool.checkout(choice);
    expect(slot === undefined ? undefined : (slot.item ?? 'nothing')).toBe(expected);
    if (slot === undefined) return;
    expect(model.lent.has(slot)).toBe(false); // no slot is lent twice
    const found = model.idle.find((one) => one.item === slot.item);
    model.idle = model.idle.filter((one) => one !== found);
    model.lent.set(slot, { dialling: false, ...(found ?? { fresh: false }) });
  }

  /** A step on the lent slot number `n`. When its state forbids the step the pool must refuse it and change nothing. */
  onLent(step: 'startDial' | 'fill' | 'clear' | 'markUsed' | 'release', n: number): void {
    const { model, pool } = this;
    const [slot, lent] = [...model.lent][n % model.lent.size] ?? [];
    if (slot === undefined || lent === undefined) return;
    switch (step) {
      case 'startDial':
        if (tried(!lent.dialling && lent.item === undefined, () => pool.startDial(slot))) lent.dialling = true;
        break;
      case 'fill':
        this.#items++;
        if (!tried(lent.dialling, () => pool.fill(slot, this.#items))) break;
        Object.assign(lent, { item: this.#items, fresh: true, dialling: false });
        break;
      case 'clear':
        if (tried(!lent.dialling, () => pool.clear(slot))) model.lent.set(slot, { dialling: false, fresh: false });
        break;
      case 'markUsed':
        if (tried(lent.item !== undefined, () => pool.markUsed(slot))) lent.fresh = false;
        break;
      case 'release':
        this.#release(slot, lent);
        break;
    }
  }

  #release(slot: Slot<number>, lent: Lent): void {
    const freed = this.freed;
    this.pool.release(slot);
    expect(this.freed).toBe(freed + 1);
    expect(() => this.pool.release(slot)).toThrow();
    this.model.lent.delete(slot);
    if (lent.item !== undefined) this.model.idle.push({ item: lent.item, fresh: lent.fresh });
  }

  evict(n: number): void {
    const slots = [...this.pool.idleSlots()];
    const slot = slots[n % slots.length];
    if (slot === undefined) return;
    const { item } = slot;
    this.pool.evict(slot);
    expect([item, slot.item]).toEqual([this.model.idle[n % slots.length]?.item, undefined]);
    this.model.idle = this.model.idle.filter((one) => one.item !== item);
  }

  async resize(size: number): Promise<void> {
    this.pool.resize(size);
    this.model.size = size;
    await new Promise((resolve) => setImmediate(resolve)); // until the ledger has made new slots
  }

  check(): void {
    const { counts, surplus } = this.pool;
    expect(counts).toEqual(this.model.counts);
    expect(surplus).toBe(Math.max(0, counts.idle + counts.dialling + counts.busy - counts.size));
    expect([...this.pool.idleSlots()].map((slot) => slot.item)).toEqual(this.model.idle.map((one) => one.item));
    for (const [slot, lent] of this.model.lent) {
      expect([slot.state, slot.item, slot.fresh]).toEqual([lent.dialling ? 'dialling' : 'busy', lent.item, lent.fresh]);
    }
  }
}

/** Does what is allowed; expects a refusal of what is not. */
function tried(allowed: boolean, act: () => void): boolean {
  if (allowed) act();
  else expect(act).toThrow();
  return allowed;
}

const number = fc.nat(20);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constant('checkout' as const), fc.constantFrom('recent', 'fresh', 'empty', 'coldest')),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.constantFrom('startDial', 'fill', 'clear', 'markUsed', 'release'), number),
  },
  // A whole life at once, so that histories get deep: dial, use, give back.
  { weight: 4, arbitrary: fc.tuple(fc.constant('live' as const), fc.boolean()) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('evict' as const), number) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('resize' as const), fc.integer({ min: 1, max: 8 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('turn' as const), number) },
);

test('every history leaves the pool as a plain model of it, and no slot is lent twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 80 }), async (size, steps) => {
      const run = new Run(size);
      await new Promise((resolve) => setImmediate(resolve));
      expect(run.freed).toBe(size);
      for (const [name, value] of steps) {
        switch (name) {
          case 'checkout':
            run.checkout(value);
            break;
          case 'evict':
            run.evict(value);
            break;
          case 'resize':
            await run.resize(value);
            break;
          case 'turn':
            await new Promise((resolve) => setImmediate(resolve));
            break;
          case 'live':
            live(run, value);
            break;
          default:
            run.onLent(name, value);
        }
        run.check();
      }
    }),
    { numRuns: 300 },
  );
});

/** Lends an empty slot, dials, uses or not, releases. */
function live(run: Run, used: boolean): void {
  const before = run.model.lent.size;
  run.checkout('empty');
  if (run.model.lent.size === before) return;
  run.onLent('startDial', before);
  run.onLent('fill', before);
  if (used) run.onLent('markUsed', before);
  run.onLent('release', before);
}
