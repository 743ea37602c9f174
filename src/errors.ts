/** What can go wrong, as one error class and one table from code to HTTP status. */

/**
 * What happened, in the vocabulary of RFC 9209 §2.3 (Proxy-Status error types), with three of our own:
 * `client_aborted`, `backend_closed` and `body_already_read`.
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

/** Whether the origin may have processed the request. `unknown` is the honest answer after a silent close. */
export type Delivery = 'unsent' | 'unknown' | 'answered';

/** How much of something went over the wire. Moves forward only. */
export type Progress = 'nothing' | 'some' | 'all';

/** Where an attempt was when it ended. */
export type Phase = 'checkout' | 'send' | 'wait' | 'response-head' | 'response-body' | 'done';

/** One try: pick, checkout, exchange. */
export interface Attempt {
  /** `scheme://host:port` of the server it went to. */
  readonly origin: string;
  /** Where it was when it ended. */
  readonly phase: Phase;
  /** The connection had carried a request before. */
  readonly reused: boolean;
  /** How much of the request the kernel accepted. */
  readonly sent: Progress;
  /** How much of the final response arrived. */
  readonly received: Progress;
  /** Why it ended badly; absent on the attempt that was answered. */
  readonly cause?: Error | undefined;
}

/** Connections of one origin at the moment of an error. */
export interface OriginCounts {
  /** `scheme://host:port`. */
  readonly origin: string;
  /** That carry a request. */
  readonly busy: number;
  /** That wait for one. */
  readonly idle: number;
  /** Those of the idle ones that never carried a request. */
  readonly spare: number;
  /** That are being opened. */
  readonly dialling: number;
}

/** What a `BackendError` has beside its code and its message. */
export interface BackendErrorDetails {
  /** Whether the origin may have processed the request. @default 'unsent' */
  readonly delivery?: Delivery | undefined;
  /** `scheme://host:port` of the server that it is about. @default undefined */
  readonly origin?: string | undefined;
  /** What was tried, oldest first. @default [] */
  readonly attempts?: readonly Attempt[] | undefined;
  /** Connections of each origin at that moment. @default [] */
  readonly counts?: readonly OriginCounts[] | undefined;
  /** What it comes from: an error of the system, or what was thrown. @default undefined */
  readonly cause?: unknown;
  /** Seconds after which a new try makes sense, for a 503. @default undefined */
  readonly retryAfter?: number | undefined;
}

const BRAND = Symbol.for('pooled-backend.BackendError');

/**
 * Every failure of a request. `code` says what happened, `statusCode` what a client should be told, `delivery` whether
 * the origin may have processed the request, `attempts` what was tried.
 */
export class BackendError extends Error {
  /** @internal */
  override readonly name: string = 'BackendError';
  /** What happened (RFC 9209 §2.3). */
  readonly code: ErrorCode;
  /** HTTP status for the client. */
  readonly statusCode: number;
  /** Whether the origin may have processed the request. */
  readonly delivery: Delivery;
  /** `scheme://host:port` of the server that it is about, if it is about one. */
  readonly origin: string | undefined;
  /** What was tried, oldest first. A wait and a failed dial are no attempts. */
  readonly attempts: readonly Attempt[];
  /** Connections of each origin at that moment; only of an error that ended a wait. */
  readonly counts: readonly OriginCounts[];
  /** Seconds after which a new try makes sense; only on 503. */
  readonly retryAfter: number | undefined;

  /** `message` is one sentence for a log: it may name addresses. */
  constructor(code: ErrorCode, message: string, details: BackendErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.statusCode = STATUS_BY_CODE[code];
    this.delivery = details.delivery ?? 'unsent';
    this.origin = details.origin;
    this.attempts = details.attempts ?? [];
    this.counts = details.counts ?? [];
    this.retryAfter = details.retryAfter;
  }

  /** What a log in JSON gets: the message, too, and of each cause its message. */
  toJSON(): object {
    const { name, message, code, statusCode, delivery, origin, counts, retryAfter } = this;
    const attempts = this.attempts.map((attempt) => ({ ...attempt, cause: attempt.cause?.message }));
    const cause = this.cause instanceof Error ? this.cause.message : undefined;
    return { name, message, code, statusCode, delivery, origin, attempts, counts, retryAfter, cause };
  }

  /** True for a `BackendError` of any copy of this library: ESM, CJS, or another version in the tree. */
  static is(value: unknown): value is BackendError {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
Object.defineProperty(BackendError.prototype, BRAND, { value: true });

/** What was thrown, if it is a `BackendError`; else a `proxy_internal_error` caused by it. */
export function asBackendError(thrown: unknown): BackendError {
  if (BackendError.is(thrown)) return thrown;
  return new BackendError('proxy_internal_error', messageOf(thrown), { cause: thrown });
}

/** What was thrown, in words. Anything can be thrown, also what has none, as `Object.create(null)`. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return `something of type ${typeof thrown} was thrown`;
  }
}
