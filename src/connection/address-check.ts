/** For whom a certificate must be, where the origin is called by an address. */

import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from 'node:tls';

/** Without a server name tls.connect checks for where it dials: that may be another address, or `localhost` for a unix socket. */
export function addressCheck(
  servername: string,
  tls: ConnectionOptions,
): Pick<ConnectionOptions, 'checkServerIdentity'> {
  if (isIP(servername) === 0 || tls.servername !== undefined) return {};
  const { checkServerIdentity: check = checkServerIdentity } = tls;
  return { checkServerIdentity: (_dialled: string, certificate: PeerCertificate) => check(servername, certificate) };
}
