/** Turns the options of an undici request into those of `backend.request()`. */

import { stringify } from 'node:querystring';
import type { BackendRequestOptions } from 'pooled-backend';
import { type Dispatcher, errors, FormData as UndiciFormData, Response as UndiciResponse } from 'undici';

/** The options that any version of undici passes to a dispatcher. The types of each version declare only a part of them. */
export type DispatchOptions = Dispatcher.DispatchOptions & {
  readonly maxRedirections?: number | undefined;
  readonly throwOnError?: boolean | undefined;
};

type Prepared = Pick<BackendRequestOptions, 'headers' | 'body'>;

const REFUSED_FIELDS = new Set(['transfer-encoding', 'keep-alive', 'upgrade']);

/**
 * @param host value of the Host field if the request has none
 * @throws errors of undici for a request that cannot be sent
 */
export function backendRequest(options: DispatchOptions, host: string | undefined): BackendRequestOptions {
  refuse(options);
  const { method, path, query, idempotent } = options;
  const fields = fieldsOf(options.headers);
  if (host !== undefined && !hasField(fields, 'host')) fields.push(['Host', host]);
  return {
    method,
    path: query === undefined || query === null ? path : pathWithQuery(path, query),
    idempotent: idempotent ?? undefined,
    headersTimeout: limit(options.headersTimeout, 'headersTimeout'),
    bodyTimeout: limit(options.bodyTimeout, 'bodyTimeout'),
    ...prepared(fields, options.body),
  };
}

function refuse({ method, upgrade, maxRedirections = 0, throwOnError = false, typeOfService }: DispatchOptions): void {
  if (method === 'CONNECT' || (upgrade !== undefined && upgrade !== null && upgrade !== false)) {
    throw new errors.NotSupportedError(
      'CONNECT and upgrades cannot be dispatched: backend.upgradeHandler() relays upgrades of your clients',
    );
  }
  if (maxRedirections !== 0) {
    throw new errors.InvalidArgumentError(
      'maxRedirections is not supported: compose the dispatcher with interceptors.redirect()',
    );
  }
  if (throwOnError) {
    throw new errors.InvalidArgumentError(
      'throwOnError is not supported: compose the dispatcher with interceptors.responseError()',
    );
  }
  if (typeOfService !== undefined && typeOfService !== null) {
    throw new errors.NotSupportedError('typeOfService is not supported: connections serve many requests');
  }
}

/** In undici, 0 means no limit. */
function limit(ms: number | null | undefined, name: string): number | undefined {
  if (ms === undefined || ms === null) return undefined;
  if (!Number.isFinite(ms) || ms < 0) throw new errors.InvalidArgumentError(`invalid ${name}`);
  return ms === 0 ? Number.POSITIVE_INFINITY : ms;
}

function pathWithQuery(path: string, query: Record<string, unknown>): string {
  if (/[?#]/.test(path))
    throw new errors.InvalidArgumentError('a path with a query or a fragment takes no query option');
  const text = stringify(query as Parameters<typeof stringify>[0]);
  return text === '' ? path : `${path}?${text}`;
}

// --- fields ------------------------------------------------------------------------------------------------------------

function fieldsOf(headers: DispatchOptions['headers']): [string, string][] {
  const fields: [string, string][] = [];
  for (const [name, value] of pairsOf(headers)) {
    if (value === undefined) continue;
    checkName(name);
    const values = Array.isArray(value) ? value : [value];
    for (const one of values) fields.push([name, textOf(name, one)]);
  }
  return fields;
}

function* pairsOf(headers: DispatchOptions['headers']): Iterable<readonly [string, unknown]> {
  if (headers === undefined || headers === null) return;
  if (typeof headers !== 'object') throw new errors.InvalidArgumentError('headers must be an object or an array');
  if (Array.isArray(headers)) {
    if (headers.length % 2 !== 0) throw new errors.InvalidArgumentError('headers array must be even');
    for (let i = 0; i < headers.length; i += 2) yield [String(headers[i]), headers[i + 1]];
  } else if (Symbol.iterator in headers) {
    for (const pair of headers) {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new errors.InvalidArgumentError('headers must be in key-value pair format');
      }
      yield [String(pair[0]), pair[1]];
    }
  } else yield* Object.entries(headers);
}

function checkName(name: string): void {
  const lowerName = name.toLowerCase();
  if (lowerName === 'expect') throw new errors.NotSupportedError('expect header not supported');
  if (REFUSED_FIELDS.has(lowerName)) throw new errors.InvalidArgumentError(`invalid ${lowerName} header`);
}

function textOf(name: string, value: unknown): string {
  if (value === null) return '';
  if (typeof value === 'object' || typeof value === 'function') {
    throw new errors.InvalidArgumentError(`invalid ${name} header`);
  }
  return String(value);
}

function hasField(fields: readonly (readonly [string, string])[], lowerName: string): boolean {
  return fields.some(([name]) => name.toLowerCase() === lowerName);
}

// --- body --------------------------------------------------------------------------------------------------------------

/** The body and its default fields. As in undici, an empty body counts as none. */
function prepared(headers: [string, string][], body: unknown): Prepared {
  if (body === undefined || body === null || body === '') return { headers };
  if (typeof body === 'string') return { headers, body };
  if (ArrayBuffer.isView(body)) {
    if (body.byteLength === 0) return { headers };
    return { headers, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) };
  }
  if (body instanceof ArrayBuffer) return body.byteLength === 0 ? { headers } : { headers, body };
  if (body instanceof Blob) {
    if (body.type !== '' && !hasField(headers, 'content-type')) headers.push(['Content-Type', body.type]);
    if (!hasField(headers, 'content-length')) headers.push(['Content-Length', String(body.size)]);
    return { headers, body: body.stream() };
  }
  if (isFormData(body)) return encodedForm(headers, body);
  if (isStreamOrIterable(body)) return { headers, body };
  throw new errors.InvalidArgumentError(
    'body must be a string, bytes, a stream, an iterable, a Blob, FormData of undici or of Node',
  );
}

type Form = FormData | UndiciFormData;

function isFormData(body: unknown): body is Form {
  return body instanceof FormData || body instanceof UndiciFormData;
}

/** Encodes a form with the `Response` of the library that made it, Node's or undici's. It also chooses the boundary. */
function encodedForm(headers: [string, string][], form: Form): Prepared {
  const encoded = form instanceof FormData ? new Response(form) : new UndiciResponse(form);
  const contentType = encoded.headers.get('content-type');
  if (contentType !== null && !hasField(headers, 'content-type')) headers.push(['Content-Type', contentType]);
  return { headers, body: encoded.body as AsyncIterable<Uint8Array> };
}

function isStreamOrIterable(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && (Symbol.asyncIterator in body || Symbol.iterator in body);
}
