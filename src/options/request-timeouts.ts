/** The timeouts of a request, as a mount or a call sets them. */

/** Timeouts that can be set per mount or per request, in milliseconds. `Infinity` means no limit. */
export interface RequestTimeouts {
  /** Milliseconds to wait for a connection, over all attempts. Then 503. @default that of the backend */
  readonly queueTimeout: number;
  /** Milliseconds the origin may go without accepting a byte of the request. Then 504. @default that of the backend */
  readonly sendTimeout: number;
  /** Milliseconds from the end of the request to the final response head. Then 504. @default that of the backend */
  readonly headersTimeout: number;
  /** Milliseconds the origin may be silent inside the response body. @default that of the backend */
  readonly bodyTimeout: number;
  /** Milliseconds for the whole request, including waits and retries. Then 504. @default that of the backend */
  readonly requestTimeout: number;
}

/** Timeouts as a mount or a call is given them. */
export type GivenTimeouts = { readonly [Name in keyof RequestTimeouts]?: number | undefined };

/** The timeouts that were given, and those of `otherwise` where one is `undefined`. */
export function timeoutsOf(given: GivenTimeouts, otherwise: RequestTimeouts): RequestTimeouts {
  const {
    queueTimeout = otherwise.queueTimeout,
    sendTimeout = otherwise.sendTimeout,
    headersTimeout = otherwise.headersTimeout,
    bodyTimeout = otherwise.bodyTimeout,
    requestTimeout = otherwise.requestTimeout,
  } = given;
  return { queueTimeout, sendTimeout, headersTimeout, bodyTimeout, requestTimeout };
}
