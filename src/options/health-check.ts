/** The option `check`: requests or dials that find out whether an origin can serve. */

import { integer, isObject, oneOf, pause, textLike } from './checks.js';
import { type Complete, optional, type Rule, type Rules, refusal, sectionOrFalse, withDefault } from './rules.js';

/** The response to a health check, as passed to `expect`. */
export interface CheckAnswer {
  /** Status of the final response: 200 to 999. */
  readonly statusCode: number;
  /** Flat list: name, value, name, value… */
  readonly rawHeaders: readonly string[];
  /** The first 64 KiB of the body, decoded as UTF-8. */
  readonly body: string;
}

/**
 * Active health checking: every origin is checked regularly, each time over a new connection. An origin whose checks
 * fail gets no requests until they pass again.
 */
export interface CheckOptions {
  /**
   * What a check does: send a request (`'http'`), open a TCP connection (`'tcp'`), or do a TLS handshake (`'tls'`,
   * `https:` origins only).
   *
   * @default 'http'
   */
  readonly type?: 'http' | 'tcp' | 'tls' | undefined;
  /** Method of the request. @default 'GET' */
  readonly method?: string | undefined;
  /** Path and query of the request. @default '/' */
  readonly path?: string | undefined;
  /** Host field of the request. @default the origin's host */
  readonly host?: string | undefined;
  /**
   * Which responses pass: a status, a range such as `'200-299'`, or a function that returns `true`. The check fails if
   * the function throws or returns anything else, including a promise.
   *
   * @default '200-399'
   */
  readonly expect?: number | string | ((answer: CheckAnswer) => boolean) | undefined;
  /** Milliseconds between two checks, varied at random by up to a tenth. @default 5000 */
  readonly interval?: number | undefined;
  /** Milliseconds for one check, including dial and response. @default 2000 */
  readonly timeout?: number | undefined;
  /** Number of passed checks in a row that bring an origin up: an integer from 1 to 1000. @default 2 */
  readonly rise?: number | undefined;
  /** Number of failed checks in a row that take an origin down: an integer from 1 to 1000. @default 3 */
  readonly fall?: number | undefined;
  /**
   * Milliseconds between two checks once a check has disagreed with the origin's state; at most `interval`.
   *
   * @default 1000, or `interval` if that is less
   */
  readonly fastInterval?: number | undefined;
}

/** The statuses of a health check that pass. */
export interface StatusRange {
  /** The lowest. */
  readonly from: number;
  /** The highest. */
  readonly to: number;
}

/** The option `check` with every default filled in. */
export interface ResolvedCheck extends Complete<Omit<CheckOptions, 'host' | 'expect'>> {
  /** Host field; `undefined` sends the origin's own. */
  readonly host: string | undefined;
  /** What passes: a range of statuses, or your function. */
  readonly expect: StatusRange | ((answer: CheckAnswer) => boolean);
}

interface CheckSection extends Omit<ResolvedCheck, 'fastInterval'> {
  readonly fastInterval: number | undefined;
}

const inARow = integer(1, 1000);

const ONE_STATUS = /^[1-9]\d\d$/;
const STATUS_RANGE = /^([1-9]\d\d)-([1-9]\d\d)$/;

/** Reads which responses pass. */
const expectRule: Rule<ResolvedCheck['expect']> = (name, value = '200-399') => {
  if (typeof value === 'function') return value as (answer: CheckAnswer) => boolean; // its results are checked at each call
  const text = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  const [, from = text, to = text] = STATUS_RANGE.exec(text) ?? [];
  if (ONE_STATUS.test(from) && ONE_STATUS.test(to) && from <= to)
    return Object.freeze({ from: Number(from), to: Number(to) });
  throw refusal(name, "a status, a range such as '200-299', or a function", value, typeof value === 'number');
};

const checkRules: Rules<CheckSection> = {
  type: withDefault(oneOf('http', 'tcp', 'tls'), 'http'),
  method: withDefault(textLike('a method other than CONNECT', /^(?!CONNECT$)[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), 'GET'),
  path: withDefault(textLike('a path that begins with / and has no spaces', /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/), '/'),
  host: optional(textLike('a host, with or without a port', /^[\w.~:[\]-]+$/)),
  expect: expectRule,
  interval: withDefault(pause, 5000),
  timeout: withDefault(pause, 2000),
  rise: withDefault(inARow, 2),
  fall: withDefault(inARow, 3),
  fastInterval: optional(pause),
};

const OF_REQUESTS = ['method', 'path', 'host', 'expect'] as const;

/** How the option `check` is read. */
export const checkRule: Rule<ResolvedCheck | false> = (name, value) => {
  const section = sectionOrFalse(checkRules)(name, value);
  if (section === false) return false;
  const { type, interval, fastInterval = Math.min(1000, interval) } = section;
  if (fastInterval > interval) {
    throw refusal(`${name}.fastInterval`, `at most ${name}.interval (${interval})`, fastInterval, true);
  }
  const inVain = OF_REQUESTS.find(
    (option) => type !== 'http' && isObject(value) && Reflect.get(value, option) !== undefined,
  );
  if (inVain !== undefined) {
    throw new TypeError(`${name}.${inVain} requires type 'http', got type '${type}'`);
  }
  return Object.freeze({ ...section, fastInterval });
};

/** Throws if one of these origins cannot be checked in this way. */
export function refuseCheckOf(check: ResolvedCheck | false, origins: readonly { readonly origin: string }[]): void {
  if (check === false || check.type !== 'tls') return;
  const plain = origins.find(({ origin }) => origin.startsWith('http:'));
  if (plain !== undefined)
    throw refusal('check.type', `'http' or 'tcp' for ${plain.origin}, which has no TLS`, 'tls', false);
}
