/** An origin with the same name must be the same server. */

import type { ResolvedOrigin } from '../options.js';

/**
 * The name is the identity. So a server with another socket, or another name in TLS, would take over what was learned of the
 * first. And the primary of a cluster was asked for a share of one total: the sockets are counted in that one.
 *
 * @param name what the origin is called in the error
 * @throws TypeError unless it is the server that is known by its name
 */
export function refuseOtherServer(name: string, known: ResolvedOrigin | undefined, given: ResolvedOrigin): void {
  if (known === undefined) return;
  const refuse = (what: string, was: string | number = 'none', is: string | number = 'none') => {
    if (was === is) return;
    throw new TypeError(`${name}.${what} cannot be changed for ${known.origin}: it is ${was}, got ${is}`);
  };
  refuse('socketPath', known.socketPath, given.socketPath);
  refuse('maxConnections.total', known.total, given.total);
  if (given.protocol === 'https:') refuse('host', known.servername, given.servername);
}
