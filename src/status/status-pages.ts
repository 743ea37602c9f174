/** The status pages of a backend: one for each handler. All end with the backend. */

import type { Clock } from '../time/clock.js';
import { StatusActions } from './status-actions.js';
import { StatusFeed } from './status-feed.js';
import { createStatusHandler, type StatusHandler } from './status-handler.js';
import { resolveStatusOptions, type StatusHandlerOptions } from './status-options.js';
import type { StatusOrigins, StatusSource } from './status-source.js';

export class StatusPages {
  readonly #source: StatusSource;
  readonly #origins: StatusOrigins;
  readonly #clock: Clock;
  readonly #feeds = new Set<WeakRef<StatusFeed>>(); // weak: some programs make a handler for each request
  readonly #lost = new FinalizationRegistry<WeakRef<StatusFeed>>((feed) => this.#feeds.delete(feed));
  #closed = false;

  constructor(source: StatusSource, origins: StatusOrigins, clock: Clock) {
    this.#source = source;
    this.#origins = origins;
    this.#clock = clock;
  }

  /** @throws TypeError or RangeError for bad options */
  handler(options: StatusHandlerOptions): StatusHandler {
    const resolved = resolveStatusOptions(options);
    const { title, actions } = resolved;
    const feed = new StatusFeed(this.#source, this.#clock, resolved);
    const weak = new WeakRef(feed);
    this.#feeds.add(weak);
    this.#lost.register(feed, weak);
    if (this.#closed) feed.close();
    return createStatusHandler(feed, title, actions && new StatusActions(this.#origins, actions));
  }

  /** The backend is closed: sends all watchers the last state. */
  close(): void {
    this.#closed = true;
    for (const feed of this.#feeds) feed.deref()?.close();
  }
}
