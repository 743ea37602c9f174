/** For whom a certificate must be, where the origin is called by an address, and what a check of the user's own may do. */

import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from 'node:tls';
import { messageOf } from '../errors.js';

/** Without a server name tls.connect checks for where it dials: that may be another address, or `localhost` for a unix socket. */
export function addressCheck(
  servername: string,
  tls: ConnectionOptions,
): Pick<ConnectionOptions, 'checkServerIdentity'> {
  const isAddress = isIP(servername) !== 0;
  const { checkServerIdentity: check = checkServerIdentity } = tls;
  if (!isAddress && check === checkServerIdentity) return {};
  return {
    checkServerIdentity: (dialled, certificate) => objection(check, isAddress ? servername : dialled, certificate),
  };
}

/** In node:tls what a check throws ends the process, and so does what is no error. */
function objection(check: typeof checkServerIdentity, name: string, certificate: PeerCertificate): Error | undefined {
  try {
    const given: unknown = check(name, certificate);
    if (!given) return undefined;
    if (given instanceof Promise) given.catch(() => undefined);
    return asObjection(given instanceof Promise ? 'checkServerIdentity must answer at once, got a promise' : given);
  } catch (thrown) {
    return asObjection(thrown);
  }
}

function asObjection(given: unknown): Error {
  if (given instanceof Error && 'code' in given) return given;
  return Object.assign(new Error(messageOf(given), { cause: given }), { code: 'ERR_TLS_CERT_REFUSED' });
}
