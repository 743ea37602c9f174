/** What an origin is created with, and the demand that it works for. */

import type { ConnectionOptions } from 'node:tls';
import type { Clock } from '../clock.js';
import type { StartDial } from '../connection/dial.js';
import type { Deadlines } from '../deadlines.js';
import type { BackendError } from '../errors.js';
import type { ParserLimits } from '../http1/parser-limits.js';
import type { Observer } from '../observe.js';
import type { ResolvedAdaptiveConcurrency, ResolvedCheck, ResolvedConnect, ResolvedOrigin } from '../options.js';
import type { StandingOptions } from './health/standing.js';
import type { Origin } from './origin.js';
import type { Tenancy } from './tenancy.js';

/**
 * Which connections a request may ride. `any`: each that passes the check. `verified`: a fresh one, or a reused one that is proven.
 * `fresh`: only a fresh one.
 */
export type Travel = 'any' | 'verified' | 'fresh';

/** The server itself, as configured. */
export type OriginAddress = ResolvedOrigin;

/** What all origins of a backend share. Times in milliseconds. Settings that may change are read each time they are needed. */
export interface OriginSetting {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly observer: Observer;
  readonly random: () => number;
  readonly window: Buffer;
  readonly startDial: StartDial;
  readonly limits: ParserLimits;
  readonly connect: ResolvedConnect;
  readonly tls: ConnectionOptions;
  readonly connectTimeout: number;
  readonly maxDialling: number;
  readonly keepAliveTimeout: number;
  readonly minConnections: number;
  readonly spareConnections: number | false;
  readonly maxRequestsPerConnection: number;
  readonly maxConnectionAge: number;
  readonly ejection: StandingOptions;
  readonly check: ResolvedCheck | false;
  readonly slowStart: number | false;
  readonly adaptiveConcurrency: ResolvedAdaptiveConcurrency | false;
  /** Whether requests may be bound to an origin; see `Origin.serves`. */
  readonly sticky: object | false;
}

/** Supplies requests for the connections of an origin: implemented by the dispatcher. */
export interface Demand {
  /** Whether any request waits. */
  readonly waiting: boolean;
  /** Offers a connection that is alive at this moment. True = it was taken. */
  offer(origin: Origin, tenancy: Tenancy): boolean;
  /** A dial for the demand is over; with `checkedAt`, the check of a connection of that origin. */
  arrived(checkedAt?: Origin): void;
  /** A slot is empty, or dialling is allowed again. */
  room(): void;
  /** Whether other origins can serve without this one. */
  canSpare(origin: object): boolean;
  /** Whether requests that are bound to the origin of that name may go there now. */
  isHome(name: string): boolean;
  dialFailed(origin: Origin, error: BackendError): void;
  /** Whether the origin takes requests, or how many, may be different now. */
  changed(): void;
}

/** A request that waits for one dial of its own. */
export interface DialWaiter {
  /** How the request travels. */
  readonly travel: Travel;
  /** A connection of another origin would do. */
  readonly anyWouldDo: boolean;
  /** False = the connection is not wanted any more. */
  opened(tenancy: Tenancy): boolean;
  failed(): void;
}

/** What a dial is for: the queue, the stock (spares and the minimum), or one request. */
export type DialPurpose = 'demand' | 'stock' | DialWaiter;
