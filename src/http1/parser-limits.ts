/** Limits of what one response may cost. */

export interface ParserLimits {
  /** Bytes of one head, interim or final, and of the trailer section. */
  readonly maxHeaderBytes: number;
  /** Fields in a head or a trailer section. */
  readonly maxFields: number;
  /** Interim responses before a final one. */
  readonly maxInterim: number;
  /** Bytes of chunk extensions in one response. */
  readonly maxChunkExtensionBytes: number;
}

/** The limits that no option sets. */
export const FIXED_LIMITS = { maxFields: 2_000, maxInterim: 100, maxChunkExtensionBytes: 16_384 };
