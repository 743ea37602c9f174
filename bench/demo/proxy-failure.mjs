/** What both proxies of the demo do for their clients. */

/** Longer than a phase, so that the proxy never closes a client's idle connection. */
export const FRONT_KEEP_ALIVE_MS = 120_000;

/** Tells the demo's clients whether the backend may have executed the request: `unsent`, `unknown` or `answered`. */
export const DELIVERY_FIELD = 'x-demo-delivery';

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {string} delivery
 */
export function answerFailure(response, status, delivery) {
  response.writeHead(status, { [DELIVERY_FIELD]: delivery, 'content-length': 0 });
  response.end();
}
