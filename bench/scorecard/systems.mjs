/** The systems of the scorecard, each in a process and on a port of its own. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild, startProgram } from '../rig/child.mjs';
import { freePort } from '../rig/listen.mjs';
import { findNginx, startNginx } from '../rig/nginx.mjs';
import { Wire } from './wire.mjs';

/** A running system. @typedef {{ port: number, stop: () => Promise<void> }} Running */

/**
 * @typedef {object} System
 * @property {string} name
 * @property {string} version
 * @property {(origin: string) => Promise<Running>} start
 */

/** @type {readonly [name: string, file: string, packageName: string][]} */
const NODE_PEERS = [
  ['undici, by hand', 'undici.mjs', 'undici'],
  ['http-proxy', 'http-proxy.mjs', 'http-proxy'],
  ['httpxy', 'httpxy.mjs', 'httpxy'],
  ['http-proxy-middleware', 'http-proxy-middleware.mjs', 'http-proxy-middleware'],
  ['express-http-proxy', 'express-http-proxy.mjs', 'express-http-proxy'],
  ['@fastify/reply-from', 'reply-from.mjs', '@fastify/reply-from'],
  ['fast-proxy', 'fast-proxy.mjs', 'fast-proxy'],
];

/** @returns {System[]} ours first; nginx and HAProxy if they are installed */
export function findSystems() {
  const nginx = findNginx();
  const haproxy = spawnSync('haproxy', ['-v'], { encoding: 'utf8' });
  return [
    nodeSystem('pooled-backend', 'pooled-backend.mjs', versionIn(new URL('../../package.json', import.meta.url))),
    ...NODE_PEERS.map(([name, file, packageName]) =>
      nodeSystem(name, file, versionIn(new URL(`../peers/node_modules/${packageName}/package.json`, import.meta.url))),
    ),
    ...(nginx === undefined ? [] : [{ name: 'nginx', version: nginx.version.split(' ')[0] ?? '', start: runNginx }]),
    ...(haproxy.status === 0
      ? [{ name: 'HAProxy', version: /version (\S+?)[-+ ]/.exec(haproxy.stdout)?.[1] ?? '', start: runHaproxy }]
      : []),
  ];
}

/**
 * @param {string} name
 * @param {string} file
 * @param {string} version
 * @returns {System}
 */
function nodeSystem(name, file, version) {
  return {
    name,
    version,
    async start(origin) {
      const child = await startChild(new URL(`../peers/${file}`, import.meta.url), { origin });
      return { port: child.ready.port, stop: () => child.stop('SIGKILL') };
    },
  };
}

/** @returns {string} */
function versionIn(/** @type {URL} */ file) {
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

/** With the settings that its documentation recommends for keep-alive and for WebSocket. */
async function runNginx(/** @type {string} */ origin) {
  const port = await freePort();
  const { stop } = await startNginx({
    port,
    http: `
  upstream origin { server ${new URL(origin).host}; keepalive 32; }
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }
  }`,
  });
  return { port, stop };
}

async function runHaproxy(/** @type {string} */ origin) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-haproxy-'));
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `global
  maxconn 1000
defaults
  mode http
  option forwardfor
  timeout connect 2s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:${port}
  default_backend origins
backend origins
  server origin ${new URL(origin).host}
`,
  );
  const program = startProgram('haproxy', ['-db', '-q', '-f', join(folder, 'haproxy.cfg')]);
  for (let tries = 0; tries < 100 && !(await accepts(port)); tries += 1) await sleep(30);
  const stop = async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, stop };
}

/** @param {number} port */
async function accepts(port) {
  const wire = new Wire(port);
  await wire.until(() => wire.end !== undefined, 20);
  const refused = wire.end !== undefined;
  wire.leave();
  return !refused;
}
