/** The origins as the backend gets them: by address or by name, over TCP, TLS or a unix socket. */

import { untold } from '../rig/timers.mjs';

export const DOMAIN = 'soak.test';

/**
 * What the process of an origin tells: `path` is that of its unix socket.
 * @typedef {{ port: number, path?: string }} Place
 */

/**
 * @param {import('./setting.mjs').Setting} setting
 * @param {readonly Place[]} places
 * @returns {import('pooled-backend').OriginOptions[]}
 */
export function originsOf({ origins, transports, names, discovery }, places) {
  const inDns = discovery !== false && discovery.source === 'dns';
  return places.map(({ port, path }, number) => {
    const scheme = transports[number] === 'tls' ? 'https' : 'http';
    const host = names || inDns || path !== undefined ? nameOf(number) : '127.0.0.1';
    if (path !== undefined) return { url: `${scheme}://${host}:80`, socketPath: path, ...origins[number] };
    return { url: `${scheme}://${host}:${port}`, ...(inDns ? {} : origins[number]) };
  });
}

/** @param {number} number of an origin */
export function nameOf(number) {
  return `o${number}.${DOMAIN}`;
}

const LATE_MS = 20;
const FAILING = 0.03;

/**
 * A `connect.lookup` for these names: late, and now and then without an answer.
 * @type {import('node:net').LookupFunction}
 */
export function lookUp(hostname, { all }, callback) {
  untold.setTimeout(() => {
    if (Math.random() < FAILING)
      callback(Object.assign(new Error(`the soak does not find ${hostname}`), { code: 'ENOTFOUND' }), '');
    else if (all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
    else callback(null, '127.0.0.1', 4);
  }, Math.random() * LATE_MS);
}
