/** Which connections a request may ride. */

/**
 * `any`: each that passes the check. `verified`: a fresh one, or a reused one that is proven. `fresh`: only a fresh one, and it takes one
 * of the shares of `maxFreshConnections`. `resent`: only a fresh one too, but without a share: it has lost a connection that had none, and
 * now takes the place of that one.
 */
export type Travel = 'any' | 'verified' | 'fresh' | 'resent';
