/** What a mount knows about the client of a request, and whether it believes what that client says about others. */

import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import type { ResolvedHandlerOptions } from '../../options.js';

export interface ClientFacts {
  /** IP address of the other end of the client's connection; `undefined` on a unix socket, or once it is gone. */
  readonly address: string | undefined;
  readonly proto: 'http' | 'https';
  /** What the client asked for: its Host field, or the authority of its target. */
  readonly host: string | undefined;
}

/** `host`: what the client asked for. */
export function clientFacts(req: IncomingMessage, host: string | undefined): ClientFacts {
  return { address: req.socket.remoteAddress, proto: protoOf(req), host };
}

/** By which scheme the client has reached this server. */
export function protoOf({ socket }: { readonly socket: object }): 'http' | 'https' {
  return 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http';
}

/** Whether we believe what the client says about earlier hops. */
export function isTrusted(req: IncomingMessage, trustProxy: ResolvedHandlerOptions['trustProxy']): boolean {
  if (trustProxy === false) return false;
  const address = req.socket.remoteAddress;
  if (address === undefined) return false;
  return trustProxy.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
