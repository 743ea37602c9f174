/** Options of one mount: its own, and those that override options of its backend. */

import type { BlockList } from 'node:net';
import { bytes, type Check, callable, duration, oneOf, orFalse } from './checks.js';
import type { FieldsHook, IdempotentOption, InformationHook, PathHook, ResponseFieldsHook } from './hooks.js';
import { type NonIdempotentTravel, travel } from './non-idempotent.js';
import { type RequestTimeouts, timeoutsOf } from './request-timeouts.js';
import type { ResolvedOptions } from './resolved.js';
import {
  type CookieRewrite,
  cookieChoice,
  copiedRewrite,
  domainRewrite,
  type LocationHook,
  locationChoice,
} from './rewrites.js';
import { type Option, type OptionRow, type OptionsOf, option, rowsOf, rulesOf } from './row.js';
import { mapped, optional, resolveSection, withDefault } from './rules.js';
import { optionRules } from './table.js';
import { trustProxyRule } from './trust-proxy.js';
import { tunnelRules } from './tunnel.js';

/**
 * Which fields tell the origin the client's address, protocol, host and port: `'x-forwarded'` = X-Forwarded-For, -Proto, -Host
 * and -Port; `'rfc7239'` = Forwarded (RFC 7239); `false` = none.
 */
export type ForwardedStyle = 'x-forwarded' | 'rfc7239' | false;

/** Options of `backend.handler()`. An option that is absent or `undefined` has the backend's value, or the default stated. */
export interface HandlerOptions {
  /**
   * Overrides the backend's `nonIdempotent` for this mount: which connections a non-idempotent request may use.
   *
   * @default the backend's
   */
  readonly nonIdempotent?: NonIdempotentTravel | undefined;
  /** Replaces the backend's `idempotent` for this mount; the backend's function is then not called. @default the backend's */
  readonly idempotent?: IdempotentOption | undefined;
  /** Overrides the backend's `requestBufferBytes` for this mount; `false` streams every request body. @default the backend's */
  readonly requestBufferBytes?: number | false | undefined;
  /** Overrides the backend's `queueTimeout`: milliseconds a request may wait for a connection. @default the backend's */
  readonly queueTimeout?: number | undefined;
  /** Overrides the backend's `sendTimeout`: milliseconds the origin may go without accepting a byte. @default the backend's */
  readonly sendTimeout?: number | undefined;
  /** Overrides the backend's `headersTimeout`: milliseconds until the response head. @default the backend's */
  readonly headersTimeout?: number | undefined;
  /** Overrides the backend's `bodyTimeout`: milliseconds of silence inside a response body. @default the backend's */
  readonly bodyTimeout?: number | undefined;
  /** Overrides the backend's `clientTimeout`: milliseconds a client may stall. @default the backend's */
  readonly clientTimeout?: number | undefined;
  /** Overrides the backend's `requestTimeout`: milliseconds for the whole request. @default the backend's */
  readonly requestTimeout?: number | undefined;
  /**
   * Milliseconds the origin has to answer `Expect: 100-continue` with 100 (RFC 9110 §10.1.1), at most `headersTimeout`; after
   * that the client is asked for its body anyway. Only for requests from the server's `checkContinue` event; without a listener
   * node:http answers 100 itself. `false` answers 100 here and does not forward the field.
   *
   * @default 1000
   */
  readonly expectTimeout?: number | false | undefined;
  /** Host field sent to the origin: the client's (`'preserve'`) or the origin's own (`'origin'`). @default 'preserve' */
  readonly host?: 'preserve' | 'origin' | undefined;
  /** Which fields tell the origin who the client is; `false` sends none. @default 'x-forwarded' */
  readonly forwarded?: ForwardedStyle | undefined;
  /**
   * Proxies whose forwarding fields are kept and extended: IP addresses and CIDR blocks, such as `['10.0.0.0/8', '::1']`. From
   * any other client these fields are dropped. `false` trusts no proxy.
   *
   * @default false
   */
  readonly trustProxy?: false | readonly string[] | undefined;
  /** Returns the path and query to send, from those of the request. @default none */
  readonly rewritePath?: PathHook | undefined;
  /**
   * `true` rewrites URLs in Location, Content-Location and Refresh that have the host of an origin, or the Host that was sent, to
   * the scheme, host and prefix under which the client reached the mount. A function returns the new URL itself, or `undefined` to keep it.
   *
   * @default false
   */
  readonly rewriteLocation?: boolean | LocationHook | undefined;
  /**
   * Changes the Domain attribute of cookies set by origins: a string replaces every domain, `''` removes it; an object maps old
   * domains to new ones, with `'*'` for all others.
   *
   * @default false
   */
  readonly cookieDomainRewrite?: CookieRewrite | false | undefined;
  /** Changes the Path attribute of cookies set by origins, in the same way. @default false */
  readonly cookiePathRewrite?: CookieRewrite | false | undefined;
  /** Changes the request fields before they are sent. Sees end-to-end fields only. @default none */
  readonly onRequestFields?: FieldsHook | undefined;
  /** Changes the response fields before they go to the client. Sees end-to-end fields only. @default none */
  readonly onResponseFields?: ResponseFieldsHook | undefined;
  /** Called for each interim (1xx) response; returning `false` keeps it from the client. @default none */
  readonly onInformation?: InformationHook | undefined;
}

/** Options of a mount with every default filled in, frozen. */
export interface ResolvedHandlerOptions {
  readonly nonIdempotent: NonIdempotentTravel;
  readonly idempotent: IdempotentOption | undefined;
  readonly requestBufferBytes: number | false;
  /** The same frozen object for every request of the mount. */
  readonly timeouts: RequestTimeouts;
  readonly clientTimeout: number;
  readonly expectTimeout: number | false;
  readonly host: 'preserve' | 'origin';
  readonly forwarded: ForwardedStyle;
  readonly trustProxy: BlockList | false;
  readonly rewritePath: HandlerOptions['rewritePath'];
  readonly rewriteLocation: boolean | LocationHook;
  readonly cookieDomainRewrite: CookieRewrite | false;
  readonly cookiePathRewrite: CookieRewrite | false;
  readonly onRequestFields: HandlerOptions['onRequestFields'];
  readonly onResponseFields: HandlerOptions['onResponseFields'];
  readonly onInformation: HandlerOptions['onInformation'];
}

type Inherited = keyof RequestTimeouts | 'nonIdempotent' | 'idempotent' | 'requestBufferBytes' | 'clientTimeout';

/** The options after each was checked, before those of the backend are filled in. */
interface HandlerSection
  extends Pick<HandlerOptions, Inherited>,
    Omit<ResolvedHandlerOptions, Inherited | 'timeouts'> {}

function inherited<T>(check: Check<T>, meaning = 'as the option of the backend'): Option<T | undefined> {
  return option(optional(check), meaning, "the backend's");
}

const options: OptionsOf<HandlerSection> = {
  nonIdempotent: inherited(travel),
  idempotent: inherited(callable<IdempotentOption>(), 'replaces the option of the backend'),
  requestBufferBytes: inherited(orFalse(bytes(1))),
  queueTimeout: inherited(duration),
  sendTimeout: inherited(duration),
  headersTimeout: inherited(duration),
  bodyTimeout: inherited(duration),
  clientTimeout: inherited(duration),
  requestTimeout: inherited(duration),
  expectTimeout: option(
    withDefault(orFalse(duration), 1000),
    "ms in which the origin may answer an `Expect: 100-continue` that came by 'checkContinue'; then the client is asked for its body anyway; `false` answers it here",
  ),
  host: option(
    withDefault(oneOf('preserve', 'origin'), 'preserve'),
    "the Host field sent: the client's, or the origin's own (`'origin'`)",
  ),
  forwarded: option(
    withDefault(oneOf('x-forwarded', 'rfc7239', false), 'x-forwarded'),
    "how the client is named to the origin: X-Forwarded-For, -Proto, -Host and -Port, or Forwarded (`'rfc7239'`), or `false`",
  ),
  trustProxy: option(
    trustProxyRule,
    'addresses and CIDR blocks of proxies whose forwarding fields are kept and extended; those of others are dropped',
  ),
  rewritePath: option(optional(callable<PathHook>()), '`(path, req) => path` returns the path to send', 'none'),
  rewriteLocation: option(
    withDefault(locationChoice, false),
    '`true` rewrites URLs of the origins in Location, Content-Location and Refresh to the address at which the client reached the mount; `(url, req) => url` decides itself',
  ),
  cookieDomainRewrite: option(
    mapped(withDefault(cookieChoice, false), domainRewrite),
    "Domain of cookies that origins set: one value for all (`''` removes it), or an object that maps old values to new ones, `*` for the rest",
  ),
  cookiePathRewrite: option(
    mapped(withDefault(cookieChoice, false), copiedRewrite),
    'Path of cookies that origins set, in the same way',
  ),
  onRequestFields: option(
    optional(callable<FieldsHook>()),
    '`(fields, req) => fields` changes the request fields before they are sent',
    'none',
  ),
  onResponseFields: option(
    optional(callable<ResponseFieldsHook>()),
    '`(fields, req, { statusCode, statusText }) => fields` changes the response fields before they are relayed',
    'none',
  ),
  onInformation: option(
    optional(callable<InformationHook>()),
    '`(information, req) => boolean` sees each 1xx; `false` keeps it from the client',
    'none',
  ),
};

export const handlerRules = rulesOf(options);
const elsewhere = { 'the backend': optionRules, 'upgradeHandler()': tunnelRules };

/** Every option of `handler()`, for the documentation. */
export const handlerOptionTable: readonly OptionRow[] = rowsOf(options);

/**
 * Checks the options of a mount. The returned function fills in those of its backend; it may be called often.
 *
 * @throws TypeError, RangeError as {@link resolveSection} does
 */
export function handlerOptionsOf(
  given: HandlerOptions | undefined,
): (backend: ResolvedOptions) => ResolvedHandlerOptions {
  const section = resolveSection<HandlerSection>('', given === undefined ? {} : given, handlerRules, elsewhere);
  return (backend) => filledIn(section, backend);
}

function filledIn(section: HandlerSection, backend: ResolvedOptions): ResolvedHandlerOptions {
  const { queueTimeout, sendTimeout, headersTimeout, bodyTimeout, requestTimeout, ...own } = section;
  const timeouts = Object.freeze(timeoutsOf(section, backend));
  return Object.freeze({
    ...own,
    nonIdempotent: own.nonIdempotent ?? backend.nonIdempotent,
    idempotent: own.idempotent ?? backend.idempotent,
    requestBufferBytes: own.requestBufferBytes ?? backend.requestBufferBytes,
    timeouts,
    clientTimeout: own.clientTimeout ?? backend.clientTimeout,
    expectTimeout: own.expectTimeout && Math.min(own.expectTimeout, timeouts.headersTimeout),
  });
}
