/** Turns failures of the backend into errors with undici's classes and codes, and with the `BackendError` as the cause. */

import { errors } from 'undici';
import { asBackendError, BackendError, isError } from '../../errors.js';

/** The error that a handler gets if its request failed with `thrown`. */
export function undiciError(thrown: unknown): Error {
  const failure = asBackendError(thrown);
  const error = translated(failure);
  if (error !== failure.cause) error.cause = failure;
  return error;
}

function translated(failure: BackendError): Error {
  const { message } = failure;
  switch (failure.code) {
    case 'connection_timeout':
    case 'dns_timeout':
      return new errors.ConnectTimeoutError();
    case 'http_response_timeout':
      return new errors.HeadersTimeoutError();
    case 'connection_read_timeout':
      return new errors.BodyTimeoutError();
    case 'http_request_error':
      return new errors.InvalidArgumentError(message);
    case 'http_response_header_section_size':
    case 'http_response_trailer_section_size':
      return new errors.HeadersOverflowError();
    case 'http_protocol_error':
    case 'http_response_transfer_coding':
      return new errors.HTTPParserError(message);
    case 'backend_closed':
      return new errors.ClientDestroyedError();
    case 'client_aborted':
      // Not aborted by the handler: the stream of the request body has failed, with an error of the caller.
      return isError(failure.cause) ? failure.cause : new errors.RequestAbortedError();
    case 'connection_refused':
    case 'destination_ip_unroutable':
    case 'destination_unavailable':
    case 'dns_error':
    case 'tls_alert_received':
    case 'tls_certificate_error':
    case 'tls_protocol_error':
      return systemError(failure);
    case 'connection_terminated':
    case 'connection_write_timeout':
    case 'http_response_incomplete':
      return new errors.SocketError(message);
    case 'body_already_read':
    case 'connection_limit_reached':
    case 'http_upgrade_failed':
    case 'proxy_configuration_error':
    case 'proxy_internal_error':
      return new errors.InformationalError(message);
  }
}

/** undici passes the system's error of a dial on as it is: `ECONNREFUSED`, `ENOTFOUND`, and the codes of TLS. */
function systemError(failure: BackendError): Error {
  const error = new Error(failure.message);
  // The error of a request that waited has the failed dial as its cause, and the failed dial has the system's error.
  let { cause } = failure;
  while (BackendError.is(cause)) cause = cause.cause;
  if (!isError(cause)) return error;
  for (const name of ['code', 'errno', 'syscall', 'address', 'port', 'hostname']) {
    const value: unknown = Reflect.get(cause, name);
    if (value !== undefined) Reflect.set(error, name, value);
  }
  return error;
}
