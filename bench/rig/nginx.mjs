/** Starts an nginx with its own folder, configuration and ports, in the foreground, and ends it by its pid. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { startProgram } from './child.mjs';
import { accepting } from './listen.mjs';

/** @returns {{ file: string, version: string } | undefined} `undefined` where nginx is not installed */
export function findNginx() {
  for (const file of ['nginx', '/usr/sbin/nginx']) {
    const { status, stderr } = spawnSync(file, ['-v'], { encoding: 'utf8' });
    if (status === 0) return { file, version: stderr.replace(/^.*nginx\//s, '').trim() };
  }
  return undefined;
}

/**
 * @typedef {object} Nginx
 * @property {string} folder its working folder; log files with a relative path are in it
 * @property {() => number[]} workers the process ids of its workers; only where there is /proc
 * @property {() => void} reload starts new workers; the old ones finish their requests
 * @property {() => Promise<void>} stop ends it and removes the folder
 */

/**
 * @param {object} what
 * @param {string} what.http the text inside `http { … }`
 * @param {number} what.port a port that it listens on, used to see when it is ready
 * @param {number} [what.workers] default 1
 * @param {number | undefined} [what.core] CPU to pin it to
 * @returns {Promise<Nginx>}
 */
export async function startNginx({ http, port, workers: workerCount = 1, core }) {
  const found = findNginx();
  if (found === undefined) throw new Error('nginx is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-nginx-'));
  writeFileSync(join(folder, 'nginx.conf'), configuration(http, workerCount));
  const program = startProgram(found.file, ['-p', `${folder}/`, '-c', 'nginx.conf', '-e', 'error.log'], { core });
  const stop = async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await accepting(port, program.gone);
  } catch (error) {
    await stop();
    throw error;
  }
  const workers = () =>
    readFileSync(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8').trim().split(' ').map(Number);
  return { folder, workers, reload: () => program.kill('SIGHUP'), stop };
}

/**
 * @param {string} http
 * @param {number} workers
 */
function configuration(http, workers) {
  const { uid, username } = userInfo();
  return `daemon off;
${uid === 0 ? `user ${username};` : '' /* only root may choose, and its workers must read our folder */}
worker_processes ${workers};
pid nginx.pid;

events { worker_connections 12000; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
${http}
}
`;
}
