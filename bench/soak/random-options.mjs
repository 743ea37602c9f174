/** Values for the options of a backend that are rare together. What a soak could not tell from a fault is not among them. */

/** @typedef {import('./seeded.mjs').Seeded} Seeded */

/** @type {Record<string, (seeded: Seeded) => unknown>} by the option's name */
const VALUES = {
  maxConnections: (seeded) => seeded.oneOf([1, 2, 3, 5, 8, 20]),
  minConnections: () => 1,
  nonIdempotent: (seeded) => seeded.oneOf(['fresh', 'verified', 'any']),
  maxFreshConnections: () => 1,
  spareConnections: (seeded) => seeded.oneOf([false, 1, 8]),
  maxQueue: (seeded) => seeded.oneOf([0, 1, 5, 50]),
  queueTimeout: (seeded) => seeded.oneOf([1, 50, 300, 1500]),
  maxDialling: (seeded) => seeded.oneOf([1, 2]),
  connectTimeout: (seeded) => seeded.oneOf([20, 300]),
  headersTimeout: (seeded) => seeded.oneOf([100, 1000]),
  bodyTimeout: (seeded) => seeded.oneOf([50, 1000]),
  requestTimeout: (seeded) => seeded.oneOf([150, 1000, 4000]),
  keepAliveTimeout: (seeded) => seeded.oneOf([1, 20, 500]),
  maxRequestsPerConnection: (seeded) => seeded.oneOf([1, 2, 7]),
  maxConnectionAge: (seeded) => seeded.oneOf([1, 100, 1000]),
  maxAttempts: (seeded) => seeded.oneOf([1, 2, 5]),
  retryOn: (seeded) => seeded.oneOf([['headers-timeout'], [503], ['headers-timeout', 503], [429, 500, 502, 503, 504]]),
  retryBudget: (seeded) =>
    seeded.oneOf([
      { ratio: 0, minPerSecond: 0 },
      { ratio: 0.1, minPerSecond: 1 },
    ]),
  replayBytes: (seeded) => seeded.oneOf([0, 1, 1000]),
  requestBufferBytes: (seeded) => seeded.oneOf([false, 1, 1000]),
  requestBufferTotalBytes: (seeded) => seeded.oneOf([0, 10_000]),
  spoolBytes: (seeded) => seeded.oneOf([0, 1, 2000]),
  spoolTotalBytes: (seeded) => seeded.oneOf([0, 20_000]),
  balance: (seeded) =>
    seeded.oneOf([
      'round-robin',
      'two-choices',
      'first',
      { type: 'hash', key: 'path' },
      { type: 'hash', key: { header: 'x-mode' } },
      { type: 'hash', key: { header: 'x-mode' }, load: 1 },
      { type: 'hash', key: { cookie: 'node' } },
    ]),
  sticky: (seeded) => seeded.oneOf([{ cookie: 'node' }, { cookie: 'node', secret: 'soak' }]),
  ejection: (seeded) =>
    seeded.oneOf([
      { failures: 1, time: 100, maxTime: 400 },
      { failures: 2, time: 300, maxEjected: 1 },
      { failures: 3, statuses: [503], time: 200, maxTime: 200 },
      { time: 200, maxTime: 400, outliers: { window: 500, requests: 10, origins: 3, slowness: 2 } },
    ]),
  check: (seeded) =>
    seeded.oneOf([
      { path: '/check', interval: 200, timeout: 200, rise: 1, fall: 1 },
      { path: '/check', interval: 50, timeout: 50, rise: 2, fall: 2, fastInterval: 10 },
      { type: 'tcp', interval: 100, timeout: 100 },
    ]),
  slowStart: (seeded) => seeded.oneOf([100, 2000]),
  adaptiveConcurrency: (seeded) =>
    seeded.oneOf([
      { min: 1, window: 100 },
      { min: 2, window: 300, tolerance: 1 },
    ]),
};

const OPTION_SHARE = 0.25;

/** What may change under load without making a failure harder to explain. */
const CHANGED = [
  'maxConnections',
  'minConnections',
  'maxFreshConnections',
  'spareConnections',
  'maxDialling',
  'keepAliveTimeout',
  'maxRequestsPerConnection',
  'maxConnectionAge',
  'spoolBytes',
  'balance',
  'sticky',
  'ejection',
  'check',
  'slowStart',
  'adaptiveConcurrency',
];
const MOST_CHANGES = 12;

/**
 * @param {Seeded} seeded
 * @returns {Record<string, unknown>}
 */
export function randomOptions(seeded) {
  return valid(
    Object.keys(VALUES).filter(() => seeded.chance(OPTION_SHARE)),
    seeded,
  );
}

/**
 * @param {Seeded} seeded
 * @returns {Record<string, unknown>[]}
 */
export function randomChanges(seeded) {
  return Array.from({ length: seeded.integer(2, MOST_CHANGES) }, () => {
    const names = CHANGED.filter(() => seeded.chance(0.2));
    const off = ['sticky', 'check', 'slowStart', 'adaptiveConcurrency'].filter(
      (name) => !names.includes(name) && seeded.chance(0.2),
    );
    return { ...valid(names, seeded), ...Object.fromEntries(off.map((name) => [name, false])) };
  });
}

/**
 * @param {readonly string[]} names
 * @param {Seeded} seeded
 */
function valid(names, seeded) {
  return Object.fromEntries(names.map((name) => [name, VALUES[name]?.(seeded)]));
}
