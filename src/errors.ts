/** What can go wrong, as one error class and one table from code to HTTP status. */

/**
 * What went wrong. The names are error types of RFC 9209 §2.3 (Proxy-Status), plus three of this library:
 * `client_aborted`, `backend_closed` and `body_already_read`. `docs/errors.md` explains each.
 */
export type ErrorCode = keyof typeof STATUS_BY_CODE;

const STATUS_BY_CODE = {
  dns_timeout: 504,
  dns_error: 502,
  destination_unavailable: 503,
  destination_ip_unroutable: 502,
  connection_refused: 502,
  connection_terminated: 502,
  connection_timeout: 504,
  connection_read_timeout: 504,
  connection_write_timeout: 504,
  connection_limit_reached: 503,
  tls_protocol_error: 502,
  tls_certificate_error: 502,
  tls_alert_received: 502,
  http_request_error: 400,
  http_response_incomplete: 502,
  http_response_header_section_size: 502,
  http_response_trailer_section_size: 502,
  http_response_transfer_coding: 502,
  http_response_timeout: 504,
  http_upgrade_failed: 502,
  http_protocol_error: 502,
  proxy_internal_error: 500,
  proxy_configuration_error: 500,
  /** The client left, or the caller's signal was aborted. Nobody is there to read the status. */
  client_aborted: 499,
  /** The backend is draining or closed, or was destroyed with this request in flight. */
  backend_closed: 503,
  /** A body parser ran before us and left nothing to send. */
  body_already_read: 500,
} as const;

/**
 * Whether the origin may have processed the request.
 * - `'unsent'`: certainly not. The kernel accepted no byte of it, in any attempt.
 * - `'unknown'`: perhaps. At least a part of it was sent, and no response head was passed on: none arrived, or only one
 *   after which the request was to be sent again (`retryOn`).
 * - `'answered'`: yes. A complete response head arrived and was passed on.
 */
export type Delivery = 'unsent' | 'unknown' | 'answered';

/** How much of a request or response was transferred. */
export type Progress = 'nothing' | 'some' | 'all';

/**
 * How far an attempt got: `checkout` = a connection was taken; `send` = the request was being sent; `wait` = it was
 * sent, and no byte of the final response had arrived; then inside `response-head` or `response-body`; `done` = the
 * response was complete.
 */
export type Phase = 'checkout' | 'send' | 'wait' | 'response-head' | 'response-body' | 'done';

/** One attempt to send a request over one connection. */
export interface Attempt {
  /** Origin it was sent to, as `scheme://host:port`. */
  readonly origin: string;
  /** How far the attempt got. */
  readonly phase: Phase;
  /** Whether the connection had carried a request before. */
  readonly reused: boolean;
  /** How much of the request the kernel accepted. */
  readonly sent: Progress;
  /** How much of the final response arrived. */
  readonly received: Progress;
  /** Why the attempt failed; absent if it was answered. */
  readonly cause?: Error | undefined;
}

/** Connections to one origin at the time of an error. */
export interface OriginCounts {
  /** Name of the origin, as `scheme://host:port`. */
  readonly origin: string;
  /** Connections in use. */
  readonly busy: number;
  /** Idle connections. */
  readonly idle: number;
  /** Idle connections that never carried a request; a part of `idle`. */
  readonly spare: number;
  /** Connections being opened. */
  readonly dialling: number;
}

/** Third argument of the constructor of {@link BackendError}. */
export interface BackendErrorDetails {
  /** Whether the origin may have processed the request. @default 'unsent' */
  readonly delivery?: Delivery | undefined;
  /** Name of the origin concerned, as `scheme://host:port`. @default undefined */
  readonly origin?: string | undefined;
  /** All attempts, oldest first. @default [] */
  readonly attempts?: readonly Attempt[] | undefined;
  /** Connections of each origin at that time. @default [] */
  readonly counts?: readonly OriginCounts[] | undefined;
  /** The underlying error. @default undefined */
  readonly cause?: unknown;
  /** Seconds after which the client may try again, for a 503. @default undefined */
  readonly retryAfter?: number | undefined;
}

const BRAND = Symbol.for('pooled-backend.BackendError');

/**
 * The error of every failed request. Check `delivery` before you repeat the request yourself.
 *
 * @example
 * ```ts
 * try {
 *   await backend.request({ method: 'POST', path: '/orders', body });
 * } catch (error) {
 *   if (BackendError.is(error) && error.delivery === 'unsent') repeat(); // the origin never saw it
 * }
 * ```
 */
export class BackendError extends Error {
  /** @internal */
  override readonly name: string = 'BackendError';
  /** What went wrong (RFC 9209 §2.3). */
  readonly code: ErrorCode;
  /** HTTP status that a client should get: 4xx or 5xx, by `code`. */
  readonly statusCode: number;
  /** Whether the origin may have processed the request. */
  readonly delivery: Delivery;
  /**
   * Origin of the last attempt or, if there was none, of the failed dial, as `scheme://host:port`; `undefined` if there
   * was neither.
   */
  readonly origin: string | undefined;
  /** All attempts, oldest first. Waiting for a connection and failed dials are not attempts. */
  readonly attempts: readonly Attempt[];
  /**
   * Connections of each origin at that time. Only if the request failed while waiting for a connection; otherwise
   * empty.
   */
  readonly counts: readonly OriginCounts[];
  /** Seconds after which the client may try again; only on some errors with status 503. */
  readonly retryAfter: number | undefined;

  /**
   * For your own code that has to fail a request, such as a hook.
   *
   * @param code determines `statusCode`
   * @param message one sentence for logs, not for clients: it may contain addresses
   */
  constructor(code: ErrorCode, message: string, details: BackendErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    // Plain JavaScript may pass an unknown code. Without a status the client would get no answer.
    this.statusCode = STATUS_BY_CODE[code] ?? STATUS_BY_CODE.proxy_internal_error;
    this.delivery = details.delivery ?? 'unsent';
    this.origin = details.origin;
    this.attempts = details.attempts ?? [];
    this.counts = details.counts ?? [];
    this.retryAfter = details.retryAfter;
  }

  /** Returns the members of the error, with `message`, and with only the message of each cause. For logs in JSON. */
  toJSON(): object {
    const { name, message, code, statusCode, delivery, origin, counts, retryAfter } = this;
    const attempts = this.attempts.map((attempt) => ({ ...attempt, cause: attempt.cause?.message }));
    const cause = isError(this.cause) ? this.cause.message : undefined;
    return { name, message, code, statusCode, delivery, origin, attempts, counts, retryAfter, cause };
  }

  /**
   * Returns `true` for a `BackendError` of any copy of this library: ESM, CommonJS, or another installed version. Use
   * it instead of `instanceof`.
   */
  static is(value: unknown): value is BackendError {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
Object.defineProperty(BackendError.prototype, BRAND, { value: true });

/** Returns `thrown` if it is a `BackendError`; otherwise a `proxy_internal_error` caused by it. */
export function asBackendError(thrown: unknown): BackendError {
  if (BackendError.is(thrown)) return thrown;
  return new BackendError('proxy_internal_error', messageOf(thrown), { cause: thrown });
}

/**
 * Returns `thrown` if it is a `BackendError`. Anything else was thrown by node:http or by `Response`, which refuse to take the origin's
 * response: that is the origin's fault.
 */
export function asHeadError(thrown: unknown): BackendError {
  if (BackendError.is(thrown)) return thrown;
  const message = `the origin's response cannot be relayed: ${messageOf(thrown)}`;
  return new BackendError('http_protocol_error', message, { cause: thrown });
}

/**
 * Whether a value is an error. Not only `instanceof`: in Jest and in other realms of `node:vm`, the errors of Node itself, and its
 * `DOMException`, are not instances of `Error`.
 */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || /^\[object (Error|DOMException)\]$/.test(Object.prototype.toString.call(value));
  } catch {
    return false; // it has a tag that cannot be read
  }
}

/** Describes what was thrown. Anything can be thrown, even a value without a text, such as `Object.create(null)`. */
export function messageOf(thrown: unknown): string {
  try {
    return String(isError(thrown) ? thrown.message : thrown);
  } catch {
    return `something of type ${typeof thrown} was thrown`;
  }
}
