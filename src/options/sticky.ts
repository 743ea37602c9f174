/** The option `sticky`: a cookie that leads a client back to the origin that has its session. */

import { numberBetween, oneOf, someText, textLike, trueOrFalse } from './checks.js';
import { optional, type Rule, type Rules, refusal, required, sectionOrFalse, withDefault } from './rules.js';

/** A cookie that names the origin a client is bound to. It is always HttpOnly. */
export interface StickyOptions {
  /** Name of the cookie: a token (RFC 6265 §4.1.1). `__Secure-` and `__Host-` names need `secure: true`. */
  readonly cookie: string;
  /** Path attribute of the cookie. @default '/' */
  readonly path?: string | undefined;
  /** Domain attribute of the cookie. @default that of the request alone */
  readonly domain?: string | undefined;
  /**
   * SameSite attribute: whether the cookie is sent with cross-site requests. `'none'` needs `secure: true`.
   *
   * @default 'lax'
   */
  readonly sameSite?: 'lax' | 'strict' | 'none' | undefined;
  /** Secure attribute: the cookie is only sent over TLS. @default false */
  readonly secure?: boolean | undefined;
  /**
   * Milliseconds until the client forgets the cookie: 1000 to 34560000000 (400 days).
   *
   * @default when the browser is closed
   */
  readonly maxAge?: number | undefined;
  /**
   * Key for the hash of the origin's name in the cookie; must be the same in all processes. Without it anyone who
   * guesses the name of an origin can verify the guess.
   *
   * @default none
   */
  readonly secret?: string | undefined;
}

/** The option `sticky` with every default filled in. */
export interface ResolvedSticky {
  /** Name of the cookie. */
  readonly cookie: string;
  /** Path attribute. */
  readonly path: string;
  /** Domain attribute; `undefined` sends none. */
  readonly domain: string | undefined;
  /** SameSite attribute. */
  readonly sameSite: 'lax' | 'strict' | 'none';
  /** Secure attribute. */
  readonly secure: boolean;
  /** Milliseconds until the client forgets the cookie; `undefined` until the browser is closed. */
  readonly maxAge: number | undefined;
  /** Key for the hash of the origin's name. */
  readonly secret: string | undefined;
}

// Clients keep no cookie for longer than 400 days (draft-ietf-httpbis-rfc6265bis, §5.5).
const LONGEST_AGE_MS = 400 * 86_400_000;

const rules: Rules<ResolvedSticky> = {
  cookie: required(textLike('the name of a cookie', /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)),
  path: withDefault(textLike('a path that begins with / and has no semicolon', /^\/[\x20-\x3a\x3c-\x7e]*$/), '/'),
  domain: optional(textLike('a domain name', /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i)),
  sameSite: withDefault(oneOf('lax', 'strict', 'none'), 'lax'),
  secure: withDefault(trueOrFalse, false),
  maxAge: optional(numberBetween(1000, LONGEST_AGE_MS)),
  secret: optional(someText),
};

/** How the option `sticky` is read. */
export const stickyRule: Rule<ResolvedSticky | false> = (name, value) => {
  const sticky = sectionOrFalse(rules)(name, value);
  if (sticky !== false) refuseWhatClientsDrop(name, sticky);
  return sticky;
};

/** Clients drop these cookies silently, and then no client would return to its origin. */
function refuseWhatClientsDrop(name: string, { cookie, secure, sameSite, path, domain }: ResolvedSticky): void {
  const isHost = /^__Host-/i.test(cookie);
  if (!secure && sameSite === 'none') throw refusal(`${name}.secure`, "true if sameSite is 'none'", secure, false);
  if (!secure && (isHost || /^__Secure-/i.test(cookie)))
    throw refusal(`${name}.secure`, `true for the cookie name ${cookie}`, secure, false);
  if (isHost && (path !== '/' || domain !== undefined))
    throw refusal(`${name}.cookie`, "a name without __Host-, unless path is '/' and domain is not set", cookie, false);
}
