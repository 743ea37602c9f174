/** Turns URLs of the origin in a response into those that clients know: Location, Content-Location, Refresh. */

import type { IncomingMessage } from 'node:http';
import { BackendError } from '../../errors.js';
import { inHookAtOnce } from '../../hook.js';
import { isFieldValue, isNamed } from '../../http1/fields.js';
import { isAuthority } from '../../http1/request-target.js';
import type { LocationHook } from '../../options.js';
import { type MountPrefix, mountPrefix } from '../mount-prefix.js';
import type { MountedBackend } from '../mounted-backend.js';
import { protoOf } from '../request/client-facts.js';

/** What the rewriting of one response looks at. */
export interface LocationFacts {
  readonly rewrite: true | LocationHook;
  /** Knows the current origins. */
  readonly backend: Pick<MountedBackend, 'origins'>;
  /** The Host field that was sent. An origin that relies on it writes URLs with it. */
  readonly sentHost: string | undefined;
  /** Whether we believe what the client says about an earlier hop. */
  readonly trusted: boolean;
  /** The path was changed by a hook, so it cannot be mapped back. */
  readonly pathChanged: boolean;
}

/** Where clients find the mount. */
interface PublicPlace {
  readonly proto: string;
  readonly host: string;
  readonly prefix: MountPrefix | undefined;
}

const ABSOLUTE = /^(?:(https?):)?\/\/([^/?#]*)(.*)$/is;
const HTTP = /^https?$/i;
// Seconds, and a URL that may be quoted (HTML, the Refresh header). Values have no blanks around them.
const REFRESH = /^(\s*\d+(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?)(["']?)(.*?)(\2)$/i;

/** Rewrites in place. */
export function rewriteLocations(fields: string[], req: IncomingMessage, facts: LocationFacts): void {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1] ?? '';
    if (isNamed(name, 'location') || isNamed(name, 'content-location')) fields[i + 1] = rewritten(value, req, facts);
    else if (isNamed(name, 'refresh')) {
      fields[i + 1] = value.replace(
        REFRESH,
        (_, before: string, quote: string, url: string, after: string) =>
          before + quote + rewritten(url, req, facts) + after,
      );
    }
  }
}

function rewritten(url: string, req: IncomingMessage, facts: LocationFacts): string {
  const { rewrite, backend, sentHost } = facts;
  if (typeof rewrite === 'function') return sendable(inHookAtOnce('rewriteLocation', () => rewrite(url, req)) ?? url);
  const place = publicPlace(req, facts);
  if (place === undefined) return url;
  const [whole, scheme, authority = '', rest = ''] = ABSOLUTE.exec(url) ?? [];
  if (whole === undefined) return url.startsWith('/') ? publicPath(url, place.prefix) : url;
  const name = plainAuthority(authority, scheme);
  const isOurs =
    (sentHost !== undefined && name === plainAuthority(sentHost, scheme)) ||
    backend.origins().some((one) => one.authority.toLowerCase() === name);
  if (!isOurs) return url;
  const proto = sendsToTls(scheme, backend) ? 'https' : place.proto;
  return `${proto}://${place.host}${publicPath(rest, place.prefix)}`;
}

/** Checks what the hook made of a URL: the origin is not to blame for it. */
function sendable(given: unknown): string {
  if (typeof given === 'string' && isFieldValue(given)) return given;
  throw new BackendError('proxy_internal_error', 'the rewriteLocation hook returned an invalid value');
}

/**
 * Whether an origin that does not speak TLS itself has written `https:`: it wants its clients to use TLS. With the scheme that clients have
 * used now, the URL would lead them back to where they are, for ever.
 */
function sendsToTls(scheme: string | undefined, backend: LocationFacts['backend']): boolean {
  return scheme?.toLowerCase() === 'https' && backend.origins().every(({ origin }) => origin.startsWith('http:'));
}

function publicPlace(req: IncomingMessage, { trusted, pathChanged }: LocationFacts): PublicPlace | undefined {
  const { headers } = req;
  const told = (name: string) => (trusted ? firstOf(headers[name]) : undefined);
  const host = told('x-forwarded-host') || (firstOf(headers[':authority']) ?? headers.host);
  if (host === undefined || !isAuthority(host)) return undefined;
  const proto = told('x-forwarded-proto') ?? '';
  return { proto: HTTP.test(proto) ? proto : protoOf(req), host, prefix: mountPrefix(req, pathChanged) };
}

function publicPath(path: string, prefix: MountPrefix | undefined): string {
  if (prefix === undefined || !isBelow(path, prefix.sent)) return path;
  const found = prefix.public.replace(/\/$/, '') + path.slice(prefix.sent.length);
  // What begins with two slashes would be another host, and a browser takes a backslash for a slash.
  return found.replace(/^[/\\]{2,}/, '/');
}

function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (prefix.endsWith('/') || /^([/?#]|$)/.test(path.slice(prefix.length)));
}

/** In lower case, without the default port of the scheme. */
function plainAuthority(authority: string, scheme: string | undefined): string {
  const port = scheme?.toLowerCase() === 'https' ? /:443$/ : /:80$/;
  return authority.toLowerCase().replace(port, '');
}

function firstOf(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value.split(',', 1)[0]?.trim() : undefined;
}
