/** The names of OpenTelemetry for the parts of a request: its semantic conventions for HTTP, stable since 1.23. */

import type { Attributes } from '@opentelemetry/api';
import type { BackendError } from 'pooled-backend';

// "HTTP request method value SHOULD be 'known' to the instrumentation": other methods would create any number of series.
const KNOWN_METHODS: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);

/** The protocol of every connection. */
export const PROTOCOL = { 'network.protocol.name': 'http', 'network.protocol.version': '1.1' } as const;

// Values that "SHOULD be redacted by default" in url.full.
const SECRETS =
  /([?&](?:AWSAccessKeyId|Signature|sig|X-Amz-Credential|X-Amz-Security-Token|X-Amz-Signature|X-Goog-Signature)=)[^&#]*/g;
const ORIGIN = /^(https?):\/\/(.*):(\d+)$/;

export function methodAttributes(method: string): Attributes {
  if (KNOWN_METHODS.has(method)) return { 'http.request.method': method };
  return { 'http.request.method': '_OTHER', 'http.request.method_original': method };
}

/** For metrics: unknown methods would create any number of series. */
export function methodOf(method: string): string {
  return KNOWN_METHODS.has(method) ? method : '_OTHER';
}

/** The name of a span is the method alone: a proxy knows no template of the path. */
export function spanName(method: string): string {
  return KNOWN_METHODS.has(method) ? method : 'HTTP';
}

export function serverAttributes(origin: string): Attributes {
  const [, scheme, host = '', port] = ORIGIN.exec(origin) ?? [];
  if (scheme === undefined) return {};
  return { 'url.scheme': scheme, 'server.address': host.replace(/^\[(.*)\]$/, '$1'), 'server.port': Number(port) };
}

export function fullUrl(origin: string, path: string): string {
  return (origin + (path === '*' ? '' : path)).replace(SECRETS, '$1REDACTED');
}

/** How an attempt ended: `error.type` is the code of our error, or the status if that is an error. */
export function endAttributes(statusCode: number | undefined, error: BackendError | undefined): Attributes {
  const failed = statusCode !== undefined && statusCode >= 400 ? String(statusCode) : undefined;
  const type = error?.code ?? failed;
  return {
    ...(statusCode === undefined ? {} : { 'http.response.status_code': statusCode }),
    ...(type === undefined ? {} : { 'error.type': type }),
  };
}
