/** Under which options a soak runs, who its clients are and what changes meanwhile: the fixed setting, and one for each seed. */

import { randomChanges, randomOptions } from './random-options.mjs';
import { randomPlaces } from './random-places.mjs';
import { Seeded } from './seeded.mjs';

/**
 * Everything here is JSON, because it goes to other processes.
 * @typedef {object} Setting
 * @property {Record<string, unknown>[]} origins of each origin, what is given beside its URL
 * @property {readonly Transport[]} transports of each origin
 * @property {boolean} names whether the origins have names, which are looked up late or not found
 * @property {Discovery | false} discovery how the backend finds the origins, if it is not told
 * @property {Record<string, any>} backend options of the backend, without `origins`; `balance` may be `{ own, keeps }`
 * @property {{ expectTimeout?: number | false, requestBufferBytes?: number | false }} mount options of the mounts
 * @property {{ requestMs: number, responseMs: number, throws: number } | false} hooks that answer late, and the share of those that throw
 * @property {readonly Record<string, any>[]} changes options of `update()`, one after the other; with any, origins come and go, too
 * @property {boolean} watched whether there are listeners of what attempts do, which makes the library look at a connection twice
 * @property {Crowd} crowd
 */

/** @typedef {'tcp' | 'tls' | 'unix'} Transport */
/** @typedef {{ source: 'function' | 'iterable' | 'dns', intervalMs: number }} Discovery */

/**
 * @typedef {object} Crowd
 * @property {number} keepAlive clients with keep-alive
 * @property {number} oneShot clients without
 * @property {number} http2 clients of HTTP/2
 * @property {number} tunnels clients that switch to another protocol
 * @property {number} pauseMs the longest pause of a client between two requests
 * @property {readonly string[]} modes how a request gets to the backend: through the mount of that `nonIdempotent`, or by `request()` or `fetch()`
 * @property {boolean} byPath whether the backend takes a request for idempotent by its id, whatever its method is
 * @property {boolean} keys whether POSTs may have an Idempotency-Key, which origins honour
 * @property {boolean} expects whether some clients send `Expect: 100-continue`
 */

/** What hooks throw, now and then. */
export const THROWN = 'a hook of the soak threw';

const ORIGINS = 4;

const BACKEND = {
  maxConnections: 16,
  headersTimeout: 3000,
  bodyTimeout: 3000,
  sendTimeout: 3000,
  clientTimeout: 5000,
  replayBytes: 65_536,
  // Every failure must be explained by what origins did. A retry budget that is spent would be another reason, so it is large.
  retryBudget: { ratio: 1, minPerSecond: 1000 },
};

/** @type {Setting} */
export const FIXED = {
  origins: Array.from({ length: ORIGINS }, () => ({})),
  transports: Array.from({ length: ORIGINS }, () => 'tcp'),
  names: false,
  discovery: false,
  // As is a wait for a connection that is over. A busy machine makes all requests slow.
  backend: { ...BACKEND, queueTimeout: 20_000 },
  mount: {},
  hooks: false,
  changes: [],
  watched: false,
  crowd: {
    keepAlive: 80,
    oneShot: 16,
    http2: 0,
    tunnels: 0,
    pauseMs: 40,
    modes: ['fresh', 'verified', 'any'],
    byPath: false,
    keys: false,
    expects: false,
  },
};

/**
 * @param {number} seed
 * @param {readonly string[]} without options that are left out, to find the ones that matter
 * @returns {Setting}
 */
export function randomSetting(seed, without) {
  const seeded = new Seeded(seed);
  const origins = Array.from({ length: seeded.integer(1, 5) }, (_, number) => ({
    ...(seeded.chance(0.2) && { weight: seeded.oneOf([1, 2, 5]) }),
    // The first one always serves.
    ...(number > 0 && seeded.chance(0.2) && { backup: true }),
    ...(seeded.chance(0.1) && { maxConnections: seeded.integer(1, 8) }),
  }));
  const backend = { ...BACKEND, ...randomOptions(seeded) };
  /** @type {Setting['mount']} */
  const mount = {
    ...(seeded.chance(0.3) && { requestBufferBytes: seeded.oneOf([1, 500, false]) }),
    ...(seeded.chance(0.3) && { expectTimeout: seeded.oneOf([20, 500, false]) }),
  };
  const hooks = seeded.chance(0.4) && {
    requestMs: seeded.integer(0, 20),
    responseMs: seeded.integer(0, 20),
    throws: seeded.oneOf([0, 0, 0.01]),
  };
  const changes = seeded.chance(0.5) ? randomChanges(seeded) : [];
  const crowd = {
    keepAlive: seeded.integer(5, 80),
    oneShot: seeded.integer(0, 16),
    http2: seeded.oneOf([0, 0, 10, 30]),
    tunnels: seeded.oneOf([0, 0, 2, 6]),
    pauseMs: seeded.oneOf([0, 5, 40]),
    modes: seeded.oneOf([
      ['fresh', 'verified', 'any'],
      ['fresh', 'any', 'request', 'fetch'],
      ['fresh'],
      ['any', 'verified', 'request'],
    ]),
    byPath: seeded.chance(0.2),
    keys: seeded.chance(0.25),
    expects: seeded.chance(0.3),
  };
  // Origins that come and go are named, and have to be in the subset.
  const subset = changes.length === 0 && seeded.chance(0.15) && { subset: { size: 2, id: 'soak' } };
  const watched = seeded.chance(0.5);
  const { options, ...places } = randomPlaces(seed, origins.length);
  const given = { ...backend, ...subset, ...options };
  return leaveOut({ origins, ...places, backend: given, mount, hooks, changes, watched, crowd }, without);
}

/**
 * @param {Setting} setting
 * @param {readonly string[]} without
 * @returns {Setting}
 */
function leaveOut(setting, without) {
  const kept = (/** @type {Record<string, any>} */ options) =>
    Object.fromEntries(Object.entries(options).filter(([name]) => !without.includes(name)));
  const crowd = { ...setting.crowd };
  for (const name of /** @type {const} */ (['oneShot', 'http2', 'tunnels']))
    if (without.includes(name)) crowd[name] = 0;
  for (const name of /** @type {const} */ (['byPath', 'keys', 'expects']))
    if (without.includes(name)) crowd[name] = false;
  return {
    origins: setting.origins.map(kept),
    transports: setting.transports.map((transport) => (without.includes(transport) ? 'tcp' : transport)),
    names: setting.names && !without.includes('names'),
    discovery: without.includes('discovery') ? false : setting.discovery,
    backend: { ...BACKEND, ...kept(setting.backend) },
    mount: without.includes('mount') ? {} : kept(setting.mount),
    hooks: without.includes('hooks') ? false : setting.hooks,
    changes: without.includes('changes') ? [] : setting.changes.map(kept),
    watched: setting.watched,
    crowd,
  };
}
