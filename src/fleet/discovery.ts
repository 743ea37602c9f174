/** Keeps the origins of a backend as its source gives them. A bad set changes nothing: the last good one stays. */

import { messageOf } from '../errors.js';
import type { Observer } from '../observe/observer.js';
import { isObject } from '../options/checks.js';
import type { OriginSet } from '../options.js';
import { type Clock, ProcessHold, type Timer } from '../time/clock.js';
import type { BackendOrigins } from './backend-origins.js';
import { type LookupOutcome, nextLookupMs } from './lookup-schedule.js';
import type { AskedSource, OriginSource, TellingSource } from './origin-source.js';

/** What a discovery needs of its backend. */
export interface DiscoverySetting {
  readonly clock: Clock;
  readonly observer: Observer;
  /** From 0 to below 1. */
  random(): number;
  readonly origins: Pick<BackendOrigins, 'replace' | 'names'>;
}

/** State of the search for origins. */
export interface DiscoveryStats {
  /** Where origins come from: the option `dns`, or `origins` as a function or as an async iterable. */
  readonly source: 'dns' | 'function' | 'iterable';
  /**
   * `looking`: a call or lookup is in progress. `waiting`: for the next one. `listening`: to the iterable. `ended`: the
   * iterable has ended. `closed`: the backend is.
   */
  readonly state: 'looking' | 'waiting' | 'listening' | 'ended' | 'closed';
  /** Valid lists received so far. */
  readonly sets: number;
  /** Number of origins in the last valid list, or in its `subset`. */
  readonly origins: number;
  /** Failures since the last valid list. */
  readonly failures: number;
  /** Failures so far. */
  readonly failed: number;
  /** Message of the last failure; `null` after a valid list. */
  readonly error: string | null;
  /** Milliseconds since the last valid list; `null` before the first. */
  readonly foundMsAgo: number | null;
  /** Milliseconds until the next call or lookup; `null` unless `waiting`. */
  readonly nextInMs: number | null;
}

type State =
  | { readonly name: 'looking' | 'listening' | 'ended' | 'closed' }
  | { readonly name: 'waiting'; readonly until: number };

/** A call that takes longer has failed. Milliseconds. */
const LONGEST_LOOK_MS = 30_000;

export class Discovery {
  readonly #source: OriginSource;
  readonly #setting: DiscoverySetting;
  readonly #hold = new ProcessHold();
  readonly #closed = new AbortController();
  readonly #first: Promise<void>;
  #endFirstWait: () => void = () => {};
  #state: State;
  #timer: Timer | undefined;
  #sets = 0;
  #foundAt = 0;
  #names = ''; // of the last good set
  #count = 0; // how many these are
  #failed = 0; // so far
  #failure: { readonly inARow: number; readonly error: unknown } | undefined; // since the last good set

  /** The first look begins a microtask later, so that the code that made the backend can listen to its events. */
  constructor(source: OriginSource, setting: DiscoverySetting) {
    this.#source = source;
    this.#setting = setting;
    this.#state = { name: source.kind === 'iterable' ? 'listening' : 'looking' };
    this.#first = new Promise((resolve) => {
      this.#endFirstWait = resolve;
    });
    queueMicrotask(() => {
      if (source.kind === 'iterable') void this.#listen(source);
      else void this.#look(source);
    });
  }

  /** Resolves when the first good set is here, or none will ever come. Keeps the process alive until then. */
  async ready(): Promise<void> {
    this.#hold.take();
    await this.#first;
    this.#hold.letGo();
  }

  get stats(): DiscoveryStats {
    const now = this.#setting.clock.now();
    return {
      source: this.#source.kind,
      state: this.#state.name,
      sets: this.#sets,
      origins: this.#count,
      failures: this.#failure?.inARow ?? 0,
      failed: this.#failed,
      error: this.#failure === undefined ? null : messageOf(this.#failure.error),
      foundMsAgo: this.#sets === 0 ? null : now - this.#foundAt,
      nextInMs: this.#state.name === 'waiting' ? Math.max(0, this.#state.until - now) : null,
    };
  }

  /** Ends the search. */
  close(): void {
    this.#state = { name: 'closed' };
    this.#timer?.cancel();
    this.#closed.abort();
    this.#endFirstWait();
    this.#hold.close();
  }

  get #isClosed(): boolean {
    return this.#state.name === 'closed';
  }

  // --- sources that are asked --------------------------------------------------------------------------------------------

  async #look(source: AskedSource): Promise<void> {
    if (this.#isClosed) return;
    this.#state = { name: 'looking' };
    const call = new AbortController();
    const abort = () => call.abort(this.#closed.signal.reason);
    this.#closed.signal.addEventListener('abort', abort);
    const { clock, random } = this.#setting;
    const limit = clock.after(LONGEST_LOOK_MS, () => {
      call.abort(new Error(`the origins were not found within ${LONGEST_LOOK_MS} ms`));
    });
    const outcome = await this.#outcomeOf(source, call.signal);
    limit.cancel();
    this.#closed.signal.removeEventListener('abort', abort);
    if (this.#isClosed) return;
    const waitMs = nextLookupMs(outcome, source.intervalMs, random());
    this.#state = { name: 'waiting', until: clock.now() + waitMs };
    this.#timer = clock.after(waitMs, () => void this.#look(source));
    if (outcome.name === 'failed') this.#tellFailure(waitMs);
  }

  async #outcomeOf(source: AskedSource, signal: AbortSignal): Promise<LookupOutcome> {
    try {
      const { set, keepMs } = await Promise.race([source.look(signal), abortOf(signal)]);
      this.#take(set);
      return { name: 'found', keepMs };
    } catch (error) {
      return { name: 'failed', inARow: this.#fail(error) };
    }
  }

  // --- a source that tells -----------------------------------------------------------------------------------------------

  async #listen({ sets }: TellingSource): Promise<void> {
    let iterator: AsyncIterator<OriginSet> | undefined;
    const stop = () => void returned(iterator).catch(() => {});
    try {
      iterator = sets[Symbol.asyncIterator]();
      this.#closed.signal.addEventListener('abort', stop);
      for (let next = await resultOf(iterator); !next.done && !this.#isClosed; next = await resultOf(iterator)) {
        this.#takeTold(next.value);
      }
      this.#tellEnd();
    } catch (error) {
      this.#fail(error);
      if (!this.#isClosed) this.#tellFailure(null);
    }
    this.#endFirstWait();
    if (!this.#isClosed) this.#state = { name: 'ended' };
  }

  #takeTold(set: OriginSet): void {
    try {
      this.#take(set);
    } catch (error) {
      this.#fail(error);
      this.#tellFailure(null);
    }
  }

  // --- what came of it ---------------------------------------------------------------------------------------------------

  #take(set: OriginSet): void {
    if (this.#isClosed) return;
    const { origins } = this.#setting;
    void origins.replace(set);
    const { names } = origins;
    const all = names.join(' ');
    const isNews = all !== this.#names || this.#failure !== undefined;
    this.#names = all;
    this.#count = names.length;
    this.#failure = undefined;
    this.#sets += 1;
    this.#foundAt = this.#setting.clock.now();
    this.#endFirstWait();
    const { observer } = this.#setting;
    if (isNews && observer.watches('discovered')) observer.emit('discovered', { origins: names });
  }

  #fail(error: unknown): number {
    this.#failed += 1;
    const inARow = (this.#failure?.inARow ?? 0) + 1;
    this.#failure = { inARow, error };
    return inARow;
  }

  /** The current origins stay for good: the iterable has ended. */
  #tellEnd(): void {
    const { observer, origins } = this.#setting;
    if (!this.#isClosed && observer.watches('discoveryEnded'))
      observer.emit('discoveryEnded', { origins: origins.names });
  }

  #tellFailure(retryInMs: number | null): void {
    const { observer } = this.#setting;
    if (this.#failure === undefined || !observer.watches('discoveryFailed')) return;
    const { inARow: failures, error } = this.#failure;
    observer.emit('discoveryFailed', { source: this.#source.kind, error, failures, retryInMs });
  }
}

/** As `for await` has it: what is no object has no `done`, and would be asked again without end, with no turn for anything else. */
async function resultOf(iterator: AsyncIterator<OriginSet>): Promise<IteratorResult<OriginSet>> {
  const result: unknown = await iterator.next();
  if (!isObject(result)) throw new TypeError(`next() of origins must give an object, got ${typeof result}`);
  return result as IteratorResult<OriginSet>;
}

/** `return()` is code of the owner, too: it may throw, or give no promise. */
async function returned(iterator: AsyncIterator<OriginSet> | undefined): Promise<void> {
  await iterator?.return?.();
}

/** Rejects when the signal is aborted. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
