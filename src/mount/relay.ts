/** One request of a client, from its head to the end of its response, or to whatever goes wrong between. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ReplayBody } from '../dispatch/replay-body.js';
import type { Dispatch, ResponseSink } from '../dispatch/request.js';
import { BackendError } from '../errors.js';
import { endToEndFields, withoutForbiddenTrailers } from '../http1/fields.js';
import type { ResponseHead } from '../http1/response-parser.js';
import type { ResolvedHandlerOptions } from '../options.js';
import { whenGone } from './client-departure.js';
import { type ClientRequest, inHook } from './client-request.js';
import { ClientSilence } from './client-silence.js';
import { answerFailure, asBackendError, isBodyUnread } from './error-answer.js';
import { writeInterim } from './interim.js';
import { lingerOnClose } from './linger.js';
import type { MountedBackend } from './mounted-backend.js';
import { type IntakeOutlet, RequestIntake } from './request-intake.js';
import { fieldsByName, hookedFields, relayedFields } from './response-fields.js';
import { writeResponseHead } from './response-head.js';
import { Spool } from './spool.js';
import { truncate } from './truncate.js';

/** What a framework takes the failure of a request with. */
export type Next = (error?: unknown) => void;

/** The house, and one mount in it. */
export interface Mount {
  readonly house: MountedBackend;
  readonly options: ResolvedHandlerOptions;
}

/**
 * `taking` the request in or waiting for its response, `relaying` the body of one, `ended`: all of it was handed over
 * and the client takes it, `over`.
 */
type Stage = 'taking' | 'relaying' | 'ended' | 'over';

export class Relay implements ResponseSink, IntakeOutlet {
  readonly #mount: Mount;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #next: Next | undefined;
  #stage: Stage = 'taking';
  #intake: RequestIntake | undefined;
  #dispatch: Dispatch | undefined; // gone once it has ended
  #readsRequest = false; // its body came from the client's stream
  #answeredContinue = false;
  #bodyBegun = false;
  #endsWithClose = false; // the client's connection is what ends the body
  #paused = false; // onBody returned false
  #spool: Spool | undefined; // made for a client that is slower than its origin
  #silence: ClientSilence | undefined; // made when there is something to wait for

  constructor(mount: Mount, req: IncomingMessage, res: ServerResponse, next: Next | undefined) {
    this.#mount = mount;
    this.#req = req;
    this.#res = res;
    this.#next = next;
  }

  begin(): void {
    const { house, options } = this.#mount;
    whenGone(this.#req, this.#res, () => this.#clientLeft());
    try {
      this.#intake = new RequestIntake(house, options, this.#req, this);
      this.#readsRequest = this.#intake.begin(this.#res, options);
      if (this.#readsRequest) this.#watchSilence();
    } catch (thrown) {
      this.#fail(asBackendError(thrown));
    }
  }

  // --- the request ---------------------------------------------------------------------------------------------------

  requestReady(request: ClientRequest, body: ReplayBody | undefined, expectTimeout?: number): void {
    if (this.#stage !== 'taking') return;
    const { house, options } = this.#mount;
    const { method, path, fields, host, acceptsTrailers } = request;
    const { nonIdempotent, timeouts } = options;
    this.#answeredContinue = request.expectsContinue;
    try {
      const idempotent = this.#declaredIdempotent(request);
      const declared = { idempotent, nonIdempotent, timeouts, expectTimeout };
      const outgoing = { method, path, fields, host, body, acceptsTrailers, ...declared };
      const dispatch = house.dispatching.dispatch(outgoing, this);
      if (this.#isOpen()) this.#dispatch = dispatch; // it may have failed before it returned
    } catch (thrown) {
      this.#fail(asBackendError(thrown));
    }
  }

  #isOpen(): boolean {
    return this.#stage === 'taking' || this.#stage === 'relaying';
  }

  requestFailed(error: BackendError): void {
    this.#fail(error);
  }

  #declaredIdempotent({ method, path, fields }: ClientRequest): boolean | undefined {
    const { idempotent } = this.#mount.options;
    return idempotent === undefined ? undefined : inHook('idempotent', () => idempotent({ method, path, fields }));
  }

  // --- the response --------------------------------------------------------------------------------------------------

  onInformation(statusCode: number, statusText: string, rawHeaders: readonly string[]): void {
    if (this.#stage !== 'taking' || (statusCode === 100 && this.#answeredContinue)) return;
    const { onInformation } = this.#mount.options;
    const fields = endToEndFields(rawHeaders);
    try {
      const information = { statusCode, statusText, fields };
      if (onInformation !== undefined && inHook('onInformation', () => onInformation(information, this.#req)) === false)
        return;
      writeInterim(this.#res, statusCode, statusText, fields);
    } catch (thrown) {
      this.#giveUp(asBackendError(thrown));
    }
  }

  onHead(head: ResponseHead): void {
    if (this.#stage !== 'taking') return;
    if (this.#res.headersSent || this.#res.writableEnded) {
      // A middleware, a timeout of its own perhaps, has answered in our place.
      this.#stage = 'over';
      this.#abort('the request was answered by something else');
      return;
    }
    try {
      this.#writeHead(head);
    } catch (thrown) {
      this.#giveUp(asHeadError(thrown));
      return;
    }
    this.#stage = 'relaying';
    // A head must not wait for a body that comes later, but one that comes with it should share its write.
    process.nextTick(Relay.#flush, this);
  }

  onBody(bytes: Buffer): boolean {
    if (this.#stage !== 'relaying') return true;
    this.#bodyBegun = true;
    try {
      if (this.#res.write(bytes)) return true;
    } catch (thrown) {
      this.#giveUp(asBackendError(thrown));
      return true;
    }
    return this.#readAhead();
  }

  onEnd(trailers: readonly string[]): void {
    if (this.#stage !== 'relaying') return;
    this.#stage = 'ended';
    this.#dispatch = undefined;
    this.#intake?.release();
    try {
      if (trailers.length > 0) this.#res.addTrailers(fieldsByName(withoutForbiddenTrailers(trailers)));
      this.#res.end();
    } catch (thrown) {
      this.#giveUp(asBackendError(thrown));
      return;
    }
    this.#leaveRequest();
  }

  onFail(error: BackendError): void {
    this.#dispatch = undefined;
    this.#fail(error);
  }

  #writeHead(head: ResponseHead): void {
    const { onResponseFields } = this.#mount.options;
    const req = this.#req;
    const { kind } = head.framing;
    const endless = kind === 'chunked' || kind === 'until-close';
    this.#endsWithClose = endless && req.httpVersion === '1.0';
    let fields = relayedFields(head, endless && !this.#endsWithClose);
    if (onResponseFields !== undefined) {
      fields = hookedFields(head, inHook('onResponseFields', () => onResponseFields(fields, req)) ?? fields);
    }
    // "A server MUST read the entire request message body or close the connection after sending its response"
    // (RFC 9112 §9.3).
    const closes = isBodyUnread(req);
    writeResponseHead(this.#res, { head, fields, closes });
    if (closes) lingerOnClose(req, this.#mount.house.deadlines);
  }

  static #flush(relay: Relay): void {
    if (relay.#stage === 'relaying' && !relay.#bodyBegun) relay.#res.flushHeaders();
  }

  // --- a slow client -------------------------------------------------------------------------------------------------

  #readAhead(): boolean {
    const { house } = this.#mount;
    if (this.#spool === undefined) {
      this.#spool = new Spool(house.spool, house.options.spoolBytes);
      this.#res.on('drain', () => this.#drained());
    }
    this.#watchSilence();
    this.#paused = !this.#spool.hold(this.#res.writableLength);
    return !this.#paused;
  }

  #drained(): void {
    this.#spool?.empty();
    if (!this.#paused) return;
    this.#paused = false;
    this.#dispatch?.resume();
  }

  #watchSilence(): void {
    if (this.#stage === 'over') return;
    const { house, options } = this.#mount;
    if (options.clientTimeout === Number.POSITIVE_INFINITY) return;
    this.#silence ??= new ClientSilence(house.deadlines, options.clientTimeout, this.#req, this.#res, () =>
      this.#cutOff(),
    );
    this.#silence.watch();
  }

  // --- the end -------------------------------------------------------------------------------------------------------

  #clientLeft(): void {
    this.#abort('the client closed its connection');
    this.#stage = 'over';
    this.#release();
  }

  #abort(why: string): void {
    this.#intake?.cancel();
    this.#dispatch?.abort(new BackendError('client_aborted', why));
    this.#dispatch = undefined;
  }

  /** Fails a request that the origin has not failed. */
  #giveUp(error: BackendError): void {
    const failure = this.#dispatch?.abort(error) ?? error;
    this.#dispatch = undefined;
    this.#fail(failure);
  }

  #fail(error: BackendError): void {
    const stage = this.#stage;
    if (stage === 'over') return;
    this.#stage = 'over';
    this.#release();
    if (stage !== 'taking') {
      truncate(this.#req, this.#res, this.#endsWithClose);
    } else if (this.#next !== undefined && !this.#res.headersSent) {
      // Later, so that what the framework does with it, or throws, is not done inside the dispatcher.
      process.nextTick(this.#next, error);
    } else {
      answerFailure(this.#req, this.#res, error, this.#mount.house.deadlines);
      this.#leaveRequest();
    }
  }

  /** The client does nothing: both ends go. */
  #cutOff(): void {
    this.#abort(`the client was silent for ${this.#mount.options.clientTimeout} ms`);
    this.#stage = 'over';
    this.#release();
    truncate(this.#req, this.#res, this.#endsWithClose);
  }

  /** Lets the rest of the request run out, lest it block the next one on the client's connection. */
  #leaveRequest(): void {
    if (this.#readsRequest && !this.#req.readableEnded) process.nextTick(drain, this.#req);
  }

  #release(): void {
    this.#silence?.stop();
    this.#spool?.empty();
    this.#intake?.release();
  }
}

function drain(req: IncomingMessage): void {
  req.resume();
}

/** What node:http refuses to write is the origin's fault; what a hook throws is not. */
function asHeadError(thrown: unknown): BackendError {
  if (BackendError.is(thrown)) return thrown;
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new BackendError('http_protocol_error', `the origin's response cannot be relayed: ${why}`, { cause: thrown });
}
