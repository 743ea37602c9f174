/** One request of a client, from its head to the end of its response, or to a failure in between. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { emptyBody, isEmpty } from '../body/empty-body.js';
import type { ReplayBody } from '../body/replay-body.js';
import { ANSWERED_ELSEWHERE, disown, type ResponseOwner, watchDeparture } from '../client/departure.js';
import { answerFailure } from '../client/error-answer.js';
import { isHttp2 } from '../client/http2.js';
import { writeInterim } from '../client/interim.js';
import { distrust, endBegunWithServer, endWithServer, noteLast } from '../client/last-request.js';
import { isBodyUnread, lingerOnClose, runOut } from '../client/linger.js';
import { ClientPace, isSmallAhead, type Paced } from '../client/pace.js';
import { truncate } from '../client/truncate.js';
import { canEndWith, endWith, flushHead, standsBehindOthers, writeNow } from '../client/writes.js';
import type { Announcer, Dispatch, OutgoingRequest, Place, ResponseSink, Taken, Tunnel } from '../dispatch/request.js';
import { asBackendError, asHeadError, BackendError } from '../errors.js';
import { isPromise } from '../hook.js';
import { endToEndFields } from '../http1/fields.js';
import type { ResponseHead } from '../http1/response-head.js';
import type { Mount, Next } from './mounted-backend.js';
import { type ClientRequest, readClientRequest } from './request/client-request.js';
import { outgoingRequest, unsentRequest } from './request/outgoing-request.js';
import { type IntakeOutlet, RequestIntake } from './request/request-intake.js';
import { addTrailers, writeResponseHead } from './response/response-head.js';
import { fieldsForClient, type HeldResponse, isPassedOn } from './response/response-hooks.js';

/** `preparing` the request; `waiting` for its response; `relaying` that; `ended`: the client is taking the rest of it; `over`. */
type Stage = 'preparing' | 'waiting' | 'relaying' | 'ended' | 'over';

export class Relay implements ResponseSink, Announcer, IntakeOutlet, Paced, ResponseOwner {
  readonly #mount: Mount;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #next: Next | undefined;
  #stage: Stage = 'preparing';
  #request: ClientRequest | undefined; // once it was read
  #intake: RequestIntake | undefined; // of a request with a body
  #place: Place | undefined; // of a request that has to wait for a hook, or for its body
  #dispatch: Dispatch | undefined; // `undefined` once it has ended
  #readsRequest = false; // its body comes from the client's stream
  #lastText: string | undefined; // the whole rest of the body, to be written with the end
  #pace: ClientPace | undefined; // made for a client that takes or sends bytes in its own time
  #held: HeldResponse | undefined; // while a hook decides about its head

  constructor(mount: Mount, req: IncomingMessage, res: ServerResponse, next: Next | undefined) {
    this.#mount = mount;
    this.#req = req;
    this.#res = res;
    this.#next = next;
  }

  begin(): void {
    watchDeparture(this.#req, this.#res, this, this.#mount.backend.deadlines);
    noteLast(this.#req, this.#res);
    try {
      const request = readClientRequest(this.#req, this.#mount);
      if (isPromise(request)) {
        this.#announce();
        request
          .then((read) => this.#takeIn(read))
          .then(undefined, (thrown) => this.requestFailed(asBackendError(thrown)));
      } else this.#takeIn(request);
    } catch (thrown) {
      this.requestFailed(asBackendError(thrown));
    }
  }

  /** Keeps a place for a request that has to wait. If no more are taken, this one has failed when it returns. */
  #announce(): void {
    this.#place ??= this.#mount.backend.dispatching.announce(this.#mount.options.timeouts, this);
    if (this.#place === undefined) this.#handOver(unsentRequest(this.#req, this.#mount.options));
  }

  #takeIn(request: ClientRequest): void {
    if (this.#stage !== 'preparing') return; // the client has left while a hook was busy
    // A hook has ended the client's connection. Its 'close' comes only after the request would have been sent.
    if (this.#req.socket.destroyed) {
      this.abandon();
      return;
    }
    this.#request = request;
    if (isEmpty(request.framing)) {
      this.requestReady(request, emptyBody(request.method, request.framing.kind === 'length'));
      return;
    }
    this.#announce();
    if (!this.#isOpen()) return;
    this.#intake = new RequestIntake(this.#mount.backend, request, this.#req, this);
    this.#readsRequest = this.#intake.begin(this.#res, this.#mount.options);
    if (this.#readsRequest && this.#isOpen()) this.#paceOf().watchSilence();
  }

  requestReady(request: ClientRequest, body: ReplayBody | undefined, expectTimeout?: number): void {
    if (this.#stage !== 'preparing') return;
    try {
      const outgoing = outgoingRequest(request, body, this.#mount.options, expectTimeout);
      if (this.#isOpen()) this.#handOver(outgoing); // a hook may have ended its stream of HTTP/2
    } catch (thrown) {
      this.requestFailed(asBackendError(thrown));
    }
  }

  #handOver(request: OutgoingRequest): void {
    this.#stage = 'waiting'; // `#dispatch` is set later: events are emitted at once
    const dispatch = (this.#place ?? this.#mount.backend.dispatching).dispatch(request, this);
    if (this.#isOpen()) this.#dispatch = dispatch; // it may have failed before it returned
  }

  #isOpen(): boolean {
    return this.#stage !== 'ended' && this.#stage !== 'over';
  }

  // --- the response --------------------------------------------------------------------------------------------------

  onInformation({ statusCode, statusText, rawHeaders }: ResponseHead): void {
    if (this.#stage !== 'waiting' || (statusCode === 100 && this.#request?.expectsContinue)) return;
    try {
      const information = { statusCode, statusText, fields: endToEndFields(rawHeaders) };
      if (isPassedOn(information, this.#req, this.#mount)) writeInterim(this.#res, information);
    } catch (thrown) {
      this.#giveUp(asBackendError(thrown));
    }
  }

  onHead(head: ResponseHead, more = false): void {
    if (this.#stage !== 'waiting') return;
    try {
      const fields = fieldsForClient(head, this.#req, this.#mount, this.#request, this.#dispatch);
      if (isPromise(fields)) {
        this.#held = { head, more, pieces: [] };
        fields.then((kept) => this.#letGo(kept)).then(undefined, (thrown) => this.#giveUp(asHeadError(thrown)));
      } else this.#beginResponse(head, fields, more);
    } catch (thrown) {
      this.#giveUp(asHeadError(thrown));
    }
  }

  #beginResponse(head: ResponseHead, fields: string[], hasMore: boolean): void {
    if (this.#mount.upgrading?.tryKeep(head, fields)) return;
    if (this.#res.headersSent || this.#res.writableEnded) {
      this.abandon(ANSWERED_ELSEWHERE);
      return;
    }
    // A server that does not read all of the request must close the connection after its response (RFC 9112 §9.3).
    writeResponseHead(this.#res, { head, fields, closes: endWithServer(this.#req) || isBodyUnread(this.#req) });
    lingerOnClose(this.#req, this.#mount.backend.deadlines);
    this.#stage = 'relaying';
    // A head must not wait for a body that comes later. But a body that comes with it should share its write.
    if (!hasMore || standsBehindOthers(this.#res)) flushHead(this.#res);
  }

  #letGo(fields: string[]): void {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined || this.#stage !== 'waiting') return;
    this.#beginResponse(held.head, fields, held.more || held.pieces.length > 0);
    let more: Taken = true;
    for (const piece of held.pieces) more = this.onBody(piece);
    if (more) this.#dispatch?.resume();
  }

  get holds(): boolean {
    return this.#held !== undefined;
  }

  onBody(bytes: Buffer, last = false): Taken {
    if (this.#held !== undefined) {
      this.#held.pieces.push(bytes);
      return false;
    }
    if (this.#stage !== 'relaying') return true;
    if (this.#res.writableEnded) {
      this.abandon(ANSWERED_ELSEWHERE); // a write now would make node:http end the process
      return true;
    }
    if (last && canEndWith(this.#res, bytes)) {
      this.#lastText = bytes.toString('latin1');
      return true;
    }
    try {
      if (isSmallAhead(this.#res, bytes)) return this.#paceOf().writeSmall(bytes);
      const taken = writeNow(this.#res, bytes);
      this.#pace?.wrote(bytes.length);
      if (taken !== false) return taken;
    } catch (thrown) {
      this.#giveUp(asBackendError(thrown));
      return true;
    }
    return this.#paceOf().readAhead(bytes.length);
  }

  onEnd(trailers: readonly string[]): void {
    if (this.#stage !== 'relaying') return;
    this.#stage = 'ended';
    this.#dispatch = undefined;
    this.#intake?.release();
    try {
      if (trailers.length > 0) addTrailers(this.#res, trailers);
      endBegunWithServer(this.#req, this.#res);
      if (this.#lastText === undefined) this.#res.end();
      else endWith(this.#res, this.#lastText);
    } catch (thrown) {
      this.#giveUp(asBackendError(thrown));
      return;
    }
    this.#leaveToClient();
  }

  onSwitch(tunnel: Tunnel): void {
    this.#stage = 'over';
    this.#mount.upgrading?.switched(tunnel);
  }

  #paceOf(): ClientPace {
    const { backend, options } = this.#mount;
    this.#pace ??= new ClientPace(backend, options.clientTimeout, this.#req, this.#res, this);
    return this.#pace;
  }

  readOn(): void {
    this.#dispatch?.resume();
  }

  // --- the end -------------------------------------------------------------------------------------------------------

  get mayBeBegunAgain(): boolean {
    return this.#mount.options.idempotent === undefined;
  }

  abandon(why = 'the client closed its connection'): void {
    const dispatch = this.#dispatch;
    const isUnsent = this.#stage === 'preparing';
    this.#dispatch = undefined;
    this.#stage = 'over';
    if (isUnsent) this.#failUnsent(new BackendError('client_aborted', why));
    else dispatch?.abort(new BackendError('client_aborted', why));
    this.#release();
    // If another handler has answered, nobody reads the rest. A handler that was given the request has still to read it.
    if (this.#readsRequest && this.#res.writableEnded) runOut(this.#req);
  }

  responseEnded(): void {
    if (!this.#isOpen() || !this.#res.writableEnded) return;
    this.abandon(ANSWERED_ELSEWHERE);
    this.#leaveToClient();
  }

  /** Fails a request for a reason that is not the origin's. */
  #giveUp(error: BackendError): void {
    this.onFail(this.#dispatch?.abort(error) ?? error);
  }

  /** The request could not be dispatched. */
  requestFailed(error: BackendError): void {
    if (this.#stage !== 'preparing' && this.#stage !== 'waiting') return;
    this.#stage = 'waiting';
    this.#failUnsent(error);
  }

  /** Fails it with the events of any other. */
  #failUnsent(error: BackendError): void {
    (this.#place ?? this.#mount.backend.dispatching).fail(unsentRequest(this.#req, this.#mount.options), this, error);
  }

  onFail(error: BackendError): void {
    this.#dispatch = undefined;
    const stage = this.#stage;
    if (stage === 'over') return;
    this.#stage = 'over';
    this.#release();
    if (endWithServer(this.#req) || error.code === 'http_request_error') distrust(this.#req, this.#res);
    if (stage === 'relaying' || stage === 'ended') {
      truncate(this.#req, this.#res);
    } else if (this.#next !== undefined && !this.#res.headersSent) {
      disown(this.#res);
      if (this.#readsRequest) this.#res.once('finish', () => runOut(this.#req));
      // Later, so that what the framework does with the error, or throws, does not happen inside the dispatcher.
      process.nextTick(this.#next, error);
    } else {
      answerFailure(this.#req, this.#res, error, this.#mount.backend.deadlines);
      this.#leaveToClient();
    }
  }

  cutOff(): void {
    this.abandon(`the client was silent for ${this.#mount.options.clientTimeout} ms`);
    truncate(this.#req, this.#res);
  }

  #leaveToClient(): void {
    if (isHttp2(this.#res.req)) this.#paceOf().watchSilence(); // the client still has to take the end
    if (this.#readsRequest) runOut(this.#req);
  }

  #release(): void {
    this.#place?.leave();
    this.#pace?.stop();
    this.#intake?.release();
  }
}
