/** The caller of a request: receives its response and emits its events, in the async context that the request was made in. */

import { AsyncResource } from 'node:async_hooks';
import type { Exchange } from '../connection/exchange.js';
import type { BackendError } from '../errors.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { BackendEvents, EventName, RequestCosts, RequestNews } from '../observe/events.js';
import type { ResendReason } from '../observe/reasons.js';
import type { Travel } from '../origin/travel.js';
import type { OutgoingRequest, ResponseSink, Taken, Tunnel } from './request.js';
import { AttemptBeginning } from './retry/attempt-beginning.js';
import type { Attempts } from './retry/attempts.js';
import type { RunSetting } from './run-dispatcher.js';

/** Knows what a request took so far. Only asked if there is a listener. */
export interface Costly {
  readonly costs: RequestCosts;
}

/** Takes the place of a sink whose owner has gone. */
const NOBODY: ResponseSink = { onInformation() {}, onHead() {}, onBody: () => true, onEnd() {}, onFail() {} };

type Watched = Pick<RunSetting, 'observer' | 'clock'>;

/** Everything is called in the async context of the requester, not in that of the socket: a socket outlives requests. */
export class Requester extends AsyncResource {
  sink: ResponseSink;
  readonly #request: OutgoingRequest;
  readonly #setting: Watched;
  // What the present read has brought. The sink is told at the end of the read, when it is known whether the response ends with
  // it: so a small response costs one entry into the context, and one write.
  #head: ResponseHead | undefined;
  #body: Buffer | undefined;

  constructor(request: OutgoingRequest, sink: ResponseSink, setting: Watched) {
    super('PooledRequest');
    this.sink = sink;
    this.#request = request;
    this.#setting = setting;
  }

  // --- the response ----------------------------------------------------------------------------------------------------

  /** A read brought the head. */
  gotHead(head: ResponseHead): void {
    this.#head = head;
  }

  /** A read brought bytes of the body. Called once for each read, except for last words: they may be longer than the parser's window. */
  gotBody(bytes: Buffer): void {
    this.#body = this.#body === undefined ? bytes : Buffer.concat([this.#body, bytes]);
  }

  /** Tells the sink what the read brought; more will follow. Returns false to stop reading. */
  readEnded(): Taken {
    if (this.#head === undefined && this.#body === undefined) return true;
    return this.runInAsyncScope(this.tell, this, false);
  }

  /** The same, for a caller that has entered the context. `ends`: the response is complete. */
  tell(ends: boolean): Taken {
    const head = this.#head;
    this.#head = undefined;
    if (head !== undefined) this.sink.onHead(head, ends || this.#body !== undefined);
    const body = this.#body; // `undefined` if the sink has left in `onHead`
    this.#body = undefined;
    return body === undefined || this.sink.onBody(body, ends);
  }

  gotInformation(head: ResponseHead): void {
    this.runInAsyncScope(this.sink.onInformation, this.sink, head);
  }

  gotFailure(failure: BackendError): void {
    this.runInAsyncScope(this.sink.onFail, this.sink, failure);
  }

  /** The response is complete. `tunnel`: what the origin has switched to. */
  ended(trailers: readonly string[], tunnel: Tunnel | undefined): void {
    if (tunnel === undefined) this.sink.onEnd(trailers);
    else if (this.sink.onSwitch === undefined) tunnel.destroy();
    else this.sink.onSwitch(tunnel);
  }

  /** The sink is told nothing more of the response. */
  leave(): void {
    this.#head = undefined;
    this.#body = undefined;
  }

  /** The sink is told nothing more at all, not even when a listener of the event that tells of the end has ended the request again. */
  gone(): void {
    this.sink = NOBODY;
  }

  // --- events, for listeners --------------------------------------------------------------------------------------------

  watches(name: EventName): boolean {
    return this.#setting.observer.watches(name);
  }

  waits(travel: Travel, length: number): void {
    if (!this.watches('wait')) return;
    this.#emit('wait', { ...this.#news, travel: travel === 'resent' ? 'fresh' : travel, length });
  }

  /** Returns the fields that were added for this attempt. */
  attemptBegun({ count, last }: Attempts, waitedMs: number): readonly string[] | undefined {
    const { origin = '', reused = false } = last ?? {};
    const beginning = new AttemptBeginning({ ...this.#news, attempt: count, origin, reused, waitedMs });
    this.#emit('attempt', beginning);
    return beginning.takeAdded();
  }

  attemptEnded(attempts: Attempts, exchange: Exchange | undefined, cause: BackendError | undefined): void {
    if (!this.watches('attemptEnd')) return;
    const error = cause && attempts.failure(cause);
    const { count, last, begunAt } = attempts;
    const { origin = '', reused = false } = last ?? {};
    const { head, receivedBytes = 0 } = exchange ?? {};
    const end = { durationMs: this.#setting.clock.now() - begunAt, statusCode: head?.statusCode, receivedBytes, error };
    this.#emit('attemptEnd', { ...this.#news, attempt: count, origin, reused, ...end });
  }

  resent(origin: string, reason: ResendReason): void {
    if (this.watches('resend')) this.#emit('resend', { ...this.#news, origin, reason });
  }

  refused(error: BackendError): void {
    if (this.watches('refuse')) this.#emit('refuse', { ...this.#news, error });
  }

  failed(error: BackendError, request: Costly): void {
    if (this.watches('fail')) this.#emit('fail', { ...this.#news, error, ...request.costs });
  }

  /** The request was answered to its end, or has become a tunnel. */
  answered(attempts: Attempts, exchange: Exchange | undefined, request: Costly): void {
    this.attemptEnded(attempts, exchange, undefined);
    if (!this.watches('request')) return;
    const { count, last } = attempts;
    const { origin = '' } = last ?? {};
    const statusCode = exchange?.head?.statusCode ?? 0;
    this.#emit('request', { ...this.#news, origin, statusCode, attempts: count, ...request.costs });
  }

  get #news(): RequestNews {
    const { method, path } = this.#request;
    return { request: this.asyncId(), method, path };
  }

  #emit<Name extends EventName>(name: Name, details: BackendEvents[Name][0]): void {
    this.runInAsyncScope(() => this.#setting.observer.emit(name, details));
  }
}
