/** The origin behind every peer: nginx where it is installed, else node:http. Answers `BODIES`, to POST as to GET. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../rig/child.mjs';
import { freePort } from '../rig/listen.mjs';
import { findNginx, startNginx } from '../rig/nginx.mjs';
import { BODIES } from './bodies.mjs';

/**
 * @param {number | undefined} core
 * @returns {Promise<{ port: number, name: string, stop: () => Promise<void> }>}
 */
export async function startOrigin(core) {
  const nginx = findNginx();
  if (nginx === undefined) {
    const child = await startChild(new URL('peers/memory.mjs', import.meta.url), {}, { core });
    return { port: child.ready.port, name: `node:http ${process.version}`, stop: child.stop };
  }
  const port = await freePort();
  const http = `
  sendfile on;
  tcp_nopush on;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    default_type text/plain;
    keepalive_requests 1000000000;
    root .;
    open_file_cache max=10;
    location = /100-bytes { return 200 "${BODIES.get('/100-bytes')}"; }
  }`;
  const running = await startNginx({ http, port, core });
  for (const [path, body] of BODIES) writeFileSync(join(running.folder, path), body);
  return { port, name: `nginx ${nginx.version}`, stop: running.stop };
}
