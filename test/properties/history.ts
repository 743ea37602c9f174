/** Histories of a backend in memory: steps of clients, origins, networks and time, and what must hold after each step. */

import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect } from 'vitest';
import { StreamBody } from '../../src/body/stream-body.js';
import type { OptionChanges } from '../../src/options.js';
import type { Travel } from '../../src/origin/travel.js';
import { checkStats } from '../../src/testing/index.js';
import type { MemoryBackend, MemoryBackendOptions, Peer } from '../memory-backend.js';
import { checkService } from '../origin-service.js';

const stepKinds = [
  ...['get', 'get', 'get', 'head', 'post', 'post', 'verified', 'any', 'upload', 'give', 'bound', 'bound', 'boundPost'],
  ...['answer', 'answer', 'answer', 'answer', 'answerAndClose', 'answer204', 'answer503', 'halfAHead', 'halfABody'],
  ...['accept', 'accept', 'accept', 'accept', 'speakFirst', 'refuse'],
  ...['fin', 'reset', 'stray', 'hiddenFin', 'hiddenStray', 'read', 'refuseWrite'],
  ...['pass', 'pass', 'abort', 'goPause', 'goOn'],
  ...['drain', 'backInService', 'remove', 'add', 'reweigh', 'resize', 'update', 'update'],
] as const;

type StepKind = (typeof stepKinds)[number];

export interface Step {
  readonly kind: StepKind;
  readonly n: number;
  /** Whether it happens in the same turn of the event loop as the next step. Default false. */
  readonly together?: boolean;
}

const apart = fc.record({ kind: fc.constantFrom(...stepKinds), n: fc.nat(19) });

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: apart },
  { weight: 1, arbitrary: apart.map((one) => ({ ...one, together: true })) },
);

const LENGTHS_MS = [0, 1, 7, 30, 120, 600, 1_100, 2_600, 5_100, 61_000];

const MOST_CONNECTIONS = 4;

/** Changes that the owner may make at run time. */
const UPDATES: readonly OptionChanges[] = [
  ...[1, 2, MOST_CONNECTIONS].map((most) => ({ maxConnections: most, maxFreshConnections: most })),
  ...[{ minConnections: 1 }, { minConnections: 0 }, { spareConnections: 2 }, { spareConnections: false } as const],
  ...[
    { maxQueue: 2 },
    { maxQueue: 1_000 },
    { maxDialling: 1 },
    { maxDialling: 4 },
    { maxAttempts: 1 },
    { maxAttempts: 3 },
  ],
  ...[{ maxRequestsPerConnection: 1 }, { maxRequestsPerConnection: Number.POSITIVE_INFINITY }],
  ...[{ keepAliveTimeout: 600 }, { keepAliveTimeout: 60_000 }, { retryOn: [] }, { retryOn: [503] as const }],
];

const HASH = { type: 'hash', key: 'path', load: 1 } as const;

export type Plan = MemoryBackendOptions & { readonly asks: boolean };

export const plan: fc.Arbitrary<Plan> = fc
  .record({
    count: fc.integer({ min: 1, max: 3 }),
    hasBackup: fc.boolean(),
    maxConnections: fc.integer({ min: 1, max: MOST_CONNECTIONS }),
    fewer: fc.integer({ min: 0, max: 3 }),
    minConnections: fc.constantFrom(0, 0, 0, 1),
    spareConnections: fc.constantFrom(false as const, 1, 2),
    maxQueue: fc.constantFrom(3, 1_000),
    failures: fc.constantFrom(1, 2, 5),
    maxDialling: fc.constantFrom(Number.POSITIVE_INFINITY, 1, 2),
    sticky: fc.constantFrom(false as const, { cookie: 'at' }),
    adaptiveConcurrency: fc.constantFrom(false as const, false as const, { min: 1, window: 1_000 }),
    slowStart: fc.constantFrom(false as const, false as const, 2_000),
    asks: fc.boolean(),
    scheme: fc.constantFrom('http', 'http', 'https'),
    balance: fc.constantFrom(
      'least-busy' as const,
      'round-robin' as const,
      'two-choices' as const,
      'first' as const,
      HASH,
    ),
  })
  .map(({ count, hasBackup, maxConnections, fewer, failures, scheme, ...rest }) => ({
    ...rest,
    maxConnections,
    maxFreshConnections: Math.max(1, maxConnections - fewer),
    ejection: { failures },
    retryOn: [503],
    origins: Array.from({ length: count }, (_, index) => ({
      url: `${scheme}://${'abc'[index]}.test:80`,
      backup: hasBackup && count > 1 && index === count - 1,
    })),
  }));

export class History {
  readonly backend: MemoryBackend;
  readonly asks: boolean;
  readonly uploads = new Set<PassThrough>();
  /** How often each request was answered with 503. */
  readonly refused = new Map<string, number>();
  /** Whether requests may be on their way to peers that have not received them. What such a peer sends now would count as the answer. */
  #hasUnheard = false;
  #mostAllowed = 0; // the largest limit of an origin so far

  constructor(backend: MemoryBackend, asks: boolean) {
    this.backend = backend;
    this.asks = asks;
  }

  async take({ kind, n, together = false }: Step): Promise<void> {
    const { backend } = this;
    const peers = backend.peers.filter((peer) => !peer.closed);
    const owing = pick(
      peers.filter((peer) => peer.owes > 0),
      n,
    );
    const idle = pick(
      peers.filter((peer) => peer.owes === 0),
      n,
    );
    const dial = pick(backend.dialling, n);
    switch (kind) {
      case 'get':
        backend.send();
        break;
      case 'bound':
        backend.send({ boundTo: this.#home(n) });
        break;
      case 'boundPost':
        backend.send({ method: 'POST', body: 'x', boundTo: this.#home(n) });
        break;
      case 'head':
        backend.send({ method: 'HEAD' });
        break;
      case 'post':
      case 'any':
      case 'verified':
        backend.send({ method: 'POST', body: 'x', nonIdempotent: kind === 'post' ? 'fresh' : kind });
        break;
      case 'upload':
        this.#upload(n);
        break;
      case 'give':
        pick([...this.uploads], n)?.write('y');
        break;
      case 'answer503':
        if (isGet(owing)) this.#answer503(owing, n % 3);
        break;
      case 'halfABody':
        if (isGet(owing)) owing?.answerHead(numberOf(owing).length);
        break;
      case 'answer':
      case 'answerAndClose':
      case 'answer204':
        this.#answer(owing, kind);
        break;
      case 'halfAHead':
        if (owing?.isInBody === false) owing.send('HTTP/1.1 200');
        owing?.fin();
        break;
      case 'accept':
      case 'speakFirst':
        if (dial !== undefined) backend.peers.push(dial.open({ asks: this.asks, spokeFirst: kind === 'speakFirst' }));
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
        if (!this.#hasUnheard) idle?.send('HTTP/1.1 200 stray\r\nContent-Length: 3\r\n\r\nbad');
        break;
      case 'hiddenFin':
        idle?.hold();
        idle?.fin();
        break;
      case 'hiddenStray':
        // If the kernel cannot be asked, the backend waits two turns instead, in which the bytes would arrive.
        if (this.#hasUnheard || !this.asks || idle?.origin.startsWith('https') === true) break;
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
        backend.clock.advance(LENGTHS_MS[n % LENGTHS_MS.length] ?? 0);
        break;
      case 'abort':
        pick(
          backend.callers.filter((caller) => !caller.over),
          n,
        )?.abort();
        break;
      case 'goPause':
        for (const caller of backend.callers) caller.takes = false;
        break;
      case 'goOn':
        this.goOn();
        break;
      case 'drain':
      case 'backInService':
      case 'remove':
      case 'add':
      case 'reweigh':
      case 'resize':
        this.#change(kind, n);
        break;
      case 'update':
        void backend.update(UPDATES[n % UPDATES.length] ?? {});
        break;
    }
    if (!together) await backend.settle();
    this.#hasUnheard = together;
  }

  /** The origin of a sticky session: one of the plan, which may be removed. */
  #home(n: number): string | undefined {
    return pick(this.backend.options.origins, n)?.origin;
  }

  /** The owner changes the origins, by the names of the plan. */
  #change(kind: 'drain' | 'backInService' | 'remove' | 'add' | 'reweigh' | 'resize', n: number): void {
    const { fleet, options } = this.backend;
    const url = pick(fleet.names, n);
    const missing = options.origins.filter(({ origin }) => !fleet.names.includes(origin));
    if (kind === 'add')
      // A listener of the last one may have added it.
      for (const { origin, backup } of missing) if (!fleet.names.includes(origin)) fleet.add({ url: origin, backup });
    if (url === undefined) return;
    if (kind === 'drain') void fleet.drain(url);
    else if (kind === 'backInService') fleet.ready(url);
    else if (kind === 'remove') void fleet.remove(url);
    else if (kind === 'reweigh') fleet.setWeight(url, n % 3);
    else if (kind === 'resize') {
      const set = fleet.names.map((name) =>
        name === url ? { url, maxConnections: 1 + (n % this.backend.maxConnections) } : name,
      );
      void fleet.replace(set);
    }
  }

  #upload(n: number): void {
    const source = new PassThrough();
    this.uploads.add(source);
    source.on('end', () => this.uploads.delete(source));
    const body = new StreamBody(source, { length: undefined, replayBytes: 2 });
    this.backend.send({ method: n % 2 === 0 ? 'PUT' : 'POST', body });
  }

  goOn(): void {
    for (const caller of this.backend.callers) {
      caller.takes = true;
      if (!caller.over) caller.dispatch?.resume();
    }
  }

  #answer(peer: Peer | undefined, kind: 'answer' | 'answerAndClose' | 'answer204'): void {
    const line = peer?.requests.at(-1) ?? '';
    if (line.startsWith('HEAD') || kind === 'answer204') peer?.answer({ status: 204, body: numberOf(peer) });
    else peer?.answer({ body: numberOf(peer), close: kind === 'answerAndClose' });
  }

  #answer503(peer: Peer | undefined, retryAfter: number): void {
    if (peer === undefined) return;
    const number = numberOf(peer);
    this.refused.set(number, (this.refused.get(number) ?? 0) + 1);
    peer.answer({ status: 503, fields: [`Retry-After: ${retryAfter}`], body: number });
  }

  /** Everything that requests wait for happens, so every request must end. */
  async comeToRest(): Promise<void> {
    const { backend } = this;
    await backend.settle();
    this.goOn();
    this.#change('add', 0);
    for (const url of backend.fleet.names) {
      backend.fleet.ready(url);
      backend.fleet.setWeight(url, 1);
    }
    for (const source of this.uploads) source.end();
    for (let round = 0; round < 200 && backend.callers.some((caller) => !caller.over); round += 1) {
      for (const peer of backend.peers) {
        peer.letGo();
        if (peer.owes > 0) this.#answer(peer, 'answer');
      }
      for (const dial of backend.dialling) backend.peers.push(dial.open({ asks: this.asks }));
      await backend.settle();
      if (round % 10 === 9) await backend.advance(100);
      this.check();
    }
    await backend.advance(1_000); // the longest time for which the rest of an aborted response is read
  }

  /** Those who dial get through, so that no connection is on its way any more. */
  async endDials(): Promise<void> {
    const { backend } = this;
    for (let round = 0; round < 100 && backend.dialling.length > 0; round += 1) {
      for (const dial of backend.dialling) backend.peers.push(dial.open({ asks: this.asks }));
      await backend.settle();
    }
  }

  check(): void {
    const { backend } = this;
    this.#mostAllowed = Math.max(this.#mostAllowed, backend.maxConnections);
    checkStats(backend.stats, { maxConnections: this.#mostAllowed });
    for (const origin of backend.origins) checkService(origin);
    this.#checkSockets();
    this.#checkCallers();
    this.#checkWaiters();
  }

  /** The counts must be those of the actual sockets. */
  #checkSockets(): void {
    const { backend } = this;
    const counted = backend.stats.origins.map(({ origin, connections: { open, dialling } }) => [
      origin,
      open,
      dialling,
    ]);
    const found = backend.stats.origins.map(({ origin }) => [
      origin,
      backend.peers.filter((peer) => peer.origin === origin && !peer.near.destroyed).length,
      backend.dialling.filter((dial) => dial.target.origin === origin).length,
    ]);
    expect(counted).toEqual(found);
    expect(backend.peers.filter((peer) => peer.owes > 1)).toEqual([]);
  }

  #checkCallers(): void {
    const { backend } = this;
    const lines = backend.peers.flatMap((peer) => peer.requests);
    for (const caller of backend.callers) {
      const number = caller.name.slice(1);
      const seen = lines.filter((line) => line.endsWith(` /${number}`));
      const most = seen[0]?.startsWith('POST') ? 1 : Math.min(3, 2 + (this.refused.get(number) ?? 0));
      if (seen.length > most) throw new Error(`${caller.name} was sent ${seen.length} times`);
      if (caller.endings > 1 || caller.late > 0) throw new Error(`${caller.name} ended ${caller.endings} times`);
      if (caller.body !== '' && !number.startsWith(caller.body)) throw new Error(`${caller.name} got ${caller.body}`);
      expect([...caller.contexts].filter((context) => context !== caller.name)).toEqual([]);
    }
    const waiting = backend.callers.filter((caller) => !caller.over).length;
    expect(backend.dispatcher.inFlight).toBe(waiting);
  }

  /** No request may wait for something that is there. */
  #checkWaiters(): void {
    const { backend } = this;
    if (backend.queue.length === 0) return;
    this.#checkBound();
    const dialling = backend.dialling.length;
    for (const origin of backend.origins) {
      if (!origin.takesNew || (backend.origins.length > 1 && !this.serves(origin))) continue;
      const { idle, spare } = origin.counts;
      const waiting = (travel: Travel) => backend.waitingFor(origin, travel);
      const lanes = {
        ...{ any: waiting('any'), verified: waiting('verified') },
        ...{ fresh: waiting('fresh'), resent: waiting('resent') },
      };
      const seen = JSON.stringify([lanes, dialling, origin.counts]);
      const strict = lanes.verified + lanes.resent + Math.min(lanes.fresh, origin.freshShareLeft);
      if (!origin.concurrency.mayBegin()) continue;
      if (lanes.any > 0 && idle > 0) throw new Error(`a request waits beside an idle connection: ${seen}`);
      if (strict > 0 && spare > 0) throw new Error(`a request waits beside a spare: ${seen}`);
      if (lanes.any + strict > dialling && origin.canDial)
        throw new Error(`a request waits beside an empty slot: ${seen}`);
      if (strict > dialling && origin.canMakeRoom) throw new Error(`a request waits beside a slot to be made: ${seen}`);
    }
  }

  /** A request that waits for one origin must have a dial of its own, or there is no room for one. */
  #checkBound(): void {
    const { queue, origins } = this.backend;
    const at = (origin: MemoryBackend['origins'][number], travel: Travel) =>
      queue.peekAt(origin, { any: false, verified: false, fresh: false, resent: false, [travel]: true }) !== undefined;
    for (const origin of origins) {
      const { idle, spare } = origin.counts;
      const mayTravelFresh = at(origin, 'resent') || (at(origin, 'fresh') && origin.freshShareLeft > 0);
      const seen = JSON.stringify([origin.counts, origin.freshShareLeft]);
      if (!origin.concurrency.mayBegin()) continue;
      if (at(origin, 'any') && idle > 0) throw new Error(`a session waits beside an idle connection: ${seen}`);
      if ((mayTravelFresh || at(origin, 'verified')) && spare > 0)
        throw new Error(`a session waits beside a spare: ${seen}`);
      if ((at(origin, 'any') || at(origin, 'verified') || mayTravelFresh) && origin.canDial)
        throw new Error(`a session waits beside an empty slot: ${seen}`);
      if ((at(origin, 'verified') || mayTravelFresh) && origin.canMakeRoom)
        throw new Error(`a session waits beside a slot to be made: ${seen}`);
    }
  }

  serves(origin: MemoryBackend['origins'][number]): boolean {
    if (origin.backoff.state.name !== 'ready' || origin.standing.state.name !== 'healthy') return false;
    return !origin.options.backup && origin.standing.share === 1;
  }
}

function isGet(peer: Peer | undefined): boolean {
  return peer?.requests.at(-1)?.startsWith('GET') === true;
}

/** The number of the last request that the peer received. */
function numberOf(peer: Peer | undefined): string {
  return peer?.requests.at(-1)?.split('/')[1] ?? '';
}

function pick<T>(from: readonly T[], n: number): T | undefined {
  return from[n % from.length];
}
