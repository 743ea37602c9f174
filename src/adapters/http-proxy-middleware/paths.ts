/** Which paths are proxied, and what they become. */

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

/** @throws TypeError for patterns with wildcards, which a function has to stand for */
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

/** A promise would pass for a yes, and what it rejects with would end the process. */
function answered(given: unknown): boolean {
  if (!(given instanceof Promise)) return Boolean(given);
  given.catch(() => undefined);
  throw new TypeError('pathFilter returned a promise: it must be synchronous');
}

function pathnameOf({ url = '/' }: IncomingMessage): string {
  const path = url.split('?', 1)[0] ?? '';
  return path.startsWith('/') || !URL.canParse(path) ? path : new URL(path).pathname;
}

/** @throws TypeError, SyntaxError for what is no table of regular expressions */
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

/** What goes before every path, and what becomes of the rest. */
export interface PathSetting {
  readonly rewrite: Rewrite | undefined;
  readonly base: string; // of the target
  readonly prependPath: boolean;
  readonly ignorePath: boolean;
}

/** A hook for `rewritePath`; none when paths are sent as they come. */
export function pathHook(setting: PathSetting): ((path: string, req: IncomingMessage) => Promise<string>) | undefined {
  const { rewrite, prependPath, ignorePath } = setting;
  const base = prependPath ? setting.base : '';
  if (rewrite === undefined && base === '' && !ignorePath) return undefined;
  return async (path, req) => {
    if (ignorePath) return base === '' ? '/' : base;
    return joined(base.replace(/\/$/, ''), (await rewrite?.(path, req)) ?? path);
  };
}

/** As http-proxy has it: `{ '^/api': '' }` makes `/` of `/api`, `{ '^/api': '/' }` no path with two slashes in front. */
function joined(base: string, path: string): string {
  if (base !== '' && /^(\?|$)/.test(path)) return base + path;
  return `${base}/${path.replace(/^\/+/, '')}`;
}
