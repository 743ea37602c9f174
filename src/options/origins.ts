/** Origins as the owner writes them, and as the library uses them. */

import { integer, isObject, matching, someText, trueOrFalse } from './checks.js';
import { type ClusterTotal, mostConnections, readConnections, type SharedConnections } from './connections.js';
import { optional, type Rules, refusal, required, resolveSection, withDefault } from './rules.js';

/** One origin with its own settings. A string or `URL` in the list of origins is short for `{ url }`. */
export interface OriginOptions {
  /**
   * Scheme, host and port: `'http://host'`, `'http://host:port'`, or the same with `https:`. No path, query, fragment,
   * user or password. With `socketPath` it still names the origin in the Host field, in TLS, in stats and in errors.
   */
  readonly url: string | URL;
  /**
   * The name of the origin if `url` contains an IP address instead of a name: a host name or IP address, with or
   * without a port. Sent as the Host field unless the client's is preserved, and used without its port as the server
   * name in TLS (SNI and certificate check).
   *
   * @default host and port of `url`
   */
  readonly host?: string | undefined;
  /**
   * Share of the requests relative to the other origins: an integer from 0 to 256. With 0 the origin gets no requests
   * except those of its `sticky` sessions.
   *
   * @default 1
   */
  readonly weight?: number | undefined;
  /**
   * `true` uses this origin only while every origin that is not a backup is ejected, down, drained, has weight 0 or
   * cannot be dialled. That they are all busy is not enough.
   *
   * @default false
   */
  readonly backup?: boolean | undefined;
  /** Path of a Unix domain socket, or name of a Windows pipe, to connect to instead of host and port. @default none */
  readonly socketPath?: string | undefined;
  /**
   * Maximum number of sockets to this origin: an integer from 1 to 65535, or a total for several processes.
   *
   * @default the backend's `maxConnections`
   */
  readonly maxConnections?: number | SharedConnections | undefined;
}

/** An origin in `backend.options`, with every default filled in. */
export interface ResolvedOrigin {
  /**
   * Its name in stats, attempts and errors: `scheme://host:port`, always with the port (`http://example.com:80`), the
   * host as the URL standard writes it, IPv6 in brackets.
   */
  readonly origin: string;
  /** Scheme of its URL. */
  readonly protocol: 'http:' | 'https:';
  /** For `net.connect`: IPv6 without brackets. */
  readonly hostname: string;
  /** From 1 to 65535. */
  readonly port: number;
  /** For the Host field: without the port when it is the scheme's default (RFC 9110 §7.2, §4.2). */
  readonly authority: string;
  /** For TLS: the host name in `authority`, IPv6 without brackets. */
  readonly servername: string;
  /** Path of its unix socket; `undefined` if it has none. */
  readonly socketPath: string | undefined;
  /** Its weight, 0 to 256. */
  readonly weight: number;
  /** Whether it is a backup. */
  readonly backup: boolean;
  /** The limit of this process. With a total, it is the share of this process, and 0 before a share is assigned. */
  readonly maxConnections: number;
  /** The limit that all processes share, if they share one. */
  readonly total: number | undefined;
  /** The backend's `maxFreshConnections`, or `maxConnections` of this origin when that is less. */
  readonly maxFreshConnections: number;
}

interface OriginSection {
  url: string;
  host: string | undefined;
  weight: number;
  backup: boolean;
  socketPath: string | undefined;
  maxConnections: number | ClusterTotal | undefined;
}

const readUrl = required(matching('a string or a URL', isPlainUrl));

const originRules: Rules<OriginSection> = {
  url: (name, value) => String(readUrl(name, value)),
  host: optional(someText),
  weight: withDefault(integer(0, 256), 1),
  backup: withDefault(trueOrFalse, false),
  socketPath: optional(someText),
  maxConnections: (name, value) => (value === undefined ? undefined : readConnections(name, value)),
};

/** Limits of the backend that each origin must fit. */
export interface ConnectionLimits {
  readonly maxConnections: number | ClusterTotal;
  readonly minConnections: number;
  readonly maxFreshConnections: number;
}

/** Checks a list of origins as a whole. Throws a `TypeError` or `RangeError` that names the origin at fault. */
export function resolveOrigins(given: readonly unknown[], limits: ConnectionLimits): readonly ResolvedOrigin[] {
  if (!Array.isArray(given) || given.length === 0)
    throw refusal('origins', 'a list of at least one origin', given, false);
  const origins = Array.from(given, (item, index) => resolveOrigin(`origins[${index}]`, item, limits));
  refuseDuplicates(origins);
  if (!origins.some((origin) => !origin.backup && origin.weight > 0)) {
    throw refusal(
      'origins',
      'a list with at least one origin that is not a backup and has a weight above 0',
      given,
      false,
    );
  }
  return Object.freeze(origins);
}

/** Resolves each origin by itself, as `add()` does: at run time a list may be empty, or without any weight. */
export function resolveEach(given: readonly unknown[], limits: ConnectionLimits): readonly ResolvedOrigin[] {
  return Object.freeze(given.map((one) => resolveOrigin('origin', one, limits)));
}

/** Throws if `minConnections` is greater than the limit. */
export function refuseMinimum({ minConnections, maxConnections }: ConnectionLimits, bound = 'maxConnections'): void {
  const most = mostConnections(maxConnections);
  if (minConnections > most) throw refusal('minConnections', `at most ${bound} (${most})`, minConnections, true);
}

/** Resolves one origin. Errors call it `name`. */
export function resolveOrigin(name: string, given: unknown, limits: ConnectionLimits): ResolvedOrigin {
  const isPlace = isPlainUrl(given);
  const options = isPlace ? { url: given } : given;
  if (!isObject(options)) throw refusal(name, 'a URL or an object with url', given, false);
  const section = resolveSection(name, options, originRules);
  const cap = section.maxConnections ?? limits.maxConnections;
  const most = mostConnections(cap);
  const bound = section.maxConnections === undefined ? 'maxConnections' : `${name}.maxConnections`;
  refuseMinimum({ ...limits, maxConnections: cap }, bound);
  return Object.freeze({
    ...resolveUrl(isPlace ? name : `${name}.url`, section.url),
    ...(section.host !== undefined && resolveHost(`${name}.host`, section.host)),
    socketPath: section.socketPath,
    weight: section.weight,
    backup: section.backup,
    maxConnections: typeof cap === 'number' ? cap : 0,
    total: typeof cap === 'number' ? undefined : cap.total,
    maxFreshConnections: Math.min(limits.maxFreshConnections, most),
  });
}

/** In a copy of its own, which can be read again. @throws TypeError, RangeError as {@link resolveOrigin} does */
export function ownOrigin(given: string | URL | OriginOptions): string | OriginOptions {
  return isPlainUrl(given) ? String(given) : resolveSection('origin', given, originRules);
}

type Location = Pick<ResolvedOrigin, 'origin' | 'protocol' | 'hostname' | 'port' | 'authority' | 'servername'>;

function resolveUrl(name: string, given: string): Location {
  // The URL parser repairs bad URLs (`http:host`, backslashes, line ends), and the server of a repaired URL is a guess.
  const isPlain = /^https?:\/\/[^\s/\\?#@]+\/?$/i.test(given);
  const url = isPlain ? parseUrl(given) : undefined;
  if (url === undefined || url.port === '0') {
    const accepts = 'http://host:port or https://host:port without path, query, fragment or userinfo';
    throw refusal(name, accepts, withoutSecrets(given), false, hintFor(given));
  }
  const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
  const port = url.port === '' ? defaultPort(protocol) : Number(url.port);
  return {
    origin: `${protocol}//${url.hostname}:${port}`,
    protocol,
    hostname: withoutBrackets(url.hostname),
    port,
    authority: url.host,
    servername: withoutBrackets(url.hostname),
  };
}

/** Advice for the two most common mistakes. */
function hintFor(given: string): string {
  if (/^https?:\/\/[^\s/\\?#@]+\/[^?#]/i.test(given))
    return '; only a program can add a path, by rewritePath of handler()';
  return /^[\w.-]+:\d+$|^\[[\da-f:]+\]:\d+$/i.test(given) ? `; did you mean 'http://${given}'?` : '';
}

/** The authority stays as it was given: the default port of one scheme is not the default of the other. */
export function resolveHost(name: string, given: string): Pick<Location, 'authority' | 'servername'> {
  const isPlain = /^[^\s/\\?#@]+$/.test(given);
  const url = isPlain ? parseUrl(`http://${given}`) : undefined;
  if (url === undefined || url.port === '0') throw refusal(name, 'a host name, or host:port', given, false);
  return { authority: given, servername: withoutBrackets(url.hostname) };
}

function isPlainUrl(given: unknown): given is string | URL {
  return typeof given === 'string' || isUrl(given);
}

/** Not `instanceof`, so that a URL of another realm or of jsdom counts too. */
export function isUrl(value: unknown): value is URL {
  return Object.prototype.toString.call(value) === '[object URL]';
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

// Errors are written to logs, and userinfo contains a password.
function withoutSecrets(given: string): string {
  return given.replace(/^([^/]*\/*)[^/]*@/, '$1***@');
}

function parseUrl(given: string): URL | undefined {
  return URL.canParse(given) ? new URL(given) : undefined;
}

function defaultPort(protocol: 'http:' | 'https:'): number {
  return protocol === 'https:' ? 443 : 80;
}

// The name identifies an origin in stats, in attempts, and when "another origin" is looked for. So no two origins have the same.
function refuseDuplicates(origins: readonly ResolvedOrigin[]): void {
  const seen = new Map<string, number>();
  for (const [index, { origin, socketPath }] of origins.entries()) {
    const first = seen.get(origin);
    if (first !== undefined) {
      const hint = socketPath === undefined ? '' : '; give each socketPath a host name of its own';
      throw new TypeError(`origins[${index}] must differ from origins[${first}], got ${origin} for both${hint}`);
    }
    seen.set(origin, index);
  }
}
