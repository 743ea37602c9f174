/** The head of a client's request, read once and made ready to be sent to an origin. */

import type { IncomingMessage } from 'node:http';
import { isHttp2, streamOf } from '../../client/http2.js';
import { fieldsOf, isUnframedStream } from '../../client/injected-request.js';
import { expectsContinue } from '../../client/interim.js';
import type { OutgoingRequest } from '../../dispatch/request.js';
import { BackendError } from '../../errors.js';
import type { MaybePromise } from '../../hook.js';
import { endToEndFields, fieldValues, listHasToken, withoutField } from '../../http1/fields.js';
import type { RequestFraming } from '../../http1/request-head.js';
import { isAuthority, requestTarget } from '../../http1/request-target.js';
import { viaOf } from '../../http1/via.js';
import type { Mount } from '../mounted-backend.js';
import { clientFacts, isTrusted } from './client-facts.js';
import { isDisguised, refuseDoubtful } from './doubtful-request.js';
import { type EarlierHops, forwardingFields, isEarlierHop, isForwardingField } from './forwarded-fields.js';
import { countHop } from './max-forwards.js';
import { requestFraming } from './request-framing.js';
import { hookedRequest } from './request-hooks.js';

/** A request as it is sent, except for what is known only once its body is: see `outgoingRequest()`. */
export interface ClientRequest extends OutgoingRequest {
  body: OutgoingRequest['body'];
  idempotent: OutgoingRequest['idempotent'];
  expectTimeout: OutgoingRequest['expectTimeout'];
  /** How the client marks the end of its body. */
  readonly framing: RequestFraming;
  /** The client waits for 100 Continue before it sends its body. */
  readonly expectsContinue: boolean;
}

/** What was found in the fields, besides the fields that are kept. */
interface Found {
  host: string | undefined;
  hostIsRepeated: boolean;
  contentLengths: readonly string[];
  expectsContinue: boolean;
  earlier: EarlierHops;
}

const NO_VALUES: readonly string[] = [];
const NO_HOPS: EarlierHops = {};

// Room for Via and the forwarding fields: five names with their values, seldom more.
const MOSTLY_ADDED = 10;

/**
 * Reads the head of `req`. Returns a promise only if a hook returned one.
 * @throws BackendError `http_request_error` when it is ambiguous or cannot be written, `proxy_internal_error` when a hook of the mount
 * throws.
 */
export function readClientRequest(req: IncomingMessage, mount: Mount): MaybePromise<ClientRequest> {
  const { backend, options, upgrading } = mount;
  refuseDoubtful(req);
  const method = req.method ?? 'GET';
  const target = requestTarget(method, req.url ?? '/');
  const found: Found = {
    host: undefined,
    hostIsRepeated: false,
    contentLengths: NO_VALUES,
    expectsContinue: false,
    earlier: NO_HOPS,
  };
  const fields = endToEndFields(fieldsOf(req), MOSTLY_ADDED);
  sortOut(fields, found, isTrusted(req, options.trustProxy));
  if (isHttp2(req)) joinCookies(fields);
  countHop(method, fields);
  const boundTo = backend.sticky?.takeFrom(fields);
  const { headers } = req;
  const framing = requestFraming({
    // A length that Connection names is stripped from the fields, but the server has read the body by it.
    contentLengths: withHidden(found.contentLengths, headers['content-length']),
    transferEncoding: isUnframedStream(req) ? 'chunked' : headers['transfer-encoding'],
    httpVersion: req.httpVersion,
    endedWithHead: endedWithHead(req),
  });
  const host = askedHost(req, found); // checked even if the target names another one
  // A server in HTTP/2 has looked at `:authority`: there is no absolute form beside it (RFC 9113 §8.3.1).
  if (target.authority !== undefined && isHttp2(req)) throw badHost('its :path names a host');
  const asked = target.authority ?? host;
  fields.push('Via', viaOf(req.httpVersion));
  if (options.forwarded !== false) {
    forwardingFields(options.forwarded, clientFacts(req, asked), found.earlier, fields);
  }
  const request: ClientRequest = {
    method,
    path: target.path,
    fields,
    host: options.host === 'preserve' ? asked : undefined,
    body: undefined,
    idempotent: undefined,
    nonIdempotent: upgrading === undefined ? options.nonIdempotent : 'fresh',
    timeouts: options.timeouts,
    expectTimeout: undefined,
    boundTo,
    acceptsTrailers: asksForTrailers(headers.te),
    upgrade: upgrading?.offer,
    framing,
    expectsContinue: found.expectsContinue,
  };
  return options.rewritePath === undefined && options.onRequestFields === undefined
    ? request
    : hookedRequest(request, req, options);
}

/** Takes out of `fields`, in place, what is not passed on unchanged. */
function sortOut(fields: string[], found: Found, trusted: boolean): void {
  let kept = 0;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    if (mayBeTakenOut(name) && tryTakeOut(name.toLowerCase(), value, found, trusted)) continue;
    fields[kept] = name;
    fields[kept + 1] = value;
    kept += 2;
  }
  fields.length = kept;
}

/** HTTP/2 may split Cookie into several fields; in HTTP/1.1 it is one again (RFC 9113 §8.2.3). */
function joinCookies(fields: string[]): void {
  const cookies = fieldValues(fields, 'cookie');
  if (cookies.length < 2) return;
  const rest = withoutField(fields, 'cookie');
  fields.length = 0;
  fields.push(...rest, 'cookie', cookies.join('; '));
}

/** Decided by the first letter, so that the other names need no lower-case copy. */
function mayBeTakenOut(name: string): boolean {
  switch (name.charCodeAt(0) | 0x20) {
    case 0x63: // Content-Length, also in disguise
    case 0x65: // Expect
    case 0x66: // Forwarded
    case 0x68: // Host
    case 0x74: // Transfer_Encoding
    case 0x78: // X-Forwarded-*, also in disguise
    case 0x3a: // pseudo-fields of HTTP/2
      return true;
    default:
      return false;
  }
}

/** Notes in `found` what is taken out. Returns false for a field that is passed on as it is. */
function tryTakeOut(lowerName: string, value: string, found: Found, trusted: boolean): boolean {
  switch (lowerName) {
    case 'host':
      found.hostIsRepeated = found.host !== undefined;
      found.host ??= value;
      return true;
    case 'content-length':
      found.contentLengths = withOneMore(found.contentLengths, value);
      return true;
    case 'expect':
      // Passed on only if the client still waits for 100, which its response knows.
      if (!expectsContinue(value)) return false;
      found.expectsContinue = true;
      return true;
    default:
      if (lowerName.charCodeAt(0) === 0x3a) return true; // a pseudo-field of HTTP/2
      if (!isForwardingField(lowerName)) return isDisguised(lowerName);
      if (!trusted) return true;
      if (!isEarlierHop(lowerName)) return false;
      noteHop(found, lowerName, value);
      return true;
  }
}

function noteHop(found: Found, name: keyof EarlierHops, value: string): void {
  const before = found.earlier[name];
  found.earlier = { ...found.earlier, [name]: before === undefined ? value : `${before}, ${value}` };
}

function asksForTrailers(te: string | string[] | undefined): boolean {
  return te !== undefined && listHasToken(String(te), 'trailers');
}

/** There is mostly one value: an array that grows by one makes room for sixteen more. */
function withOneMore(values: readonly string[], value: string): readonly string[] {
  return values.length === 0 ? [value] : [...values, value];
}

function withHidden(contentLengths: readonly string[], parsed: string | undefined): readonly string[] {
  return contentLengths.length === 0 && parsed !== undefined ? [parsed] : contentLengths;
}

function endedWithHead(req: IncomingMessage): boolean {
  if (!isHttp2(req)) return false;
  const stream = streamOf(req);
  return stream !== undefined && Reflect.get(stream, 'endAfterHeaders') === true;
}

/**
 * @throws BackendError for more than one Host field, and for a Host field that names no host (RFC 9112 §3.2) or another one than
 * `:authority` (RFC 9113 §8.3.1)
 */
function askedHost(req: IncomingMessage, found: Found): string | undefined {
  // A Host field that Connection names is stripped from the fields, but it is a Host field all the same.
  const hidden = found.host === undefined ? fieldValues(fieldsOf(req), 'host') : NO_VALUES;
  const named = found.host ?? hidden[0];
  if (found.hostIsRepeated || hidden.length > 1) throw badHost('the request has more than one Host field');
  const host = named === undefined || isHttp2(req) ? authorityOf(req) : named;
  if (host === undefined || host === '') return undefined;
  if (!isAuthority(host)) throw badHost('its Host field does not name a host and a port');
  if (named !== undefined && named !== host && plainHost(named) !== plainHost(host))
    throw badHost('its Host field names another host than :authority');
  return host;
}

/** The host in lower case, without a default port. */
function plainHost(host: string): string {
  return host.toLowerCase().replace(/:(?:80|443)$/, '');
}

function authorityOf(req: IncomingMessage): string | undefined {
  const authority = req.headers[':authority'] ?? req.headers.host;
  return typeof authority === 'string' ? authority : undefined;
}

function badHost(message: string): BackendError {
  return new BackendError('http_request_error', message);
}
