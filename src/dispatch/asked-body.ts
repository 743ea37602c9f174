/** A request body that is given out when its origin asks for it with 100, or after a while (RFC 9110 §10.1.1). */

import type { ReplayBody } from '../body/replay-body.js';
import type { BodySource, BodyTarget } from '../connection/body-source.js';
import type { Deadline, Deadlines } from '../time/deadlines.js';
import type { OutgoingRequest } from './request.js';

/** One attempt's view of the body. Until the origin asks for the body, none of it is read or spent. */
export class AskedBody implements BodySource {
  readonly whole = undefined;
  readonly #body: ReplayBody;
  readonly #waitMs: number;
  readonly #deadline: Deadline;
  #target: BodyTarget | undefined; // waits for the body

  /** For one attempt. `undefined`: this request does not wait for 100 before its body is sent. */
  static of({ body, expectTimeout }: OutgoingRequest, deadlines: Deadlines): AskedBody | undefined {
    if (body === undefined || expectTimeout === undefined) return undefined;
    return new AskedBody(body, expectTimeout, deadlines);
  }

  private constructor(body: ReplayBody, waitMs: number, deadlines: Deadlines) {
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

  /** The origin wants the body, or has not asked for it within `expectTimeout`. A second call does nothing. */
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
