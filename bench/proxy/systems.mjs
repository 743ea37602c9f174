/** Starts the peers: processes of Node, and two proxies written in C that show what is possible. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild, startProgram } from '../rig/child.mjs';
import { accepting, freePort } from '../rig/listen.mjs';
import { findNginx, startNginx } from '../rig/nginx.mjs';
import { MAX_CONNECTIONS } from './cases.mjs';

/**
 * A peer that runs.
 * @typedef {object} Running
 * @property {number} port
 * @property {readonly number[]} pids its processes, whose CPU and memory are measured
 * @property {import('../rig/child.mjs').Child | undefined} child the process to ask, if it runs on Node
 * @property {() => Promise<void>} stop
 */

/** @returns {boolean} whether it can take part on this machine */
export function isInstalled(/** @type {import('./cases.mjs').Peer} */ { file }) {
  if (file === 'haproxy') return spawnSync('haproxy', ['-v']).status === 0;
  return file !== 'nginx' || findNginx() !== undefined;
}

/**
 * @param {import('./cases.mjs').Peer} peer
 * @param {string} origin URL
 * @param {number | undefined} core
 * @returns {Promise<Running>}
 */
export function startPeer(peer, origin, core) {
  if (peer.file === 'haproxy') return startHaproxy(origin, core);
  if (peer.file === 'nginx') return startNginxProxy(origin, core);
  return startNode(peer, origin, core);
}

/**
 * @param {import('./cases.mjs').Peer} peer
 * @param {string} origin
 * @param {number | undefined} core
 * @returns {Promise<Running>}
 */
async function startNode({ file, nonIdempotent }, origin, core) {
  // pooled-backend refuses options that it does not know; the modules of ../peers/ take a single `origin`.
  const settings = file.startsWith('../peers/')
    ? { origin, maxConnections: MAX_CONNECTIONS }
    : { origins: [origin], maxConnections: MAX_CONNECTIONS, nonIdempotent };
  const child = await startChild(new URL(file, import.meta.url), settings, { core });
  return { port: child.ready.port, pids: [child.pid], child, stop: () => child.stop('SIGKILL') };
}

/**
 * @param {string} origin
 * @param {number | undefined} core
 * @returns {Promise<Running>}
 */
async function startHaproxy(origin, core) {
  const { host, protocol } = new URL(origin);
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-haproxy-'));
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout queue 60s
  http-reuse always
listen all
  bind 127.0.0.1:${port} backlog 4096
  server origin ${host} maxconn ${MAX_CONNECTIONS} pool-max-conn ${MAX_CONNECTIONS} ${protocol === 'https:' ? 'ssl verify none' : ''}
`,
  );
  const program = startProgram('haproxy', ['-db', '-q', '-f', join(folder, 'haproxy.cfg')], { core });
  await accepting(port, program.gone);
  const stop = async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, pids: [program.pid], child: undefined, stop };
}

/**
 * @param {string} origin
 * @param {number | undefined} core
 * @returns {Promise<Running>}
 */
async function startNginxProxy(origin, core) {
  const { host, protocol } = new URL(origin);
  const port = await freePort();
  const http = `
  upstream origin { server ${host}; keepalive ${MAX_CONNECTIONS}; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    keepalive_timeout 120s;
    keepalive_requests 1000000000;
    location / {
      proxy_pass ${protocol}//origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }`;
  const running = await startNginx({ http, port, core });
  return { port, pids: running.workers(), child: undefined, stop: running.stop };
}
