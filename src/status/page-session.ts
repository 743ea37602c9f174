/** Tells apart requests that the page sends and requests that another site makes the operator's browser send. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

interface Cookie {
  readonly name: string;
  readonly attributes: string;
  readonly id: RegExp;
}

// Of another name over TLS: cookies are of a host, not of a port, and a browser lets no page without TLS replace one that is Secure
// (RFC 6265bis §5.7, step 16), nor send it. A page of the same host without TLS would never get its id.
const PLAIN = cookieOf('pooled-backend-status', 'HttpOnly; SameSite=Strict');
const SECURE = cookieOf('__Secure-pooled-backend-status', 'HttpOnly; SameSite=Strict; Secure');
const TOKEN_FIELD = 'x-status-token';

/**
 * The browser keeps an id in a cookie. No script can read the cookie, and the browser does not send it with requests of other
 * sites. The page keeps a token that is made from the id. This process stores neither, and another process knows neither.
 */
export class PageSession {
  readonly #secret = randomBytes(32);

  /** Returns the token for a page that is being served. Gives the browser an id, in the cookie of this response, if it has none. */
  open(req: IncomingMessage, res: ServerResponse): string {
    const known = idOf(req);
    const id = known ?? randomBytes(32).toString('base64url');
    if (known === undefined) giveCookie(req, res, id);
    return this.#tokenOf(id);
  }

  /** Whether the token is that of the browser's id. */
  holds(req: IncomingMessage): boolean {
    const id = idOf(req);
    const token = req.headers[TOKEN_FIELD];
    if (id === undefined || typeof token !== 'string') return false;
    const [given, right] = [Buffer.from(token), Buffer.from(this.#tokenOf(id))];
    return given.length === right.length && timingSafeEqual(given, right);
  }

  #tokenOf(id: string): string {
    return createHmac('sha256', this.#secret).update(id).digest('base64url');
  }
}

/**
 * Decides by fields that the browser sets and that no page can change: Sec-Fetch-Site, if the browser sends it, and
 * Origin (RFC 6454 §7), which must be there and must name the same host as the field Host.
 */
export function isOfSamePage({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  const host = headers.host ?? headers[':authority'];
  if (headers.origin === undefined || typeof host !== 'string') return false;
  try {
    const origin = new URL(headers.origin);
    return origin.host !== '' && origin.host === new URL(`${origin.protocol}//${host}`).host;
  } catch {
    return false; // for example `null`, from a page that hides its origin
  }
}

function cookieOf(name: string, attributes: string): Cookie {
  return { name, attributes, id: new RegExp(`(?:^|;\\s*)${name}=([\\w-]{43})(?:;|$)`) };
}

function cookieFor({ socket }: IncomingMessage): Cookie {
  return 'encrypted' in socket && socket.encrypted === true ? SECURE : PLAIN;
}

function idOf(req: IncomingMessage): string | undefined {
  return cookieFor(req).id.exec(req.headers.cookie ?? '')?.[1];
}

function giveCookie(req: IncomingMessage, res: ServerResponse, id: string): void {
  const { name, attributes } = cookieFor(req);
  const before = res.getHeader('Set-Cookie');
  const others = before === undefined ? [] : [before].flat().map(String);
  res.setHeader('Set-Cookie', [...others, `${name}=${id}; ${attributes}`]);
}
