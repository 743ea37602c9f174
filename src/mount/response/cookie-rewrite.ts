/** Domain and Path of the cookies that an origin sets, as clients know them. */

import { isNamed } from '../../http1/fields.js';
import type { CookieRewrite } from '../../options.js';

const DOMAIN = /(;\s*domain\s*=\s*)([^;]*)/gi;
const PATH = /(;\s*path\s*=\s*)([^;]*)/gi;

/** Rewrites in place. A cookie without the attribute stays without it. */
export function rewriteCookies(fields: string[], domain: CookieRewrite | false, path: CookieRewrite | false): void {
  for (let i = 0; i < fields.length; i += 2) {
    if (!isNamed(fields[i], 'set-cookie')) continue;
    let cookie = fields[i + 1] ?? '';
    // A leading dot means nothing (RFC 6265 §5.2.3).
    if (domain !== false) cookie = replaced(cookie, DOMAIN, domain, (old) => old.replace(/^\./, '').toLowerCase());
    if (path !== false) cookie = replaced(cookie, PATH, path, (old) => old);
    fields[i + 1] = cookie;
  }
}

function replaced(cookie: string, attribute: RegExp, rewrite: CookieRewrite, keyOf: (old: string) => string): string {
  return cookie.replace(attribute, (whole, before: string, old: string) => {
    const value = typeof rewrite === 'string' ? rewrite : lookedUp(rewrite, keyOf(old.trim()));
    if (value === undefined) return whole;
    return value === '' ? '' : before + value;
  });
}

function lookedUp(rewrite: Readonly<Record<string, string>>, key: string): string | undefined {
  if (Object.hasOwn(rewrite, key)) return rewrite[key];
  return Object.hasOwn(rewrite, '*') ? rewrite['*'] : undefined;
}
