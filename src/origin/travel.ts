/** Which connections a request may ride. */

/**
 * `any`: each that passes the check. `verified`: a fresh one, or a reused one that is proven.
 * `fresh`: only a fresh one.
 */
export type Travel = 'any' | 'verified' | 'fresh';
