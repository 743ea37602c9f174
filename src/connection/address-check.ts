/** Which name a certificate must be for if the origin is named by an address; and protection from a faulty check of the user's own. */

import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from 'node:tls';
import { isError, messageOf } from '../errors.js';

/**
 * Without a server name tls.connect checks the certificate for the address that it dials. That may be another address than the origin's, or
 * `localhost` for a unix socket.
 */
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

/** Calls the check. In node:tls an exception thrown by it would end the process, and so would a returned value that is not an Error. */
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
  if (isError(given) && 'code' in given) return given;
  return Object.assign(new Error(messageOf(given), { cause: given }), { code: 'ERR_TLS_CERT_REFUSED' });
}
