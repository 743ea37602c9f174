/** A request body that is given out when its origin asks for it with 100, or after a while (RFC 9110 §10.1.1). */

import type { BodySource, BodyTarget } from '../connection/body-source.js';
import type { ExchangeRequest } from '../connection/exchange.js';
import type { Deadline, Deadlines } from '../deadlines.js';
import type { ReplayBody } from './replay-body.js';
import type { OutgoingRequest } from './request.js';

/** One attempt's view of the body. Until it is asked for, nothing of it is read and nothing of it is spent. */
export class AskedBody implements BodySource {
  readonly whole = undefined;
  /** The request with this for its body. */
  readonly request: ExchangeRequest;
  readonly #body: ReplayBody;
  readonly #waitMs: number;
  readonly #deadline: Deadline;
  #target: BodyTarget | undefined; // waits to be given the body

  /** For one attempt of a request whose body waits. */
  static of(request: OutgoingRequest, deadlines: Deadlines): AskedBody | undefined {
    const { body, expectTimeout } = request;
    if (body === undefined || expectTimeout === undefined) return undefined;
    return new AskedBody(request, body, expectTimeout, deadlines);
  }

  private constructor(request: OutgoingRequest, body: ReplayBody, waitMs: number, deadlines: Deadlines) {
    this.request = { ...request, body: this };
    this.#body = body;
    this.#waitMs = waitMs;
    this.#deadline = deadlines.create(() => this.ask());
  }

  get length(): number | undefined {
    return this.#body.length;
  }

  begin(target: BodyTarget): void {
    this.#target = target;
    this.#deadline.set(this.#waitMs);
  }

  /** The origin wants it, or has not said for long enough. Harmless when repeated. */
  ask(): void {
    const target = this.#target;
    if (target === undefined) return;
    this.#target = undefined;
    this.#deadline.clear();
    this.#body.begin(target);
  }

  drained(): void {
    this.#body.drained();
  }

  detach(): void {
    this.#target = undefined;
    this.#deadline.clear();
    this.#body.detach();
  }
}
