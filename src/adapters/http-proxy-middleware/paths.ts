/** Which paths are proxied, and how they are changed. */

import type { IncomingMessage } from 'node:http';

/**
 * Regular expressions and their replacements, of which the first match applies; or a function, where `undefined` leaves
 * the path as it is.
 */
export type PathRewrite<Req = IncomingMessage> =
  | Readonly<Record<string, string>>
  | ((path: string, req: Req) => string | undefined | PromiseLike<string | undefined>);

/** Path prefixes, or a function of the path without its query. */
export type PathFilter<Req = IncomingMessage> = string | readonly string[] | ((pathname: string, req: Req) => boolean);

type Rewrite = (path: string, req: IncomingMessage) => string | undefined | PromiseLike<string | undefined>;

const GLOB = /[*?[\]{}()!]/;

/** @throws TypeError for patterns with wildcards; a function can be used instead */
export function pathMatcher(filter: PathFilter = '/'): (req: IncomingMessage) => boolean {
  if (typeof filter === 'function') return (req) => answered(filter(pathnameOf(req), req));
  const beginnings = typeof filter === 'string' ? [filter] : filter;
  if (!Array.isArray(beginnings) || !beginnings.every((one) => typeof one === 'string')) {
    throw new TypeError('pathFilter must be a string, a list of strings or a function');
  }
  const glob = beginnings.find((one) => GLOB.test(one));
  if (glob !== undefined) {
    throw new TypeError(`pathFilter must not contain wildcards, got ${glob}: use (pathname, req) => boolean`);
  }
  return (req) => {
    const pathname = pathnameOf(req);
    return beginnings.some((one) => pathname.startsWith(one));
  };
}

/** Refuses a promise: it would count as `true`, and its rejection would end the process. */
function answered(given: unknown): boolean {
  if (!(given instanceof Promise)) return Boolean(given);
  given.catch(() => undefined);
  throw new TypeError('pathFilter returned a promise: it must be synchronous');
}

function pathnameOf({ url = '/' }: IncomingMessage): string {
  const path = url.split('?', 1)[0] ?? '';
  return path.startsWith('/') || !URL.canParse(path) ? path : new URL(path).pathname;
}

/** @throws TypeError, SyntaxError for a value that is not a table of regular expressions */
export function pathRewriter(rewrite: PathRewrite | undefined): Rewrite | undefined {
  if (rewrite === undefined || typeof rewrite === 'function') return rewrite;
  if (typeof rewrite !== 'object' || rewrite === null)
    throw new TypeError('pathRewrite must be an object or a function');
  const rules = Object.entries(rewrite).map(([expression, value]) => {
    if (typeof value !== 'string') throw new TypeError(`pathRewrite[${expression}] must be a string`);
    return { expression: new RegExp(expression), value };
  });
  if (rules.length === 0) return undefined;
  return (path) => {
    const rule = rules.find(({ expression }) => expression.test(path));
    return rule === undefined ? path : path.replace(rule.expression, rule.value);
  };
}

/** A hook for `rewritePath`; `undefined` if paths are sent unchanged. `base` is prepended to each path, or replaces it. */
export function pathHook(
  rewrite: Rewrite | undefined,
  base: string,
  ignorePath: boolean,
): ((path: string, req: IncomingMessage) => Promise<string>) | undefined {
  if (rewrite === undefined && base === '' && !ignorePath) return undefined;
  return async (path, req) => {
    if (ignorePath) return base === '' ? '/' : base;
    return joined(base.replace(/\/$/, ''), (await rewrite?.(path, req)) ?? path);
  };
}

/** As http-proxy joins them: `{ '^/api': '' }` turns `/api` into `/`, and `{ '^/api': '/' }` makes no path that begins with `//`. */
function joined(base: string, path: string): string {
  if (base !== '' && /^(\?|$)/.test(path)) return base + path;
  return `${base}/${path.replace(/^\/+/, '')}`;
}
