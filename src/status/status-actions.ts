/** What an operator may do to an origin from the status page: drain it, make it ready, change its weight. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../errors.js';
import { isOfSamePage, PageSession } from './page-session.js';
import type { StatusOrigins } from './status-source.js';

/**
 * Returns `true` if the sender of the request may change origins. Called when the page is served, and again for each
 * action. If it throws, the request gets 500.
 */
export type StatusAuthorise = (req: IncomingMessage) => boolean | PromiseLike<boolean>;

/** The answer to an action, with a text for the operator. */
export interface ActionOutcome {
  readonly status: 200 | 400 | 403;
  readonly text: string;
}

type Act = (origins: StatusOrigins, origin: string, query: URLSearchParams) => string;

const ACTS: Readonly<Record<string, Act>> = {
  drain(origins, origin) {
    void origins.drain(origin); // not awaited: the page shows how much is still in progress
    return `${origin} gets no more requests`;
  },
  ready(origins, origin) {
    origins.ready(origin);
    return `${origin} gets requests again`;
  },
  weight(origins, origin, query) {
    const text = query.get('weight') ?? '';
    // Number('') is 0: a missing weight would take all requests from the origin.
    origins.setWeight(origin, /^\d+$/.test(text) ? Number(text) : Number.NaN);
    return `${origin} has weight ${text}`;
  },
};

export class StatusActions {
  readonly #origins: StatusOrigins;
  readonly #authorise: StatusAuthorise;
  readonly #session = new PageSession();

  constructor(origins: StatusOrigins, authorise: StatusAuthorise) {
    this.#origins = origins;
    this.#authorise = authorise;
  }

  /** The token for the page that is served; `undefined` if the client may only read. Rejects as `authorise` does. */
  async tokenFor(req: IncomingMessage, res: ServerResponse): Promise<string | undefined> {
    const isAllowed = await this.#authorise(req);
    return isAllowed === true && !res.headersSent ? this.#session.open(req, res) : undefined;
  }

  /** Does what a POST asks for, if its sender is allowed to. Rejects as `authorise` does. */
  async act(req: IncomingMessage, query: URLSearchParams): Promise<ActionOutcome> {
    if (!isOfSamePage(req)) return { status: 403, text: 'this was not sent by the page itself' };
    if (!this.#session.holds(req))
      return { status: 403, text: 'this page is of another time or process: load it again' };
    if ((await this.#authorise(req)) !== true) return { status: 403, text: 'you may only look' };
    const action = query.get('action') ?? '';
    const act = Object.hasOwn(ACTS, action) ? ACTS[action] : undefined;
    if (act === undefined) return { status: 400, text: 'action must be drain, ready or weight' };
    try {
      return { status: 200, text: act(this.#origins, query.get('origin') ?? '', query) };
    } catch (error) {
      return { status: 400, text: messageOf(error) };
    }
  }
}
