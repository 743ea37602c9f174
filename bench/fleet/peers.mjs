/** The peers between the clients and the fleet: each in a process of its own, with 50 connections to each origin. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { startChild } from '../rig/child.mjs';
import { haproxyVersion, startHaproxy } from '../rig/haproxy.mjs';

/**
 * @typedef {object} Running
 * @property {number} port
 * @property {() => Promise<unknown>} stop
 */

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} version
 * @property {string} setting its settings, except the origins and the 50 connections to each
 * @property {(ports: readonly number[]) => Promise<Running>} start
 */

const CONNECTIONS = 50;
const require = createRequire(import.meta.url);

/** @param {URL | string} file */
function versionIn(file) {
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

const urls = (/** @type {readonly number[]} */ ports) => ports.map((port) => `http://127.0.0.1:${port}`);

/** The recipe of docs/health.md for a fleet with a flaky member. */
const TUNED = {
  retryOn: [500, 502, 503, 504],
  ejection: {
    ...{ time: 500, maxTime: 1_000, maxEjected: 0.75, statuses: [500, 502, 503, 504] },
    outliers: { window: 1_000, requests: 10, origins: 3, deviations: 1.2, slowness: 3 },
  },
};

/**
 * @param {string} name
 * @param {object} options
 * @returns {Peer}
 */
function ours(name, options) {
  return {
    name: `pooled-backend, ${name}`,
    version: versionIn(new URL('../../package.json', import.meta.url)),
    setting: JSON.stringify(options),
    async start(ports) {
      const child = await startChild(new URL('../rig/pooled-proxy.mjs', import.meta.url), {
        origins: urls(ports),
        maxConnections: CONNECTIONS,
        ...options,
      });
      return { port: child.ready.port, stop: () => child.stop('SIGKILL') };
    },
  };
}

/**
 * @param {string} name
 * @param {boolean} retries
 * @param {string} setting
 * @returns {Peer}
 */
function undici(name, retries, setting) {
  const [folder = ''] = require.resolve('undici').split(/(?<=node_modules[\\/]undici[\\/])/);
  return {
    name,
    version: versionIn(join(folder, 'package.json')),
    setting,
    async start(ports) {
      const how = { origins: urls(ports), connections: CONNECTIONS, retries };
      const child = await startChild(new URL('undici.mjs', import.meta.url), how);
      return { port: child.ready.port, stop: () => child.stop('SIGKILL') };
    },
  };
}

/** @returns {Peer[]} none if it is not installed */
function haproxy() {
  const version = haproxyVersion();
  if (version === undefined) return [];
  return [
    {
      ...{ name: 'HAProxy', version },
      setting: 'balance leastconn, option redispatch 1, retry-on all-retryable-errors, check inter 500ms fall 2 rise 1',
      async start(ports) {
        const servers = ports.map((one, index) => `  server o${index} 127.0.0.1:${one} maxconn ${CONNECTIONS}`);
        return startHaproxy(`  timeout server 10s
  timeout queue 5s
  balance leastconn
  option redispatch 1
  retries 3
  retry-on all-retryable-errors
  http-reuse safe
  default-server check inter 500ms fall 2 rise 1
${servers.join('\n')}`);
      },
    },
  ];
}

/** @returns {Peer[]} the installed ones */
export function allPeers() {
  return [
    ours("'least-busy'", { balance: 'least-busy', ...TUNED }),
    ours("'two-choices'", { balance: 'two-choices', ...TUNED }),
    ours('default options', {}),
    undici('undici BalancedPool', false, 'pipelining 1'),
    undici('undici BalancedPool, retry', true, 'the same, and its retry interceptor for 500, 502, 503, 504'),
    ...haproxy(),
  ];
}
