/** Limits of what one response may cost. */

export interface ParserLimits {
  /** Bytes of one head, interim or final, and of the trailer section. */
  readonly maxHeaderBytes: number;
  /** Fields in a head or a trailer section; 2,000 by default. */
  readonly maxFields?: number;
  /** Interim responses before a final one; 100 by default. */
  readonly maxInterim?: number;
  /** Bytes of chunk extensions in one response; 16,384 by default. */
  readonly maxChunkExtensionBytes?: number;
}

export type ResolvedLimits = Required<ParserLimits>;

const DEFAULTS = { maxFields: 2_000, maxInterim: 100, maxChunkExtensionBytes: 16_384 };

export function resolveLimits(limits: ParserLimits): ResolvedLimits {
  return { ...DEFAULTS, ...limits };
}
