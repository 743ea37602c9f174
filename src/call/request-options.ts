/** Checks the options of a call before anything is taken or sent. */

import type { BackendError } from '../errors.js';
import { isToken } from '../http1/method.js';
import { isPath } from '../http1/request-target.js';
import { type Check, callable, duration, isObject, matching, trueOrFalse } from '../options/checks.js';
import { travel } from '../options/non-idempotent.js';
import { whereItBelongs } from '../options/rules.js';
import { mountOptions, optionRules, type RequestTimeouts, timeoutsOf } from '../options.js';
import { badRequest, refused } from './bad-request.js';
import type { BackendRequestOptions } from './request.js';

const KNOWN: { readonly [Name in keyof BackendRequestOptions]-?: true } = {
  method: true,
  path: true,
  headers: true,
  body: true,
  trailers: true,
  signal: true,
  idempotent: true,
  nonIdempotent: true,
  onInformation: true,
  queueTimeout: true,
  sendTimeout: true,
  headersTimeout: true,
  bodyTimeout: true,
  requestTimeout: true,
};
const NAMES: ReadonlySet<string> = new Set(Object.keys(KNOWN));

const PATH_ACCEPTS = 'begin with / and contain no space, #, control character or character beyond latin1';

const LISTENER = callable();
// Not by `instanceof`: polyfills and signals of another realm are fine, too.
const SIGNAL = matching(
  'an AbortSignal',
  (value): value is AbortSignal =>
    isObject(value) &&
    typeof Reflect.get(value, 'aborted') === 'boolean' &&
    typeof Reflect.get(value, 'addEventListener') === 'function' &&
    typeof Reflect.get(value, 'removeEventListener') === 'function',
);

/** @throws BackendError `http_request_error` that names the option, what it accepts and what it got */
export function checkRequestOptions(options: BackendRequestOptions): void {
  if (!isObject(options)) throw refused('the options of a request must be an object', options);
  // This runs for each request, so no array of names is made.
  for (const name in options) if (!NAMES.has(name) && Object.hasOwn(options, name)) throw unknown(name);
  const { method, path, signal, idempotent, nonIdempotent, onInformation } = options;
  if (method !== undefined) checkMethod(method);
  checkPath(path, method);
  check('signal', signal, SIGNAL);
  check('idempotent', idempotent, trueOrFalse);
  check('nonIdempotent', nonIdempotent, travel);
  check('onInformation', onInformation, LISTENER);
}

/**
 * The timeouts of a call: those of the backend where the call gives none.
 * @throws BackendError `http_request_error`
 */
export function requestTimeouts(given: BackendRequestOptions, defaults: RequestTimeouts): RequestTimeouts {
  const { queueTimeout, sendTimeout, headersTimeout, bodyTimeout, requestTimeout } = given;
  const isPlain = queueTimeout === undefined && sendTimeout === undefined && requestTimeout === undefined;
  if (isPlain && headersTimeout === undefined && bodyTimeout === undefined) return defaults;
  const timeouts = timeoutsOf(given, defaults);
  for (const [name, ms] of Object.entries(timeouts)) check(name, ms, duration);
  return timeouts;
}

function check<T>(name: string, value: unknown, { accepts, admits }: Check<T>): void {
  if (value !== undefined && !admits(value)) throw refused(`${name} must be ${accepts}`, value);
}

function checkMethod(method: unknown): void {
  if (typeof method !== 'string' || !isToken(method)) throw refused('method must be a token', method);
  if (method === 'CONNECT') throw badRequest('method CONNECT is not supported');
}

function checkPath(path: unknown, method: string | undefined): void {
  if (typeof path === 'string' && isPath(path)) return;
  if (path === '*' && method === 'OPTIONS') return;
  throw refused(`path must ${PATH_ACCEPTS}`, path);
}

function unknown(name: string): BackendError {
  const place = whereItBelongs(name, { 'the backend': optionRules, ...mountOptions }) ?? '';
  return badRequest(`unknown option ${name} of a request${place}; known: ${[...NAMES].join(', ')}`);
}
