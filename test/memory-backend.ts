/** A whole backend in memory: the real dispatcher, origins and connections. The test controls time and peers. */

import { EventEmitter } from 'node:events';
import { onTestFinished } from 'vitest';
import { assemble, type Ground } from '../src/assembly.js';
import { MemoryBody } from '../src/body/memory-body.js';
import type { ReplayBody } from '../src/body/replay-body.js';
import type { StartDial } from '../src/connection/dial.js';
import type { Dispatcher } from '../src/dispatch/dispatcher.js';
import type { WaitQueue } from '../src/dispatch/queue/wait-queue.js';
import type { OutgoingRequest } from '../src/dispatch/request.js';
import type { Run } from '../src/dispatch/run.js';
import type { BackendOrigins } from '../src/fleet/backend-origins.js';
import type { ConnectionShares } from '../src/fleet/connection-shares.js';
import { MountedBackend } from '../src/mount/mounted-backend.js';
import type { BackendEvents, EventName } from '../src/observe/events.js';
import { LEVELS } from '../src/observe/observer.js';
import { mostConnections } from '../src/options/connections.js';
import {
  changedOptions,
  completeOptions,
  type OptionChanges,
  type OptionSection,
  type PooledBackendOptions,
  type RequestTimeouts,
  type ResolvedOptions,
  readOptions,
} from '../src/options.js';
import type { Origin } from '../src/origin/origin.js';
import type { OriginSetting } from '../src/origin/setting.js';
import type { Travel } from '../src/origin/travel.js';
import { type BackendStats, type OriginStats, takeStats } from '../src/stats.js';
import { checkStats, ManualClock } from '../src/testing/index.js';
import { Deadlines } from '../src/time/deadlines.js';
import { Caller, requester } from './caller.js';
import { MemoryDial, type Peer } from './peers.js';

/** Events without a listener. Listeners of attempts change the way of requests, and a backend emits no `updated` and no `close`. */
const UNHEARD: ReadonlySet<EventName> = new Set<EventName>(['wait', 'attempt', 'attemptEnd', 'updated', 'close']);

export { type Caller, requester } from './caller.js';
export type { MemoryDial, Peer, PeerAnswer } from './peers.js';

export interface Sending extends Partial<Omit<OutgoingRequest, 'timeouts' | 'body'>>, Partial<RequestTimeouts> {
  readonly body?: string | ReplayBody;
}

export interface MemoryBackendOptions
  extends Omit<PooledBackendOptions, 'origins'>,
    Partial<Omit<Ground, 'clock' | 'emitter' | 'name'>> {
  readonly origins?: PooledBackendOptions['origins'];
  readonly clock?: ManualClock;
}

/** The first request has the path `/1`, the next one `/2`, and so on, so that peers can tell them apart. */
export class MemoryBackend {
  readonly clock: ManualClock;
  readonly deadlines: Deadlines;
  readonly emitter = new EventEmitter<BackendEvents>();
  readonly events: [EventName, object][] = [];
  readonly queue: WaitQueue<Run>;
  readonly dispatcher: Dispatcher;
  readonly fleet: BackendOrigins;
  readonly shares: ConnectionShares;
  /** Every dial so far, oldest first. */
  readonly dials: MemoryDial[] = [];
  readonly peers: Peer[] = [];
  readonly callers: Caller[] = [];
  #given: OptionSection;
  readonly #setting: OriginSetting & { options: ResolvedOptions };

  /** The random numbers are always 0.5, and each dial waits in `dials` for the test, unless it is given something else. */
  constructor({ clock = new ManualClock(), deadlines = new Deadlines(clock), ...given }: MemoryBackendOptions = {}) {
    const { random = () => 0.5, startDial = this.#startDial, channel, createOrigin, ...options } = given;
    this.clock = clock;
    this.deadlines = deadlines;
    const { origins = ['http://a.test:80'] } = options;
    this.#given = readOptions({ ...options, origins });
    const ground = { clock, deadlines, random, startDial, channel, createOrigin };
    const own = { emitter: this.#recorder(), name: 'backend' };
    const parts = assemble(this.#given, completeOptions(this.#given), { ...ground, ...own });
    this.#setting = parts.setting;
    this.dispatcher = parts.dispatcher;
    this.queue = this.dispatcher.queue;
    this.shares = parts.shares;
    this.fleet = parts.origins;
  }

  /** A backend whose slots are made. It is destroyed with the test. */
  static async open(options: MemoryBackendOptions = {}): Promise<MemoryBackend> {
    const backend = new MemoryBackend(options);
    onTestFinished(() => backend.destroy());
    await backend.settle();
    return backend;
  }

  get options(): ResolvedOptions {
    return this.#setting.options;
  }

  /** All origins, also those that are leaving. */
  get origins(): readonly Origin[] {
    return this.dispatcher.origins;
  }

  /** Changes options as `backend.update()` does, except the origins and the balancer. */
  update(changes: OptionChanges): Promise<void> {
    const { given, options } = changedOptions(this.#given, changes);
    this.#given = given;
    this.#setting.options = options;
    const settled = this.fleet.reconsider();
    this.dispatcher.configure(undefined);
    return settled;
  }

  // --- requests ------------------------------------------------------------------------------------------------------

  /** `to`: the place that it was expected at. */
  send({ body, ...given }: Sending = {}, to: Pick<Dispatcher, 'dispatch'> = this.dispatcher): Caller {
    const number = this.callers.length + 1;
    const caller = new Caller(`r${number}`);
    this.callers.push(caller);
    const { queueTimeout, sendTimeout, headersTimeout, bodyTimeout, requestTimeout } = { ...this.options, ...given };
    const request: OutgoingRequest = {
      method: 'GET',
      path: `/${number}`,
      fields: [],
      host: undefined,
      body: typeof body === 'string' ? new MemoryBody(Buffer.from(body)) : body,
      idempotent: undefined,
      nonIdempotent: this.options.nonIdempotent,
      acceptsTrailers: false,
      ...given,
      timeouts: { queueTimeout, sendTimeout, headersTimeout, bodyTimeout, requestTimeout },
    };
    caller.dispatch = requester.run(caller.name, () => to.dispatch(request, caller));
    return caller;
  }

  /** Sends a request, and waits for everything that follows without time passing. */
  async sent(sending: Sending = {}): Promise<Caller> {
    const caller = this.send(sending);
    await this.settle();
    return caller;
  }

  post(sending: Sending = {}): Promise<Caller> {
    return this.sent({ method: 'POST', body: 'x', ...sending });
  }

  // --- peers ---------------------------------------------------------------------------------------------------------

  get dialling(): MemoryDial[] {
    return this.dials.filter((dial) => dial.state === 'dialling');
  }

  /** Opens the oldest dial. */
  async accept(how: { readonly spokeFirst?: boolean; readonly asks?: boolean } = {}): Promise<Peer> {
    const [dial] = this.dialling;
    if (dial === undefined) throw new Error('nobody dials');
    const peer = dial.open(how);
    this.peers.push(peer);
    await this.settle();
    return peer;
  }

  async refuse(code?: string): Promise<void> {
    const [dial] = this.dialling;
    if (dial === undefined) throw new Error('nobody dials');
    dial.refuse(code);
    await this.settle();
  }

  /** Makes an idle connection that has carried `exchanges` GETs. */
  async idle(exchanges = 1): Promise<Peer> {
    const callers = [await this.sent()];
    const peer = await this.accept();
    for (;;) {
      peer.answer();
      await this.settle();
      if (callers.length === exchanges) return peer;
      callers.push(await this.sent());
    }
  }

  /** The last peer that received this request. */
  peerOf(caller: Caller): Peer | undefined {
    const number = caller.name.slice(1);
    return this.peers.findLast((peer) => peer.requests.some((line) => line.endsWith(`/${number}`)));
  }

  /** How many waiting requests a connection of this origin could serve, without those that are bound to it. */
  waitingFor(origin: Origin, travel: Travel): number {
    const { queue } = this;
    const { apart } = queue;
    const lines = apart.avoided.filter((avoids) => !avoids.includes(origin)).map((avoids) => apart.lineOf(avoids));
    return lines.reduce((sum, line) => sum + line.lengthOf(travel), queue.commonLengthOf(travel));
  }

  // --- time and counts -----------------------------------------------------------------------------------------------

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.clock.advance(0);
    }
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  get stats(): BackendStats {
    const { dispatcher: dispatching, options, deadlines } = this;
    const fleet = { origins: () => options.origins, names: () => this.fleet.names };
    return takeStats(this.dispatcher, new MountedBackend(options, dispatching, deadlines, fleet));
  }

  /** The counts of the origin with this number. */
  originStats(index = 0): OriginStats {
    const stats = this.stats.origins[index];
    if (stats === undefined) throw new Error(`no origin ${index}`);
    return stats;
  }

  origin(index = 0): Origin {
    const origin = this.origins[index];
    if (origin === undefined) throw new Error(`no origin ${index}`);
    return origin;
  }

  eventsOf(name: EventName): object[] {
    return this.events.filter(([one]) => one === name).map(([, details]) => details);
  }

  /** The largest limit of its origins. */
  get maxConnections(): number {
    const own = this.origins.map(({ options }) => options.maxConnections);
    return Math.max(mostConnections(this.options.maxConnections), ...own);
  }

  /** @throws Error unless the counts say that nothing is in progress */
  checkAtRest(): void {
    const { stats } = this;
    checkStats(stats, { atRest: true, maxConnections: this.maxConnections });
    if (stats.inFlight > 0) throw new Error(`${stats.inFlight} requests in flight at rest`);
  }

  destroy(error?: Error): void {
    this.dispatcher.close(error);
    for (const origin of this.origins) origin.close('destroyed');
    this.shares.close();
  }

  readonly #startDial: StartDial = (target, _session, deadlines, listener) => {
    const dial = new MemoryDial(target, deadlines, listener);
    this.dials.push(dial);
    return dial;
  };

  #recorder(): EventEmitter<BackendEvents> {
    const { emitter } = this;
    const names = (Object.keys(LEVELS) as EventName[]).filter((name) => !UNHEARD.has(name));
    for (const name of names) emitter.on(name, (details: object) => this.events.push([name, details]));
    return emitter;
  }
}
