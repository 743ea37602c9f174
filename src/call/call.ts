/** One call of `backend.request()` under way: from the dispatcher's events to a promise and a stream. */

import type { Readable } from 'node:stream';
import type { Dispatch, Dispatching, OutgoingRequest, ResponseSink } from '../dispatch/request.js';
import { type Attempt, asBackendError, BackendError } from '../errors.js';
import { inHook, isPromise } from '../hook.js';
import { withoutForbiddenTrailers } from '../http1/fields.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { Information } from '../options.js';
import { forgetAbort, listenForAbort } from './abort-listeners.js';
import type { BackendResponse, ResponseFields } from './request.js';
import { endSource } from './request-body.js';
import { type BodyOrigin, ResponseBody } from './response-body.js';

export interface CallOutcome {
  resolve(response: BackendResponse): void;
  reject(error: BackendError): void;
}

export interface CallOptions {
  /** The stream behind the request's body. */
  readonly source: Readable | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onInformation: ((information: Information) => void) | undefined;
  /** Is kept in memory as long as the call is in progress, or its response is. */
  readonly keeps: unknown;
}

export class Call implements ResponseSink, BodyOrigin {
  readonly #outcome: CallOutcome;
  readonly #options: CallOptions;
  #dispatch: Dispatch | undefined;
  #response: CallResponse | undefined; // once the head is here
  #settled = false; // the dispatcher will not call again

  constructor(outcome: CallOutcome, options: CallOptions) {
    this.#outcome = outcome;
    this.#options = options;
    // An error after the end of the stream has no other listener, and would end the process.
    options.source?.on('error', nothing);
  }

  /** @throws BackendError when the signal was aborted before */
  begin(dispatching: Dispatching, request: OutgoingRequest): void {
    const { signal } = this.#options;
    if (signal?.aborted) {
      this.#settle();
      throw abortError(signal);
    }
    if (signal !== undefined) listenForAbort(signal, this.#onAbort);
    this.#dispatch = dispatching.dispatch(request, this);
  }

  onInformation({ statusCode, statusText, rawHeaders }: ResponseHead): void {
    const { onInformation } = this.#options;
    if (onInformation === undefined) return;
    try {
      const fields = rawHeaders.slice(); // other responses may share the head
      const given: unknown = inHook('onInformation', () => onInformation({ statusCode, statusText, fields }));
      if (isPromise(given)) given.then(undefined, (thrown) => this.#giveUp(asBackendError(thrown)));
    } catch (thrown) {
      this.#giveUp(asBackendError(thrown));
    }
  }

  onHead(head: ResponseHead): void {
    if (this.#settled) return;
    this.#response = new CallResponse(head, new ResponseBody(this), this.#dispatch?.attempts ?? []);
    this.#outcome.resolve(this.#response);
  }

  onBody(bytes: Buffer): boolean {
    return this.#response?.body.give(bytes) ?? true;
  }

  onEnd(trailers: readonly string[]): void {
    this.#settle();
    this.#response?.end(trailers);
  }

  onFail(error: BackendError): void {
    if (this.#settled) return;
    this.#settle();
    if (this.#response === undefined) this.#outcome.reject(error);
    else this.#response.break(error);
  }

  wanted(): void {
    this.#dispatch?.resume();
  }

  dropped(error: Error | null): void {
    if (this.#settled) return;
    this.#settle();
    this.#dispatch?.abort(
      new BackendError('client_aborted', 'the body of the response was destroyed', { cause: error }),
    );
  }

  readonly #onAbort = (): void => {
    const { signal } = this.#options;
    if (signal !== undefined) this.#giveUp(abortError(signal));
  };

  #giveUp(error: BackendError): void {
    if (this.#settled) return;
    this.onFail(this.#dispatch?.abort(error) ?? error);
  }

  #settle(): void {
    this.#settled = true;
    const { signal, source } = this.#options;
    if (signal !== undefined) forgetAbort(signal, this.#onAbort);
    if (source !== undefined) endSource(source);
  }
}

const NO_FIELDS: ResponseFields = Object.freeze(Object.create(null));

class CallResponse implements BackendResponse {
  readonly statusCode: number;
  readonly statusText: string;
  readonly headers: ResponseFields;
  readonly rawHeaders: readonly string[];
  readonly body: ResponseBody;
  readonly trailers: ResponseFields;
  readonly attempts: readonly Attempt[];

  constructor(head: ResponseHead, body: ResponseBody, attempts: readonly Attempt[]) {
    this.statusCode = head.statusCode;
    this.statusText = head.statusText;
    this.headers = joinedFields(head.rawHeaders);
    this.rawHeaders = head.rawHeaders.slice(); // other responses may share the head
    this.body = body;
    this.trailers = head.framing.kind === 'chunked' ? Object.create(null) : NO_FIELDS; // only chunks can end with trailers
    this.attempts = attempts;
  }

  end(trailers: readonly string[]): void {
    if (trailers.length > 0) Object.assign(this.trailers, joinedFields(withoutForbiddenTrailers(trailers)));
    this.body.complete();
  }

  /** The response is truncated. */
  break(error: BackendError): void {
    // A caller that looks only at the head has no listener for 'error'. That must not end the process.
    this.body.on('error', nothing).destroy(error);
  }
}

// The names of the previous response: origins send the same names again and again, and converting five of them to lower case takes 0.25 µs.
let namesBefore: readonly string[] = [];
let lowerBefore: readonly string[] = [];

function joinedFields(raw: readonly string[]): ResponseFields {
  const fields: Record<string, string | string[]> = Object.create(null);
  if (!hasNames(raw, namesBefore)) {
    namesBefore = raw.filter((_, at) => at % 2 === 0);
    lowerBefore = namesBefore.map((name) => name.toLowerCase());
  }
  for (let i = 0; i < raw.length; i += 2) {
    const name = lowerBefore[i / 2] ?? '';
    const value = raw[i + 1] ?? '';
    const before = fields[name];
    if (name === 'set-cookie') fields[name] = Array.isArray(before) ? [...before, value] : [value];
    else fields[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return fields;
}

function hasNames(raw: readonly string[], names: readonly string[]): boolean {
  if (raw.length !== 2 * names.length) return false;
  for (let i = 0; i < names.length; i += 1) if (raw[2 * i] !== names[i]) return false;
  return true;
}

function abortError(signal: AbortSignal): BackendError {
  return new BackendError('client_aborted', 'the signal of the request was aborted', { cause: signal.reason });
}

function nothing(): void {}
