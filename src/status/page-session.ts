/** Tells apart requests that the page sends and requests that another site makes the operator's browser send. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const COOKIE = 'pooled-backend-status';
const ID = /(?:^|;\s*)pooled-backend-status=([\w-]{43})(?:;|$)/;
const TOKEN_FIELD = 'x-status-token';

/**
 * The browser keeps an id in a cookie. No script can read the cookie, and the browser does not send it with requests of other
 * sites. The page keeps a token that is made from the id. This process stores neither, and another process knows neither.
 */
export class PageSession {
  readonly #secret = randomBytes(32);

  /** Returns the token for a page that is being served. Gives the browser an id, in the cookie of this response, if it has none. */
  open(req: IncomingMessage, res: ServerResponse): string {
    const known = ID.exec(req.headers.cookie ?? '')?.[1];
    const id = known ?? randomBytes(32).toString('base64url');
    if (known === undefined) giveCookie(req, res, `${COOKIE}=${id}; HttpOnly; SameSite=Strict`);
    return this.#tokenOf(id);
  }

  /** Whether the token is that of the browser's id. */
  holds({ headers }: IncomingMessage): boolean {
    const id = ID.exec(headers.cookie ?? '')?.[1];
    const token = headers[TOKEN_FIELD];
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

function giveCookie(req: IncomingMessage, res: ServerResponse, cookie: string): void {
  const isSecure = 'encrypted' in req.socket && req.socket.encrypted === true;
  const before = res.getHeader('Set-Cookie');
  const others = before === undefined ? [] : [before].flat().map(String);
  res.setHeader('Set-Cookie', [...others, isSecure ? `${cookie}; Secure` : cookie]);
}
