/** What a setting allows, as the verdict has to know it. */

/**
 * @typedef {object} Limits
 * @property {number} maxConnections of any origin, as long as it is not changed
 * @property {number} maxAttempts
 * @property {number} executions how often an idempotent request may be executed
 * @property {number} replayBytes
 * @property {number} bufferedBytes of a body that a mount certainly reads into memory
 * @property {boolean} smallBudget whether the budget for sending again may be spent
 * @property {number} queueTimeout
 * @property {number} requestTimeout
 * @property {boolean} scarce whether requests may find no connection in their time
 * @property {boolean} shortTimeouts whether origins that answer within a second may be too slow
 * @property {boolean} secure whether any origin has TLS
 * @property {string | undefined} thrown what hooks throw
 */

import { FIXED, THROWN } from './setting.mjs';

/**
 * @param {import('./setting.mjs').Setting} setting
 * @returns {Limits}
 */
export function limitsOf(setting) {
  const { backend, mount, hooks, transports } = setting;
  const { maxConnections, maxAttempts = 3, retryOn = [], replayBytes, retryBudget, queueTimeout = 5000 } = backend;
  const buffered = mount.requestBufferBytes ?? backend.requestBufferBytes ?? 65_536;
  return {
    maxConnections,
    maxAttempts,
    // Any number of attempts may end with a status in `retryOn`, or without an answer if that is in it.
    executions: Math.min(maxAttempts, retryOn.length > 0 ? maxAttempts : 2),
    replayBytes,
    bufferedBytes: backend.requestBufferTotalBytes === undefined && buffered !== false ? buffered : 0,
    smallBudget: retryBudget.minPerSecond < 1000,
    queueTimeout,
    requestTimeout: backend.requestTimeout ?? Number.POSITIVE_INFINITY,
    scarce: setting !== FIXED,
    shortTimeouts: ['headersTimeout', 'bodyTimeout', 'requestTimeout'].some((name) => backend[name] < 3000),
    secure: transports.includes('tls'),
    thrown: hooks !== false && hooks.throws > 0 ? THROWN : undefined,
  };
}
