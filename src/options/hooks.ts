/** Functions of the owner that see, judge or change requests and responses. */

import type { IncomingMessage } from 'node:http';
import type { RequestFacts } from '../balance/balancer.js';

/**
 * Changes the fields of a request. Called with a flat list: name, value, name, value… Returns the list to use, or
 * changes the given list in place and returns nothing. May be async. If it throws, the request fails: with the
 * `BackendError` thrown, else with `proxy_internal_error`.
 *
 * @example
 * ```ts
 * backend.handler({ onRequestFields: (fields) => [...fields, 'X-Tenant', 'acme'] });
 * ```
 */
export type FieldsHook = (
  fields: string[],
  req: IncomingMessage,
) => readonly string[] | Nothing | PromiseLike<readonly string[] | Nothing>;

// For TypeScript, a function without a `return` returns `void`, not `undefined`.
// biome-ignore lint/suspicious/noConfusingVoidType: in a union with what else a hook may return
type Nothing = undefined | void;

/** The status line of a response. */
export interface ResponseStatus {
  /** Status of the final response: 200 to 999, or 101 for an upgrade. */
  readonly statusCode: number;
  /** Reason phrase; often empty. */
  readonly statusText: string;
}

/** Changes the fields of a response. Works like {@link FieldsHook}; also gets the status of the response. */
export type ResponseFieldsHook = (
  fields: string[],
  req: IncomingMessage,
  response: ResponseStatus,
) => ReturnType<FieldsHook>;

/**
 * Returns the path and query to send. May be async. If it throws, the request fails: with the `BackendError` thrown,
 * else with `proxy_internal_error`.
 *
 * @example
 * ```ts
 * backend.handler({ rewritePath: (path) => `/v2${path}` });
 * ```
 */
export type PathHook = (path: string, req: IncomingMessage) => string | PromiseLike<string>;

/** An interim response (RFC 9110 §15.2), such as 103 Early Hints. Never 101. */
export interface Information {
  /** 100, or 102 to 199. */
  readonly statusCode: number;
  /** Reason phrase; often empty. */
  readonly statusText: string;
  /** Flat list: name, value, name, value… */
  readonly fields: readonly string[];
}

/** Called for each interim response. Returning `false` keeps it from the client. Must not be async. */
export type InformationHook = (information: Information, req: IncomingMessage) => boolean | Nothing;

/**
 * Decides whether a request is idempotent. `true` and `false` override the method, `undefined` leaves it to the method.
 * Must not be async: any other result fails the request with `proxy_internal_error`.
 *
 * @example
 * ```ts
 * new PooledBackend({ origins, idempotent: ({ method, path }) => (method === 'POST' && path === '/search') || undefined });
 * ```
 */
export type IdempotentOption = (request: RequestFacts) => boolean | undefined;
