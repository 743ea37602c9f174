/** The cookie by which a client gets back to the origin that has its session. */

import { createHash, createHmac } from 'node:crypto';
import { fieldValues, isNamed, trimmed } from '../http1/fields.js';
import type { ResolvedSticky } from '../options.js';

/** The origins at one moment, and what the cookie says for each. */
interface Known {
  readonly names: readonly string[];
  readonly nameOf: ReadonlyMap<string, string>; // by what the cookie says
}

const ID_LENGTH = 16; // hex digits: 64 bits, so that no two origins of a fleet have the same

export class StickySessions {
  readonly #options: ResolvedSticky;
  readonly #names: () => readonly string[];
  readonly #prefix: string;
  readonly #attributes: string;
  #known: Known = { names: [], nameOf: new Map() };

  /** `names` returns the names of the current origins: another array whenever they have changed. */
  constructor(options: ResolvedSticky, names: () => readonly string[]) {
    this.#options = options;
    this.#names = names;
    this.#prefix = `${options.cookie}=`;
    this.#attributes = attributesOf(options);
  }

  /**
   * Takes the cookie out of a request's fields, in place, because it is not for the origin. Returns the name of the origin that the cookie
   * names; `undefined` if there is no cookie, or no such origin.
   */
  takeFrom(fields: string[]): string | undefined {
    let named: string | undefined;
    let kept = 0;
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i] ?? '';
      let value = fields[i + 1] ?? '';
      if (isNamed(name, 'cookie') && value.includes(this.#prefix)) {
        const pairs = value.split(';').map(trimmed);
        const own = pairs.filter((pair) => pair.startsWith(this.#prefix));
        for (const pair of own) named ??= this.#originOf(pair.slice(this.#prefix.length));
        value = pairs.filter((pair) => !pair.startsWith(this.#prefix)).join('; ');
        if (value === '') continue;
      }
      fields[kept] = name;
      fields[kept + 1] = value;
      kept += 2;
    }
    fields.length = kept;
    return named;
  }

  /**
   * Puts the cookie into a response's fields, in place, if the origin that has answered is not the one that the client's cookie names. A
   * cookie of the same name that the origin sets is dropped.
   */
  putInto(fields: string[], answeredBy: string, named: string | undefined): void {
    dropCookie(fields, this.#prefix);
    if (answeredBy === named) return;
    fields.push('Set-Cookie', this.#prefix + this.#idOf(answeredBy) + this.#attributes);
    // "If directives conflict […], the most restrictive directive should be honored" (RFC 9111 §4.2.1): one client's cookie must not be
    // served to others.
    if (!isPrivate(fields)) fields.push('Cache-Control', 'private');
  }

  #originOf(id: string): string | undefined {
    const names = this.#names();
    if (names !== this.#known.names)
      this.#known = { names, nameOf: new Map(names.map((one) => [this.#idOf(one), one])) };
    return this.#known.nameOf.get(id);
  }

  /** The same in every process, and after a restart. */
  #idOf(name: string): string {
    const { secret } = this.#options;
    const hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
    return hash.update(name).digest('hex').slice(0, ID_LENGTH);
  }
}

function attributesOf({ path, domain, sameSite, secure, maxAge }: ResolvedSticky): string {
  const age = maxAge === undefined ? '' : `; Max-Age=${Math.floor(maxAge / 1000)}`;
  const where = domain === undefined ? '' : `; Domain=${domain}`;
  const site = `; SameSite=${sameSite.charAt(0).toUpperCase()}${sameSite.slice(1)}`;
  return `; Path=${path}${where}${age}; HttpOnly${secure ? '; Secure' : ''}${site}`;
}

function dropCookie(fields: string[], prefix: string): void {
  for (let i = fields.length - 2; i >= 0; i -= 2) {
    if (isNamed(fields[i], 'set-cookie') && fields[i + 1]?.startsWith(prefix)) fields.splice(i, 2);
  }
}

function isPrivate(fields: readonly string[]): boolean {
  const directives = fieldValues(fields, 'cache-control').join(',').toLowerCase().split(',');
  return directives.some((one) => /^(private|no-store)$/.test(one.trim()));
}
