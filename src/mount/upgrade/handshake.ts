/** One upgrade of a client: the request goes the same way as every other, until the origin switches or refuses. */

import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { hangUp } from '../../client/linger.js';
import type { Tunnel } from '../../dispatch/request.js';
import { fieldLines } from '../../http1/fields.js';
import type { ResponseHead } from '../../http1/response-head.js';
import { namedProtocols, switchingFields } from '../../http1/upgrade.js';
import type { ResolvedUpgradeOptions } from '../../options.js';
import type { MountedBackend, Upgrading } from '../mounted-backend.js';
import { Relay } from '../relay.js';
import { tryAnswerHere } from '../request/max-forwards.js';
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
 * Gives the request to a {@link Relay}, which writes any response but a 101: to a response object that is put on the bare socket, and that
 * response ends the connection.
 */
export class Handshake implements Upgrading {
  offer = ''; // set by `begin`
  readonly #mount: UpgradeMount;
  readonly #req: IncomingMessage;
  readonly #socket: Duplex;
  readonly #first: Buffer; // bytes after the request: not passed on before the origin has switched
  readonly #leave: () => void;
  readonly #res: ServerResponse;
  #switching = ''; // the head of the 101 for the client

  /** `leave` ends {@link lookAfter} of the socket. */
  constructor(mount: UpgradeMount, req: IncomingMessage, socket: Duplex, first: Buffer, leave: () => void) {
    this.#mount = mount;
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
    this.offer = offer;
    if (tryAnswerHere(this.#req, this.#res)) return;
    const mount = { backend: this.#mount.backend, options: this.#mount.options.mount, upgrading: this };
    new Relay(mount, this.#req, this.#res, undefined).begin();
  }

  tryKeep({ statusCode, statusText, rawHeaders }: ResponseHead, fields: readonly string[]): boolean {
    if (statusCode !== SWITCHING_PROTOCOLS) return false;
    const protocols = namedProtocols(rawHeaders).join(', ');
    const lines = fieldLines(switchingFields(fields));
    this.#switching = `HTTP/1.1 101 ${statusText}\r\nUpgrade: ${protocols}\r\nConnection: Upgrade\r\n${lines}\r\n`;
    return true;
  }

  switched(tunnel: Tunnel): void {
    const { backend, tunnels, options } = this.#mount;
    const socket = this.#socket;
    this.#leave();
    this.#res.detachSocket(this.#req.socket);
    const splice = new Splice(socket, tunnel, backend.deadlines, options, (over) => tunnels.delete(over));
    tunnels.add(splice);
    socket.cork();
    socket.write(this.#switching, 'latin1');
    splice.begin(this.#first);
    socket.uncork();
  }

  /** Called when the response was sent. */
  #hangUp(): void {
    this.#leave();
    hangUp(this.#socket, this.#mount.backend.deadlines);
  }
}
