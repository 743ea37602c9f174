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
