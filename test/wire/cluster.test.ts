/**
 * Several real workers share a total of connections to one origin, while workers are killed and started and all of them
 * have more to do than connections. The count of open sockets is the origin's own.
 */

import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ConnectionSharing, shareConnections } from 'pooled-backend/cluster';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { bundled } from '../bundled.js';
import { canAskKernel, OpenSockets } from './open-sockets.js';

interface News {
  readonly answered: number;
  readonly failures: readonly string[];
  readonly refused?: string;
  readonly listeners?: number;
}

let program = '';
let sharing: ConnectionSharing;

beforeAll(async () => {
  program = await bundled('test/wire/cluster-worker.ts');
  sharing = shareConnections({ restartTimeout: 500 });
});

/** An origin that takes its time, so that its connections are busy. */
async function startOrigin() {
  const server = createServer((_req, res) => setTimeout(() => res.end('ok'), 5)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${port}`, sockets: new OpenSockets(server, port) };
}

/** A worker, and what it has said. */
class Hand {
  readonly worker: Worker;
  readonly refusals: string[] = [];
  answered = 0;
  failures: readonly string[] = [];
  listeners = 0;
  #hear = () => {};

  constructor(env: Record<string, string>) {
    cluster.setupPrimary({ exec: program, silent: true });
    this.worker = cluster.fork(env);
    this.worker.on('message', (message: News) => {
      if (typeof message.answered !== 'number') return;
      this.answered = message.answered;
      this.failures = message.failures;
      this.listeners = message.listeners ?? this.listeners;
      if (message.refused !== undefined) this.refusals.push(message.refused);
      this.#hear();
    });
    onTestFinished(() => this.kill());
  }

  /** Resolves once it has said what is asked for. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#hear = resolve;
      });
    }
  }

  /** Resolves when it has had so many answers more. */
  answers(count: number): Promise<void> {
    const wanted = this.answered + count;
    return this.until(() => this.answered >= wanted);
  }

  async kill(): Promise<void> {
    if (this.worker.isDead()) return;
    const gone = once(this.worker, 'exit');
    this.worker.process.kill('SIGKILL');
    await gone;
  }
}

const sharesOf = (origin: string) =>
  sharing
    .shares()
    .filter((one) => one.origin === origin)
    .map(({ share }) => share);

/** Resolves when the workers have these shares. `busy` is one that has something to tell meanwhile. */
async function untilShared(origin: string, shares: readonly number[], busy: Hand): Promise<void> {
  while (sharesOf(origin).toSorted().join() !== shares.join()) await busy.answers(20);
}

test.skipIf(!canAskKernel)(
  'four workers never have more connections open than the total, while some are killed and started',
  async () => {
    const { url, sockets } = await startOrigin();
    const start = () => new Hand({ ORIGIN: url, TOTAL: '8', LANES: '12' });
    const [first, second, ...others] = [start(), start(), start(), start()] as const;
    await Promise.all([first, second, ...others].map((hand) => hand.answers(40)));
    await untilShared(url, [2, 2, 2, 2], second);

    await first.kill();
    const successor = start();
    await successor.answers(40);
    await untilShared(url, [2, 2, 2, 2], successor);

    // Nobody comes in the place of this one, so the others grow.
    await second.kill();
    await untilShared(url, [2, 3, 3], successor);
    const left = [successor, ...others];
    await Promise.all(left.map((hand) => hand.answers(40)));

    // One more, for which the others have to close connections that are busy.
    const last = start();
    await untilShared(url, [2, 2, 2, 2], successor);
    await Promise.all([...left, last].map((hand) => hand.answers(40)));
    expect(sockets.most).toBe(8);
    expect([...left, last].flatMap(({ failures }) => failures)).toEqual([]);
  },
);

test.skipIf(!canAskKernel)(
  'a worker that there is no connection for is told so, and gets the next that is free',
  async () => {
    const { url, sockets } = await startOrigin();
    const start = () => new Hand({ ORIGIN: url, TOTAL: '2', LANES: '4' });
    const [first, second] = [start(), start()];
    await Promise.all([first.answers(20), second.answers(20)]);
    const third = start();
    await third.until(() => third.refusals.length > 0);
    expect(third.refusals[0]).toContain('a total of 2 connections leaves none for this process beside the 2');
    await first.kill();
    await third.until(() => third.answered > 0);
    expect([sockets.most, sharesOf(url)]).toEqual([2, [1, 1]]);
  },
);

test('a worker of many backends listens to its primary once, so that Node warns of no leak', async () => {
  const { url } = await startOrigin();
  const hand = new Hand({ ORIGIN: url, TOTAL: '24', LANES: '2', IDLE: '11' });
  await hand.answers(20);
  expect(hand.listeners).toBe(1);
});
