/** The request target (RFC 9112 §3.2) as it is sent to an origin server. */

import { BackendError } from '../errors.js';

export interface RequestTarget {
  /** Origin-form, or `*`. */
  readonly path: string;
  /** The authority of an absolute-form target; it replaces the Host field (RFC 9112 §3.2.2). */
  readonly authority: string | undefined;
}

const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)(.*)$/is;
const PATH = /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/;
const SLASH = 0x2f;
// uri-host [":" port] (RFC 9110 §7.2), an IP literal in brackets included. No userinfo, and no empty host (RFC 9110 §4.2.1).
const AUTHORITY = /^(?:\[[0-9A-Za-z:.%~_-]+\]|[0-9A-Za-z._~%!$&'()*+,;=-]+)(?::[0-9]*)?$/;

/**
 * Reduces a target to what an origin server is sent. `..` is left as it is: resolving it is the origin's business.
 * @throws BackendError `http_request_error`
 */
export function requestTarget(method: string, url: string): RequestTarget {
  // No target has a fragment (RFC 9112 §3.2), and servers differ on whether the path ends there.
  if (url.includes('#')) throw badTarget('it has a fragment');
  if (url.charCodeAt(0) === SLASH) return { path: url, authority: undefined };
  // No client can send this. Polka leaves it of `/api?a` when it strips `/api`.
  if (url.startsWith('?')) return { path: pathOf(method, url), authority: undefined };
  if (url === '*') {
    if (method === 'OPTIONS') return { path: '*', authority: undefined };
    throw badTarget('* is a target of OPTIONS alone');
  }
  const parts = ABSOLUTE_FORM.exec(url);
  const [, authority = '', rest = ''] = parts ?? [];
  if (parts === null || !isAuthority(authority)) {
    throw badTarget('the target is neither a path nor an http URL with a plain authority');
  }
  return { path: pathOf(method, rest), authority };
}

// Clients ask for the same host again and again.
let lastAuthority = '';

/** Whether a Host field or an authority names a host and perhaps a port, and nothing else. */
export function isAuthority(text: string): boolean {
  if (text === lastAuthority) return true;
  if (!AUTHORITY.test(text)) return false;
  lastAuthority = text;
  return true;
}

/** Whether it can stand between the two spaces of a request line: no fragment (RFC 9112 §3.2). */
export function isPath(text: string): boolean {
  return PATH.test(text);
}

/**
 * Whether a path has a segment that a server may resolve to the one above: `..`, percent-encoded or not, with a
 * backslash for the slash, or with parameters behind it (`..;a`).
 */
export function climbs(path: string): boolean {
  const end = path.search(/[?#]/);
  const plain = (end < 0 ? path : path.slice(0, end)).replace(/%2e/gi, '.').replace(/%2f|%5c|\\/gi, '/');
  return plain.includes('..') && plain.split('/').some((segment) => segment === '..' || segment.startsWith('..;'));
}

function pathOf(method: string, rest: string): string {
  if (rest.charCodeAt(0) === SLASH) return rest;
  // An empty path is "/", but OPTIONS without a path asks for the server as a whole (RFC 9112 §3.2.4).
  if (rest === '') return method === 'OPTIONS' ? '*' : '/';
  return `/${rest}`;
}

function badTarget(why: string): BackendError {
  return new BackendError('http_request_error', `the request target cannot be sent: ${why}`);
}
