/** One upgrade of a client: the request goes the same way as every other, until the origin switches or refuses. */

import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { hangUp } from '../../client/linger.js';
import type {
  Dispatch,
  Dispatching,
  OutgoingRequest,
  Place,
  ResponseSink,
  Taken,
  Tunnel,
} from '../../dispatch/request.js';
import { asBackendError, type BackendError } from '../../errors.js';
import { isPromise, type MaybePromise, whenKept } from '../../hook.js';
import { fieldLines } from '../../http1/fields.js';
import type { ResponseHead } from '../../http1/response-head.js';
import { namedProtocols, switchingFields } from '../../http1/upgrade.js';
import type { ResolvedUpgradeOptions } from '../../options.js';
import type { Mount, MountedBackend } from '../mounted-backend.js';
import { Relay } from '../relay.js';
import { tryAnswerHere } from '../request/max-forwards.js';
import { fieldsForClient } from '../response/response-hooks.js';
import type { OpenTunnels } from './open-tunnels.js';
import { Splice } from './splice.js';

/** One upgrade handler, and the backend that it belongs to. */
export interface UpgradeMount {
  readonly backend: MountedBackend;
  readonly tunnels: OpenTunnels;
  readonly options: ResolvedUpgradeOptions;
}

const SWITCHING_PROTOCOLS = 101;

/**
 * Stands between a {@link Relay}, which knows no upgrades, and the dispatcher. The relay writes any response but a 101. It writes to a
 * response object that is put on the bare socket, and that response ends the connection.
 */
export class Handshake implements Dispatching, ResponseSink {
  readonly #mount: UpgradeMount;
  readonly #relayed: Mount; // as the relay sees it
  readonly #req: IncomingMessage;
  readonly #socket: Duplex;
  readonly #first: Buffer; // bytes after the request: not passed on before the origin has switched
  readonly #leave: () => void;
  readonly #res: ServerResponse;
  #offer = '';
  #sent: OutgoingRequest | undefined;
  #dispatch: Dispatch | undefined;
  #relay: ResponseSink | undefined;
  #switching: MaybePromise<string> | undefined; // the head of the 101 for the client

  /** `leave` ends {@link lookAfter} of the socket. */
  constructor(mount: UpgradeMount, req: IncomingMessage, socket: Duplex, first: Buffer, leave: () => void) {
    this.#mount = mount;
    this.#relayed = { backend: mount.backend, dispatching: this, options: mount.options.mount };
    this.#req = req;
    this.#socket = socket;
    this.#first = first;
    this.#leave = leave;
    this.#res = new ServerResponse(req);
    this.#res.shouldKeepAlive = false;
    this.#res.assignSocket(req.socket);
    this.#res.once('finish', () => this.#hangUp());
  }

  /** Asks the origin to switch to one of these protocols. A CONNECT needs none: it is refused. */
  begin(offer: string): void {
    this.#offer = offer;
    if (!tryAnswerHere(this.#req, this.#res)) new Relay(this.#relayed, this.#req, this.#res, undefined).begin();
  }

  // --- between the relay and the dispatcher --------------------------------------------------------------------------

  dispatch(request: OutgoingRequest, relay: ResponseSink): Dispatch {
    return this.#begin(this.#mount.backend.dispatching, request, relay);
  }

  fail(request: OutgoingRequest, relay: ResponseSink, error: BackendError): void {
    this.#mount.backend.dispatching.fail(request, relay, error);
  }

  announce(...[timeouts, announcer]: Parameters<Dispatching['announce']>): Place | undefined {
    const place = this.#mount.backend.dispatching.announce(timeouts, announcer);
    if (place === undefined) return undefined;
    return {
      dispatch: (request, relay) => this.#begin(place, request, relay),
      fail: (request, relay, error) => place.fail(request, relay, error),
      leave: () => place.leave(),
    };
  }

  #begin(to: Pick<Dispatching, 'dispatch'>, request: OutgoingRequest, relay: ResponseSink): Dispatch {
    this.#relay = relay;
    this.#sent = request;
    const upgrade = { upgrade: this.#offer, nonIdempotent: 'fresh' } as const;
    this.#dispatch = to.dispatch({ ...request, ...upgrade }, this);
    return this.#dispatch;
  }

  onInformation(head: ResponseHead): void {
    this.#relay?.onInformation(head);
  }

  onHead(head: ResponseHead): void {
    if (head.statusCode === SWITCHING_PROTOCOLS) this.#prepare(head);
    else this.#relay?.onHead(head);
  }

  get holds(): boolean {
    return this.#relay?.holds === true || isPromise(this.#switching);
  }

  onBody(bytes: Buffer): Taken {
    return this.#relay?.onBody(bytes) ?? true;
  }

  onEnd(trailers: readonly string[]): void {
    this.#relay?.onEnd(trailers);
  }

  onFail(error: BackendError): void {
    this.#relay?.onFail(error);
  }

  #prepare(head: ResponseHead): void {
    const fail = (thrown: unknown) => {
      const error = asBackendError(thrown);
      this.onFail(this.#dispatch?.abort(error) ?? error);
    };
    const prepared = (text: string) => {
      this.#switching = text;
      this.#dispatch?.resume();
    };
    try {
      this.#switching = this.#switchingHead(head);
      if (isPromise(this.#switching)) this.#switching.then(prepared).then(undefined, fail);
    } catch (thrown) {
      fail(thrown);
    }
  }

  onSwitch(tunnel: Tunnel): void {
    const { backend, tunnels, options } = this.#mount;
    const socket = this.#socket;
    this.#leave();
    this.#res.detachSocket(this.#req.socket);
    const splice = new Splice(socket, tunnel, backend.deadlines, options, (over) => tunnels.delete(over));
    tunnels.add(splice);
    socket.cork();
    socket.write(String(this.#switching), 'latin1');
    splice.begin(this.#first);
    socket.uncork();
  }

  #switchingHead(head: ResponseHead): MaybePromise<string> {
    const fields = fieldsForClient(head, this.#req, this.#relayed, this.#sent, this.#dispatch);
    return whenKept(fields, (kept) => switchingText(head, switchingFields(kept)));
  }

  /** Called when the response was sent. */
  #hangUp(): void {
    this.#leave();
    hangUp(this.#socket, this.#mount.backend.deadlines);
  }
}

/** @throws BackendError if a hook gave a field that cannot be written */
function switchingText({ statusText, rawHeaders }: ResponseHead, fields: readonly string[]): string {
  const protocols = namedProtocols(rawHeaders).join(', ');
  return `HTTP/1.1 101 ${statusText}\r\nUpgrade: ${protocols}\r\nConnection: Upgrade\r\n${fieldLines(fields)}\r\n`;
}
