/** All peers that are compared: proxies on Node, each in its own process, and other programs. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { startChild } from '../rig/child.mjs';
import { haproxyVersion, startHaproxy } from '../rig/haproxy.mjs';
import { freePort } from '../rig/listen.mjs';
import { findNginx, startNginx } from '../rig/nginx.mjs';

/** The response timeout of every peer that has one. */
const TIMEOUT_MS = 1500;

/**
 * @typedef {object} RunningPeer
 * @property {number} port
 * @property {number[]} pids processes to stop; empty if the peer blocks its event loop on request instead
 * @property {() => Promise<unknown>} stop
 */

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} version
 * @property {(originPort: number) => Promise<RunningPeer>} start
 */

const require = createRequire(new URL('../peers/package.json', import.meta.url));

/** @param {string} name */
function versionOf(name) {
  return JSON.parse(readFileSync(join(packageFolder(name), 'package.json'), 'utf8')).version;
}

/** @param {string} name */
function packageFolder(name) {
  const file = require.resolve(name);
  return file.slice(0, file.lastIndexOf(join('node_modules', name)) + join('node_modules', name).length);
}

/**
 * @param {string} name
 * @param {string} version
 * @param {object} [more] options
 * @param {string} [shown]
 * @returns {Peer}
 */
function onNode(name, version, more = {}, shown = name) {
  return {
    name: shown,
    version,
    async start(originPort) {
      const how = { name, origin: `http://127.0.0.1:${originPort}`, timeoutMs: TIMEOUT_MS, ...more };
      const child = await startChild(new URL('peer.mjs', import.meta.url), how);
      return { port: child.ready.port, pids: [], stop: () => child.stop('SIGKILL') };
    },
  };
}

/**
 * @param {string} shown
 * @param {string} version
 * @param {string} retries
 * @returns {Peer}
 */
function haproxy(shown, version, retries) {
  return {
    name: shown,
    version,
    start: (originPort) =>
      startHaproxy(`  timeout server ${TIMEOUT_MS}ms
${retries}
  server origin 127.0.0.1:${originPort}`),
  };
}

/**
 * @param {string} shown
 * @param {string} version
 * @param {(originPort: number) => string} servers
 * @param {string} retries
 * @returns {Peer}
 */
function nginx(shown, version, servers, retries) {
  return {
    name: shown,
    version,
    async start(originPort) {
      const port = await freePort();
      const http = `
  upstream origin { ${servers(originPort)} keepalive 100; }
  server {
    listen 127.0.0.1:${port};
    keepalive_timeout 120s;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout ${TIMEOUT_MS}ms;
      ${retries}
    }
  }`;
      const running = await startNginx({ http, port });
      return { port, pids: running.workers(), stop: running.stop };
    },
  };
}

/**
 * @param {{ version: string }} ours
 * @returns {Peer[]} those that are installed
 */
export function allPeers(ours) {
  const undici = versionOf('undici');
  const peers = [
    ...['fresh', 'verified', 'any'].map((mode) =>
      onNode('pooled-backend', ours.version, { nonIdempotent: mode }, `pooled-backend, '${mode}'`),
    ),
    onNode('pooled-backend', ours.version, { retryOn: ['headers-timeout', 502, 503, 504] }, 'pooled-backend, retryOn'),
    onNode('undici Pool', undici),
    onNode('undici RetryAgent', undici),
    onNode('node:http Agent', process.version),
    onNode('http-proxy', versionOf('http-proxy'), {}, 'http-proxy, keep-alive agent'),
    onNode('@fastify/http-proxy', versionOf('@fastify/http-proxy')),
  ];
  const version = haproxyVersion();
  if (version !== undefined) {
    const all = '  option redispatch\n  retry-on all-retryable-errors';
    peers.push(haproxy('HAProxy', version, ''));
    peers.push(haproxy('HAProxy, retry-on but POST', version, `${all}\n  http-request disable-l7-retry if METH_POST`));
    peers.push(haproxy('HAProxy, retry-on', version, all));
  }
  const found = findNginx();
  if (found !== undefined) {
    const once = (/** @type {number} */ port) => `server 127.0.0.1:${port} max_fails=0;`;
    const twice = (/** @type {number} */ port) => once(port) + once(port);
    const next = 'proxy_next_upstream error timeout invalid_header http_502 http_503 http_504';
    peers.push(nginx('nginx', found.version, once, ''));
    peers.push(nginx('nginx, next_upstream', found.version, twice, `${next};`));
    peers.push(nginx('nginx, non_idempotent', found.version, twice, `${next} non_idempotent;`));
  }
  return peers;
}
