/** The shares that one backend has in totals of connections: asked for, followed, and given back. */

import { randomUUID } from 'node:crypto';
import { BackendError } from '../errors.js';
import type { Observer } from '../observe/observer.js';
import type { ResolvedOrigin } from '../options.js';
import type { Origin } from '../origin/origin.js';
import type { Deadline, Deadlines } from '../time/deadlines.js';
import type { PrimaryChannel } from './primary-channel.js';
import { ShareHolder } from './share-holder.js';
import type { ShareReply } from './share-message.js';

/** How often the primary is asked: it may begin to share after its workers have asked. Milliseconds. */
const ASK_AGAIN_MS = 1_000;
/** Number of times it is asked again before the event `shareRefused` is emitted. */
const MOST_ASKS = 5;
const UNHEARD = 'the primary has not answered: it has to call shareConnections() of pooled-backend/cluster';

/** One origin whose connections are shared. */
interface Member {
  /** Another one each time that the origin joins: what was said before it left is about connections that others may have now. */
  readonly id: string;
  readonly origin: Origin;
  /** The options as the owner wants them, without a share. */
  wanted: ResolvedOrigin;
  readonly holder: ShareHolder;
  /** Whether the primary has given an order or a refusal. `none`: neither, though it was asked again and again. */
  answer: 'awaited' | 'none' | 'given';
  /** Why there is no share yet. */
  why: string;
  isWatched: boolean;
}

export class ConnectionShares {
  readonly #channel: PrimaryChannel;
  readonly #observer: Observer;
  readonly #name: string;
  readonly #members = new Map<string, Member>(); // by name of the origin
  readonly #askAgain: Deadline;
  #joined = 0; // how many times an origin has joined
  #asked = 0; // times in a row, since an origin joined
  #closed = false;
  #settled: (() => void)[] = [];
  #hearNoMore: (() => void) | undefined;

  /** `name` distinguishes this backend from the others of the process and of the cluster. */
  constructor(channel: PrimaryChannel, deadlines: Deadlines, observer: Observer, name: string = randomUUID()) {
    this.#channel = channel;
    this.#observer = observer;
    this.#name = name;
    this.#askAgain = deadlines.create(() => this.#ask());
  }

  /** The origin with its present share, if it needs one. */
  placed(wanted: ResolvedOrigin): ResolvedOrigin {
    const member = this.#members.get(wanted.origin);
    if (wanted.total === undefined || member === undefined) return wanted;
    member.wanted = wanted;
    return withShare(wanted, member.holder.share ?? 0);
  }

  /** Asks for a share, if the origin needs one. */
  join(origin: Origin): void {
    const wanted = origin.options;
    if (this.#closed || wanted.total === undefined || this.#members.has(wanted.origin)) return;
    this.#hearNoMore ??= this.#channel.listen((reply) => this.#heard(reply));
    const connections = {
      get held() {
        return heldBy(origin);
      },
      limit: (share: number) => void origin.configure(withShare(member.wanted, share)),
    };
    this.#joined += 1;
    const id = `${this.#name}/${this.#joined}`;
    const holder = new ShareHolder(connections, (answer) => {
      this.#channel.send({ pooledBackend: 'answer', member: id, origin: wanted.origin, ...answer });
    });
    const member: Member = { id, origin, wanted, holder, answer: 'awaited', why: UNHEARD, isWatched: false };
    this.#members.set(wanted.origin, member);
    this.#asked = 0;
    this.#askFor(member);
    if (!this.#askAgain.isSet) this.#askAgain.set(ASK_AGAIN_MS);
  }

  /** The origin is closed: its share may go to others. */
  leave(origin: string): void {
    const member = this.#members.get(origin);
    if (member === undefined) return;
    this.#members.delete(origin);
    this.#channel.send({ pooledBackend: 'leave', member: member.id, origin });
    this.#look();
  }

  /** Resolves when each origin has a share, or is known to get none soon. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#settled.push(resolve);
      this.#look();
    });
  }

  /** Every connection is closed, and there will be no other. */
  close(): void {
    this.#closed = true;
    for (const origin of this.#members.keys()) this.leave(origin);
    this.#askAgain.clear();
    this.#hearNoMore?.();
    this.#hearNoMore = undefined;
  }

  // --- asking --------------------------------------------------------------------------------------------------------

  #askFor({ id, wanted: { origin, total } }: Member): void {
    if (total !== undefined) this.#channel.send({ pooledBackend: 'ask', member: id, origin, total });
  }

  #ask(): void {
    const unanswered = [...this.#members.values()].filter(({ answer }) => answer !== 'given');
    if (unanswered.length === 0) return;
    for (const member of unanswered) this.#askFor(member);
    this.#askAgain.set(ASK_AGAIN_MS);
    this.#asked += 1;
    if (this.#asked < MOST_ASKS) return;
    for (const member of unanswered) this.#giveUpOn(member);
    this.#look();
  }

  #giveUpOn(member: Member): void {
    if (member.answer !== 'awaited') return;
    member.answer = 'none';
    this.#tellRefused(member, member.why);
  }

  #look(): void {
    if ([...this.#members.values()].some(({ answer }) => answer === 'awaited')) return;
    for (const resolve of this.#settled.splice(0)) resolve();
  }

  // --- answers -------------------------------------------------------------------------------------------------------

  #heard(reply: ShareReply): void {
    const member = this.#members.get(reply.origin);
    if (member === undefined || reply.member !== member.id) return;
    if (reply.pooledBackend !== 'later') member.answer = 'given';
    switch (reply.pooledBackend) {
      case 'order':
        member.holder.ordered(reply.share, reply.turn);
        this.#tellShare(member, reply.share);
        void this.#watch(member);
        break;
      case 'later':
        member.why = `the ${reply.members} that share the total of ${reply.total} have not closed one for this process yet`;
        break;
      case 'refusal':
        this.#tellRefused(
          member,
          `a total of ${reply.total} connections leaves none for this process beside the ${reply.members} that have one or more`,
        );
        break;
    }
    this.#look();
  }

  /** Tells the primary each time that a connection above the share has closed. */
  async #watch(member: Member): Promise<void> {
    if (member.isWatched) return;
    member.isWatched = true;
    const { origin, holder } = member;
    while (holder.state === 'shrinking') {
      const held = heldBy(origin);
      await origin.service.until(() => heldBy(origin) < held || holder.state !== 'shrinking');
      holder.closed();
    }
    member.isWatched = false;
  }

  #tellShare({ wanted }: Member, share: number): void {
    const { origin, total = 0 } = wanted;
    if (this.#observer.watches('shareChanged')) this.#observer.emit('shareChanged', { origin, share, total });
  }

  #tellRefused({ wanted: { origin } }: Member, why: string): void {
    if (!this.#observer.watches('shareRefused')) return;
    const message = `no share of the connections to ${origin}: ${why}`;
    const error = new BackendError('proxy_configuration_error', message, { origin });
    this.#observer.emit('shareRefused', { origin, error });
  }
}

/** Sockets that are open, or may be in a moment. */
function heldBy({ counts, checks }: Origin): number {
  return counts.busy + counts.idle + counts.dialling + checks.slots;
}

function withShare(wanted: ResolvedOrigin, share: number): ResolvedOrigin {
  return Object.freeze({
    ...wanted,
    maxConnections: share,
    maxFreshConnections: Math.min(wanted.maxFreshConnections, share),
  });
}
