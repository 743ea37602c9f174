/** Tells a request that the page has sent from one that another site has sent in the operator's name. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const COOKIE = 'pooled-backend-status';
const ID = /(?:^|;\s*)pooled-backend-status=([\w-]{43})(?:;|$)/;
const TOKEN_FIELD = 'x-status-token';

/**
 * The browser holds an id in a cookie that no script reads and no other site has sent along; the page holds a token made of
 * that id. Neither is kept here, and another process knows neither.
 */
export class PageSession {
  readonly #secret = randomBytes(32);

  /** The token for a page that is being served, whose answer gives the browser its id if it has none. */
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
 * By what the browser says of itself, which no page can make it say otherwise: Sec-Fetch-Site where it sends that, and
 * always Origin (RFC 6454 §7), which has to name the Host that was asked.
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
    return false; // `null`, for one: a page that hides where it is from
  }
}

function giveCookie(req: IncomingMessage, res: ServerResponse, cookie: string): void {
  const isSecure = 'encrypted' in req.socket && req.socket.encrypted === true;
  const before = res.getHeader('Set-Cookie');
  const others = before === undefined ? [] : [before].flat().map(String);
  res.setHeader('Set-Cookie', [...others, isSecure ? `${cookie}; Secure` : cookie]);
}
