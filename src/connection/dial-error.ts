/** Gives each failure of a dial its error code. */

import { BackendError, type ErrorCode } from '../errors.js';

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOTFOUND: 'dns_error',
  EAI_AGAIN: 'dns_error',
  EAI_FAIL: 'dns_error',
  EAI_NODATA: 'dns_error',
  ENODATA: 'dns_error',
  ESERVFAIL: 'dns_error',
  ETIMEOUT: 'dns_timeout',
  ECONNREFUSED: 'connection_refused',
  ENOENT: 'connection_refused',
  ECONNRESET: 'connection_terminated',
  EPIPE: 'connection_terminated',
  ETIMEDOUT: 'connection_timeout',
  EHOSTUNREACH: 'destination_ip_unroutable',
  ENETUNREACH: 'destination_ip_unroutable',
  ENETDOWN: 'destination_ip_unroutable',
  EADDRINUSE: 'connection_limit_reached', // no port is free on the local address
  EADDRNOTAVAIL: 'connection_limit_reached', // no port is free
  EMFILE: 'connection_limit_reached',
  ENFILE: 'connection_limit_reached',
  ENOBUFS: 'connection_limit_reached',
};

const CERTIFICATE_CODE =
  /CERT|SIGNATURE|SELF_SIGNED|UNABLE_TO_|CHAIN|CRL|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH/;

function nameOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

function errorCodeOf(error: Error, secure: boolean): ErrorCode {
  const name = nameOf(error);
  // EADDRNOTAVAIL of a bind is not a lack of ports: this host does not have the local address.
  const isBind = 'syscall' in error && error.syscall === 'bind';
  const known = isBind ? undefined : CODES[name];
  if (known !== undefined) return known;
  if (!secure || isBind) return 'destination_unavailable';
  if (name.includes('ALERT')) return 'tls_alert_received';
  return CERTIFICATE_CODE.test(name) ? 'tls_certificate_error' : 'tls_protocol_error';
}

/** Makes the error of a failed dial. Nothing was sent. `unresolved`: it was the lookup that failed; its codes may be those of sockets. */
export function dialError(origin: string, cause: Error, secure: boolean, unresolved = false): BackendError {
  const name = nameOf(cause);
  const unresolvedCode = name === 'ETIMEOUT' ? 'dns_timeout' : 'dns_error';
  const code = unresolved ? unresolvedCode : errorCodeOf(cause, secure);
  return new BackendError(code, `could not connect to ${origin}: ${name}`, { origin, cause });
}

/** Whether one of several addresses might still have answered when node:net went on to the next. */
export function gaveUpAnAddress(cause: Error): boolean {
  const errors: unknown = 'errors' in cause ? cause.errors : undefined;
  return Array.isArray(errors) && errors.some((one) => one?.code === 'ETIMEDOUT');
}
