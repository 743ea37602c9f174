/** Whatever clients, origins, networks and time do, and in whatever order, these things hold after each step. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkStats } from '../../src/testing/index.js';
import { type Caller, House, type HouseOptions, type Peer } from '../house.js';

const stepKinds = [
  ...['get', 'get', 'get', 'head', 'post', 'post', 'verified', 'any'],
  ...['answer', 'answer', 'answer', 'answer', 'answerAndClose', 'answer204', 'halfAHead'],
  ...['accept', 'accept', 'accept', 'accept', 'speakFirst', 'refuse'],
  ...['fin', 'reset', 'stray', 'hiddenFin', 'hiddenStray', 'read', 'refuseWrite'],
  ...['pass', 'pass', 'abort', 'goPause', 'goOn'],
] as const;

type StepKind = (typeof stepKinds)[number];

interface Step {
  readonly kind: StepKind;
  readonly n: number;
}

const step: fc.Arbitrary<Step> = fc.record({ kind: fc.constantFrom(...stepKinds), n: fc.nat(19) });

const LENGTHS_MS = [0, 1, 7, 30, 120, 600, 1_100, 2_600, 5_100, 61_000];

const plan: fc.Arbitrary<HouseOptions & { readonly asks: boolean }> = fc
  .record({
    count: fc.integer({ min: 1, max: 3 }),
    hasBackup: fc.boolean(),
    maxConnections: fc.integer({ min: 1, max: 4 }),
    fewer: fc.integer({ min: 0, max: 3 }),
    minConnections: fc.constantFrom(0, 0, 0, 1),
    spareConnections: fc.constantFrom(false as const, 1, 2),
    maxQueue: fc.constantFrom(3, 1_000),
    failures: fc.constantFrom(1, 2, 5),
    asks: fc.boolean(),
  })
  .map(({ count, hasBackup, maxConnections, fewer, failures, ...rest }) => ({
    ...rest,
    maxConnections,
    maxFreshConnections: Math.max(1, maxConnections - fewer),
    ejection: { failures },
    origins: Array.from({ length: count }, (_, index) => ({
      url: `http://${'abc'[index]}.test:80`,
      backup: hasBackup && count > 1 && index === count - 1,
    })),
  }));

class History {
  readonly house: House;
  readonly asks: boolean;

  constructor(house: House, asks: boolean) {
    this.house = house;
    this.asks = asks;
  }

  async take({ kind, n }: Step): Promise<void> {
    const { house } = this;
    const peers = house.peers.filter((peer) => !peer.closed);
    const owing = pick(
      peers.filter((peer) => peer.owes > 0),
      n,
    );
    const idle = pick(
      peers.filter((peer) => peer.owes === 0),
      n,
    );
    const dial = pick(house.dialling, n);
    switch (kind) {
      case 'get':
        house.send();
        break;
      case 'head':
        house.send({ method: 'HEAD' });
        break;
      case 'post':
      case 'any':
      case 'verified':
        house.send({ method: 'POST', body: 'x', nonIdempotent: kind === 'post' ? 'fresh' : kind });
        break;
      case 'answer':
      case 'answerAndClose':
      case 'answer204':
        this.#answer(owing, kind);
        break;
      case 'halfAHead':
        owing?.send('HTTP/1.1 200');
        owing?.fin();
        break;
      case 'accept':
      case 'speakFirst':
        if (dial !== undefined) house.peers.push(dial.open({ asks: this.asks, spokeFirst: kind === 'speakFirst' }));
        break;
      case 'refuse':
        dial?.refuse();
        break;
      case 'fin':
        pick(peers, n)?.fin();
        break;
      case 'reset':
        pick(peers, n)?.reset();
        break;
      case 'stray':
        idle?.send('HTTP/1.1 200 stray\r\nContent-Length: 3\r\n\r\nbad');
        break;
      case 'hiddenFin':
        idle?.hold();
        idle?.fin();
        break;
      case 'hiddenStray':
        if (!this.asks) break; // then the test would have to let it arrive within two turns
        idle?.hold();
        idle?.send('HTTP/1.1 200 stray\r\nContent-Length: 3\r\n\r\nbad');
        break;
      case 'read':
        for (const peer of peers) peer.letGo();
        break;
      case 'refuseWrite':
        idle?.near.refuseNextWrite();
        break;
      case 'pass':
        house.clock.advance(LENGTHS_MS[n % LENGTHS_MS.length] ?? 0);
        break;
      case 'abort':
        pick(
          house.callers.filter((caller) => !caller.over),
          n,
        )?.abort();
        break;
      case 'goPause':
        for (const caller of house.callers) caller.takes = false;
        break;
      case 'goOn':
        this.goOn();
        break;
    }
    await house.settle();
  }

  goOn(): void {
    for (const caller of this.house.callers) {
      caller.takes = true;
      if (!caller.over) caller.dispatch?.resume();
    }
  }

  #answer(peer: Peer | undefined, kind: 'answer' | 'answerAndClose' | 'answer204'): void {
    const line = peer?.requests.at(-1) ?? '';
    if (line.startsWith('HEAD') || kind === 'answer204') peer?.answer({ status: 204 });
    else peer?.answer({ body: line.split('/')[1] ?? '', close: kind === 'answerAndClose' });
  }

  /** Everything that is waited for comes: every request must end. */
  async comeToRest(): Promise<void> {
    const { house } = this;
    this.goOn();
    for (let round = 0; round < 200 && house.callers.some((caller) => !caller.over); round += 1) {
      for (const peer of house.peers) {
        peer.letGo();
        if (peer.owes > 0) this.#answer(peer, 'answer');
      }
      for (const dial of house.dialling) house.peers.push(dial.open({ asks: this.asks }));
      await house.settle();
      if (round % 10 === 9) await house.advance(100);
      this.check();
    }
  }

  check(): void {
    const { house } = this;
    checkStats(house.stats, { maxConnections: house.options.maxConnections });
    this.#checkSockets();
    this.#checkCallers();
    this.#checkWaiters();
  }

  /** The counts are those of the sockets that there are. */
  #checkSockets(): void {
    const { house } = this;
    const counted = house.stats.origins.map(({ origin, connections: { open, dialling } }) => [origin, open, dialling]);
    const found = house.stats.origins.map(({ origin }) => [
      origin,
      house.peers.filter((peer) => peer.origin === origin && !peer.near.destroyed).length,
      house.dialling.filter((dial) => dial.target.origin === origin).length,
    ]);
    expect(counted).toEqual(found);
    expect(house.peers.filter((peer) => peer.owes > 1)).toEqual([]);
  }

  #checkCallers(): void {
    const { house } = this;
    const lines = house.peers.flatMap((peer) => peer.requests);
    for (const caller of house.callers) {
      const number = caller.name.slice(1);
      const seen = lines.filter((line) => line.endsWith(` /${number}`));
      const most = seen[0]?.startsWith('POST') ? 1 : 2;
      if (seen.length > most) throw new Error(`${caller.name} was sent ${seen.length} times`);
      if (caller.endings > 1 || caller.late > 0) throw new Error(`${caller.name} ended ${caller.endings} times`);
      if (caller.body !== '' && !number.startsWith(caller.body)) throw new Error(`${caller.name} got ${caller.body}`);
      expect([...caller.contexts].filter((context) => context !== caller.name)).toEqual([]);
    }
    const waiting = house.callers.filter((caller) => !caller.over).length;
    expect(house.dispatcher.inFlight).toBe(waiting);
  }

  /** Nobody waits for what is there. */
  #checkWaiters(): void {
    const { house } = this;
    const { queue } = house;
    if (queue.length === 0) return;
    const dialling = house.dialling.length;
    const lanes = { any: queue.lengthOf('any'), verified: queue.lengthOf('verified'), fresh: queue.lengthOf('fresh') };
    for (const origin of house.origins) {
      if (house.origins.length > 1 && !this.serves(origin)) continue;
      const { idle, spare } = origin.counts;
      const seen = JSON.stringify([lanes, dialling, origin.counts]);
      const strict = lanes.verified + Math.min(lanes.fresh, origin.freshShareLeft);
      if (lanes.any > 0 && idle > 0) throw new Error(`a request waits beside an idle connection: ${seen}`);
      if (strict > 0 && spare > 0) throw new Error(`a request waits beside a spare: ${seen}`);
      if (lanes.any + strict > dialling && origin.canDial)
        throw new Error(`a request waits beside an empty slot: ${seen}`);
      if (strict > dialling && origin.canMakeRoom) throw new Error(`a request waits beside a slot to be made: ${seen}`);
    }
  }

  serves(origin: House['origins'][number]): boolean {
    if (origin.backoff.state.name !== 'ready' || origin.standing.state.name !== 'healthy') return false;
    return !origin.address.backup;
  }
}

function pick<T>(from: readonly T[], n: number): T | undefined {
  return from[n % from.length];
}

test('every request ends once, nothing is sent twice that must not be, and nobody waits for what is there', async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.array(step, { minLength: 1, maxLength: 60 }), async ({ asks, ...options }, steps) => {
      const house = new House(options);
      await house.settle();
      const history = new History(house, asks);
      for (const one of steps) {
        await history.take(one);
        history.check();
      }
      await history.comeToRest();
      expect(house.callers.filter((caller: Caller) => !caller.over).map((caller) => caller.name)).toEqual([]);
      house.checkAtRest();
      house.destroy();
      await house.settle();
      history.check();
    }),
    {
      numRuns: Number(process.env.RUNS ?? 200),
      ...(process.env.SEED !== undefined && { seed: Number(process.env.SEED) }),
    },
  );
}, 600_000);
