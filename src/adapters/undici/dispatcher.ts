/** A `Dispatcher` of undici that sends its requests over a backend. */

import { PooledBackend, type PooledBackendOptions } from 'pooled-backend';
import { Dispatcher, errors } from 'undici';
import { DispatchedRequest } from './dispatched-request.js';
import { undiciError } from './errors.js';
import { type Handler, refuse } from './handler.js';
import { backendRequest, type DispatchOptions } from './request.js';

/** Which requests the dispatcher sends to the backend. */
export interface BackendDispatcherOptions {
  /**
   * Additional origins in request URLs that stand for the backend, such as `['http://orders.internal']`. These requests
   * may go to any origin of the backend, with the Host of their URL.
   *
   * @default []
   */
  readonly names?: readonly string[] | undefined;
  /**
   * What to do with requests for any other origin: `'refuse'` fails them with an `InvalidArgumentError`; another
   * dispatcher handles them, and is not closed with this one.
   *
   * @default 'refuse'
   */
  readonly others?: 'refuse' | Dispatcher | undefined;
}

type State = 'open' | 'closed' | 'destroyed';

/**
 * An undici `Dispatcher` over a backend, for `fetch(url, { dispatcher })` of undici and Node, for
 * `setGlobalDispatcher()`, and for undici's `request`, `stream` and `pipeline`. A request for any origin of the backend
 * goes to the one the backend chooses. Errors have undici's classes and codes, with the `BackendError` as `cause`.
 * `dispatch()` never returns `false`: requests wait in the backend's queue. Upgrades and CONNECT fail with a
 * `NotSupportedError`.
 *
 * @example
 * ```ts
 * const dispatcher = new BackendDispatcher('http://127.0.0.1:9001');
 * const response = await fetch('http://127.0.0.1:9001/items', { dispatcher }); // undici's fetch
 * ```
 */
export class BackendDispatcher extends Dispatcher {
  /** The backend that requests are sent to. */
  readonly backend: PooledBackend;
  readonly #owns: boolean;
  readonly #hosts: ReadonlyMap<string, string>; // the Host field of each name
  #own: { readonly names: readonly string[]; readonly origins: ReadonlySet<string> } = {
    names: [],
    origins: new Set(),
  };
  readonly #others: Dispatcher | undefined;
  readonly #open = new Set<DispatchedRequest>();
  #state: State = 'open';
  #whenEmpty: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Creates a dispatcher over an existing backend or a new one.
   *
   * @param backend an existing backend, which is not closed with the dispatcher; or options for a new one, which is
   * @throws TypeError or RangeError for invalid options
   */
  constructor(backend: PooledBackend | PooledBackendOptions | string | URL, options: BackendDispatcherOptions = {}) {
    super();
    const { names, others } = checked(options);
    this.#owns = !isBackend(backend);
    this.backend = isBackend(backend) ? backend : new PooledBackend(backend);
    this.#hosts = new Map(names.map(({ origin, host }) => [origin, host] as const));
    this.#others = others;
    // `compose()` calls these methods on a Proxy, which has no private members.
    this.close = this.close.bind(this);
    this.destroy = this.destroy.bind(this);
  }

  /** Whether `close()` or `destroy()` was called. */
  get closed(): boolean {
    return this.#state !== 'open';
  }

  /** Whether `destroy()` was called, or `close()` has finished. */
  get destroyed(): boolean {
    return this.#state === 'destroyed';
  }

  /** Sends one request and reports to its handler. Accepts handlers of undici 6, 7 and 8. */
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (typeof handler !== 'object' || handler === null) {
      throw new errors.InvalidArgumentError('handler must be an object');
    }
    try {
      return this.#dispatch(options, handler);
    } catch (thrown) {
      refuse(handler, thrown instanceof errors.UndiciError ? thrown : undiciError(thrown));
      return true;
    }
  }

  #dispatch(options: DispatchOptions, handler: Handler): boolean {
    if (typeof options !== 'object' || options === null) {
      throw new errors.InvalidArgumentError('opts must be an object.');
    }
    if (this.#state === 'destroyed') throw new errors.ClientDestroyedError();
    if (this.#state === 'closed') throw new errors.ClientClosedError();
    const origin = originOf(options);
    const isOwn = origin === undefined || this.#isOwn(origin);
    const host = isOwn ? undefined : this.#hosts.get(origin);
    if (!isOwn && host === undefined) {
      if (this.#others === undefined) throw this.#unknownOrigin(origin);
      return this.#others.dispatch(options, handler);
    }
    const request = backendRequest(options, host);
    const dispatched = new DispatchedRequest(handler, (over) => this.#letGo(over));
    this.#open.add(dispatched);
    dispatched.send(this.backend, request);
    return true;
  }

  /** Whether the origin is one of the backend's present origins, including those outside its subset. */
  #isOwn(origin: string): boolean {
    const { names } = this.backend.origins;
    if (names !== this.#own.names) {
      const all = [...this.backend.options.origins.map((one) => one.origin), ...names];
      this.#own = { names, origins: new Set(all.map((name) => new URL(name).origin)) };
    }
    return this.#own.origins.has(origin);
  }

  #unknownOrigin(origin: string): Error {
    const known = [...this.#own.origins, ...this.#hosts.keys()].join(', ');
    return new errors.InvalidArgumentError(`${origin} is not an origin of this dispatcher, which has ${known}`);
  }

  #letGo(request: DispatchedRequest): void {
    this.#open.delete(request);
    if (this.#open.size === 0) this.#whenEmpty?.();
  }

  /**
   * Accepts no more requests. Resolves when those in progress have ended and, if the dispatcher created its backend,
   * that is closed.
   */
  override close(): Promise<void>;
  override close(callback: () => void): void;
  override close(callback?: (error: Error | null) => void): Promise<void> | void {
    return calledBack(this.#close(), callback);
  }

  #close(): Promise<void> {
    if (this.#state === 'destroyed') return Promise.reject(new errors.ClientDestroyedError());
    this.#state = 'closed';
    this.#closing ??= new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      if (this.#open.size === 0) resolve();
    }).then(async () => {
      this.#state = 'destroyed';
      if (this.#owns) await this.backend.close();
    });
    return this.#closing;
  }

  /** Ends its requests with `error` immediately. Also destroys the backend, if the dispatcher created it. */
  override destroy(error?: Error | null): Promise<void>;
  override destroy(error: Error | null, callback: () => void): void;
  override destroy(callback: () => void): void;
  override destroy(
    error?: Error | null | ((error: Error | null) => void),
    callback?: (error: Error | null) => void,
  ): Promise<void> | void {
    if (typeof error === 'function') return this.destroy(null, error as () => void);
    const cause = error ?? new errors.ClientDestroyedError();
    this.#state = 'destroyed';
    for (const request of [...this.#open]) request.stop(cause);
    if (this.#owns) this.backend.destroy(cause);
    return calledBack(Promise.resolve(), callback);
  }
}

interface CheckedOptions {
  readonly names: readonly URL[];
  readonly others: Dispatcher | undefined;
}

function checked(options: BackendDispatcherOptions): CheckedOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError('the options must be an object');
  const { names = [], others = 'refuse', ...unknown } = options;
  const [first] = Object.keys(unknown);
  if (first !== undefined) {
    const known = 'known: names, others; options of a backend are the first argument: { origins, … }';
    throw new TypeError(`unknown option ${first}; ${known}`);
  }
  if (!Array.isArray(names)) throw new TypeError('names must be a list of origins');
  if (others !== 'refuse' && typeof others?.dispatch !== 'function') {
    throw new TypeError("others must be 'refuse' or a dispatcher");
  }
  return { names: names.map(originUrl), others: others === 'refuse' ? undefined : others };
}

function originUrl(name: unknown): URL {
  if (typeof name === 'string' && URL.canParse(name)) {
    const url = new URL(name);
    if (/^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url;
  }
  throw new TypeError(`names must be origins such as http://orders.internal, got ${String(name)}`);
}

/** Recognises a backend by its methods: another copy of the library may have made it. */
function isBackend(given: PooledBackend | PooledBackendOptions | string | URL): given is PooledBackend {
  return typeof given === 'object' && given !== null && 'request' in given && typeof given.request === 'function';
}

/** @throws InvalidArgumentError for a value that is not a URL */
function originOf({ origin }: DispatchOptions): string | undefined {
  if (origin === undefined || origin === null) return undefined;
  const text = String(origin);
  if (!URL.canParse(text)) throw new errors.InvalidArgumentError(`invalid origin ${text}`);
  return new URL(text).origin;
}

/** As in undici: with a callback, nothing is returned. */
function calledBack(done: Promise<void>, callback?: (error: Error | null) => void): Promise<void> | void {
  if (callback === undefined) return done;
  if (typeof callback !== 'function') throw new errors.InvalidArgumentError('invalid callback');
  done.then(
    () => queueMicrotask(() => callback(null)),
    (error) => queueMicrotask(() => callback(error)),
  );
}
