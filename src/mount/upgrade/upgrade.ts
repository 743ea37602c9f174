/** Mounts a backend on the 'upgrade' event of a server: WebSocket, and any other protocol that a connection can switch to. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { answerUnsupported } from '../../client/error-answer.js';
import { announcesBody } from '../../client/linger.js';
import { whenItsTurnToUpgradeComes } from '../../client/pipelined-turn.js';
import { namedProtocols, protocolName } from '../../http1/upgrade.js';
import type { ResolvedUpgradeOptions } from '../../options.js';
import type { MountedBackend } from '../mounted-backend.js';
import { serveWithBodyToCome } from './body-to-come.js';
import { Handshake } from './handshake.js';
import type { OpenTunnels } from './open-tunnels.js';
import { serveAsPlainRequest } from './plain-request.js';
import { ignore, lookAfter, lookAfterLast, READS_BODIES } from './released-socket.js';

/**
 * A listener for the server's `upgrade` event. Also for `connect`, which it answers with 501. Ignores requests that
 * another `UpgradeHandler` has taken.
 */
export type UpgradeHandler = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

// A server emits each upgrade to all listeners: two handlers would send it twice.
const taken = new WeakSet<IncomingMessage>();

/** `current` returns the current options. */
export function createUpgradeHandler(
  backend: MountedBackend,
  tunnels: OpenTunnels,
  current: () => ResolvedUpgradeOptions,
): UpgradeHandler {
  return (req, socket, head) => {
    if (taken.has(req)) return;
    taken.add(req);
    if (isResponse(socket)) {
      answerUnsupported(socket, 'CONNECT');
      return;
    }
    socket.on('error', ignore);
    // If the body is still to come, `socket` is a stream of what follows the body.
    if (READS_BODIES && socket !== req.socket && announcesBody(req)) {
      lookAfterLast(req.socket);
      whenItsTurnToUpgradeComes(req.socket, () => serveWithBodyToCome(req, backend.deadlines));
      return;
    }
    const leave = lookAfter(socket, head);
    whenItsTurnToUpgradeComes(socket, () => {
      const mount = { backend, tunnels, options: current() };
      const offer = offerOf(req, mount.options.protocols);
      if (req.method === 'CONNECT' || offer !== '') new Handshake(mount, req, socket, head, leave).begin(offer);
      else {
        leave();
        socket.off('error', ignore);
        serveAsPlainRequest(req, socket, head, backend.deadlines);
      }
    });
  };
}

/** For a CONNECT of HTTP/2, node:http2 emits `connect` with the response in place of the socket. */
function isResponse(given: Duplex | ServerResponse): given is ServerResponse {
  return 'writeHead' in given;
}

/** The offered protocols that may be tunnelled, as they were offered; empty if there are none. */
function offerOf(req: IncomingMessage, protocols: ResolvedUpgradeOptions['protocols']): string {
  // "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request" (RFC 9110 §7.8). With a body the field may be
  // ignored, too, and is: no protocol in use is asked for like that.
  if (req.httpVersion !== '1.1' || announcesBody(req)) return '';
  const offered = namedProtocols(req.rawHeaders);
  return offered.filter((protocol) => isTunnelled(protocolName(protocol), protocols)).join(', ');
}

function isTunnelled(name: string, protocols: ResolvedUpgradeOptions['protocols']): boolean {
  return protocols === undefined ? name !== 'h2c' : protocols.has(name);
}
