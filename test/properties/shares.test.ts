/** Whatever workers do, however late messages come and whoever dies: together they never hold more than the total. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ShareAllocator } from '../../src/fleet/share-allocator.js';
import { type HeldConnections, ShareHolder } from '../../src/fleet/share-holder.js';

/** A process with as many connections as it was allowed to open. */
class Worker implements HeldConnections {
  readonly holder = new ShareHolder(this, (answer) => this.outbox.push(answer));
  readonly inbox: { readonly share: number; readonly turn: number }[] = [];
  readonly outbox: { readonly turn: number; readonly held: number }[] = [];
  readonly id: string;
  limited = 0;
  idle = 0;
  busy = 0;

  constructor(id: string) {
    this.id = id;
  }

  get held(): number {
    return this.idle + this.busy;
  }

  limit(connections: number): void {
    this.limited = connections;
    this.idle = Math.max(0, Math.min(this.idle, connections - this.busy));
  }

  open(connections: number): void {
    this.busy += Math.max(0, Math.min(connections, this.limited - this.held));
  }

  finish(): void {
    if (this.busy === 0) return;
    this.busy -= 1;
    if (this.held < this.limited) this.idle += 1;
    else this.holder.closed();
  }
}

class Cluster {
  readonly total: number;
  readonly allocator = new ShareAllocator();
  readonly workers: Worker[] = [];
  readonly refused: Worker[] = [];
  readonly #dead: Worker[] = []; // of which the primary does not know yet
  #ids = 0;

  constructor(total: number) {
    this.total = total;
  }

  get held(): number {
    return this.workers.reduce((sum, { held }) => sum + held, 0);
  }

  /** What they could hold without another word from the primary. */
  get possible(): number {
    return this.workers.reduce((sum, { held, limited }) => sum + Math.max(held, limited), 0);
  }

  step([name, pick]: Step): void {
    if (name === 'join') this.#join();
    else if (name === 'hear of a death') this.#hearOfDeath();
    else if (name === 'give up') this.#giveUp();
    else if (name === 'expect') this.allocator.expect(pick);
    const worker = this.workers[pick % Math.max(1, this.workers.length)];
    if (worker === undefined) return;
    if (name === 'die') this.#die(worker);
    else if (name === 'open one') worker.open(1);
    else if (name === 'open all') worker.open(this.total);
    else if (name === 'finish') worker.finish();
    else if (name === 'tell a worker') this.#deliver(worker);
    else if (name === 'hear a worker') this.#hear(worker);
  }

  #giveUp(): void {
    this.allocator.giveUpVacancies();
    this.#tell();
  }

  #join(): void {
    this.#ids += 1;
    const worker = new Worker(String(this.#ids));
    if (this.allocator.join(worker.id, this.total)) this.workers.push(worker);
    else this.refused.push(worker);
    this.#tell();
  }

  #die(worker: Worker): void {
    this.workers.splice(this.workers.indexOf(worker), 1);
    this.#dead.push(worker);
  }

  #hearOfDeath(): void {
    const worker = this.#dead.shift();
    if (worker === undefined) return;
    for (const { turn, held } of worker.outbox) this.allocator.acknowledge(worker.id, turn, held);
    this.allocator.leave(worker.id);
    this.#tell();
  }

  #deliver(worker: Worker): void {
    const order = worker.inbox.shift();
    if (order !== undefined) worker.holder.ordered(order.share, order.turn);
  }

  #hear(worker: Worker): void {
    const answer = worker.outbox.shift();
    if (answer !== undefined) this.allocator.acknowledge(worker.id, answer.turn, answer.held);
    this.#tell();
  }

  #tell(): void {
    for (const { member, ...order } of this.allocator.takeOrders()) {
      this.workers.find(({ id }) => id === member)?.inbox.push(order);
    }
  }

  /** Every message arrives, every exchange ends, every vacancy is given up. */
  comeToRest(): void {
    for (let round = 0; round < 10 * this.total + 100; round += 1) {
      this.#hearOfDeath();
      this.#giveUp();
      for (const worker of this.workers) {
        worker.finish();
        this.#deliver(worker);
        this.#hear(worker);
      }
    }
  }
}

const NAMES = [
  ...(['join', 'die', 'hear of a death', 'give up', 'expect', 'open one', 'open all', 'finish'] as const),
  ...(['tell a worker', 'hear a worker'] as const),
];
type Step = readonly [(typeof NAMES)[number], number];

const step: fc.Arbitrary<Step> = fc.tuple(
  // Enough of what fills the workers: they are only of interest when they hold something.
  fc.constantFrom(...NAMES, 'join', 'open all', 'open all', 'tell a worker', 'tell a worker', 'hear a worker'),
  fc.nat(3),
);

const options = { numRuns: Number(process.env.RUNS ?? 500) };
const histories = [fc.integer({ min: 1, max: 20 }), fc.array(step, { minLength: 1, maxLength: 120 })] as const;

test('the connections of all workers are never more than the total, nor could they become more', () => {
  fc.assert(
    fc.property(...histories, (total, steps) => {
      const cluster = new Cluster(total);
      for (const one of steps) {
        cluster.step(one);
        expect(cluster.held).toBeLessThanOrEqual(total);
        expect(cluster.possible).toBeLessThanOrEqual(total);
      }
    }),
    options,
  );
});

test('at rest the total is shared out to the last connection, equally but for one, and nobody has none', () => {
  fc.assert(
    fc.property(...histories, (total, steps) => {
      const cluster = new Cluster(total);
      for (const one of steps) cluster.step(one);
      cluster.comeToRest();
      const limits = cluster.workers.map(({ limited }) => limited);
      if (limits.length === 0) return;
      expect(limits.reduce((sum, limit) => sum + limit, 0)).toBe(total);
      expect(Math.max(...limits) - Math.min(...limits)).toBeLessThanOrEqual(1);
      expect(Math.min(...limits)).toBeGreaterThanOrEqual(1);
    }),
    options,
  );
});

test('a worker is refused only while there are as many workers as connections', () => {
  fc.assert(
    fc.property(...histories, (total, steps) => {
      const cluster = new Cluster(total);
      for (const one of steps) {
        const [before, members] = [cluster.refused.length, cluster.allocator.size];
        cluster.step(one);
        if (cluster.refused.length > before) expect(members).toBe(total);
      }
    }),
    options,
  );
});
