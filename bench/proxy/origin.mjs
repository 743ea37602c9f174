/** The origin behind every peer: nginx if it is installed, else node:http. Answers with `BODIES`, both to POST and to GET. */

import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { certificateFiles } from '../rig/certificate.mjs';
import { startChild } from '../rig/child.mjs';
import { freePort } from '../rig/listen.mjs';
import { findNginx, startNginx } from '../rig/nginx.mjs';
import { BODIES, CHUNKED, FIELD_COUNTS } from './bodies.mjs';

/**
 * @typedef {object} RunningOrigin
 * @property {string} name
 * @property {number} port it listens on every address of this machine's loopback
 * @property {number | undefined} tlsPort `undefined` if it has no TLS
 * @property {() => Promise<number>} accepted number of connections that it has accepted so far
 * @property {() => Promise<void>} stop
 */

/**
 * @param {number | undefined} core
 * @returns {Promise<RunningOrigin>}
 */
export async function startOrigin(core) {
  const nginx = findNginx();
  if (nginx === undefined) {
    const child = await startChild(new URL('peers/memory.mjs', import.meta.url), {}, { core });
    const { port } = child.ready;
    const accepted = () => child.ask('accepted');
    return { name: `node:http ${process.version}`, port, tlsPort: undefined, accepted, stop: child.stop };
  }
  const [port, tlsPort, statusPort] = [await freePort(), await freePort(), await freePort()];
  const running = await startNginx({ http: configuration(port, tlsPort, statusPort), port: statusPort, core });
  for (const [path, body] of BODIES) writeFileSync(join(running.folder, path), body);
  let asked = 0;
  const accepted = async () => {
    asked += 1;
    return (await acceptsOf(statusPort)) - asked;
  };
  return { name: `nginx ${nginx.version}`, port, tlsPort, accepted, stop: running.stop };
}

/**
 * @param {number} port
 * @param {number} tlsPort
 * @param {number} statusPort
 */
function configuration(port, tlsPort, statusPort) {
  const { cert, key } = certificateFiles();
  const fields = FIELD_COUNTS.map((count) => {
    const lines = Array.from({ length: count }, (_, at) => `add_header X-Field-${at} "the value of field ${at}";`);
    return `location = /fields-${count} { ${lines.join(' ')} return 200 "${BODIES.get('/100-bytes')}"; }`;
  });
  return `
  sendfile on;
  tcp_nopush on;
  server {
    listen 127.0.0.1:${statusPort};
    location / { stub_status; }
  }
  server {
    listen ${port} backlog=4096;
    listen 127.0.0.1:${tlsPort} ssl backlog=4096;
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    ssl_session_cache shared:tls:10m;
    default_type text/plain;
    keepalive_requests 1000000000;
    root .;
    open_file_cache max=10;
    location = /100-bytes { return 200 "${BODIES.get('/100-bytes')}"; }
    location = ${CHUNKED} { ssi on; ssi_types text/plain; }
    ${fields.join('\n    ')}
  }`;
}

/**
 * @param {number} port
 * @returns {Promise<number>} connections that nginx has accepted, this one included
 */
function acceptsOf(port) {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, agent: false }, async (response) => {
      let text = '';
      for await (const piece of response.setEncoding('latin1')) text += piece;
      // The line "server accepts handled requests" comes before the three numbers.
      resolve(Number(/requests\s+(\d+)/.exec(text)?.[1] ?? Number.NaN));
    });
    request.on('error', reject);
  });
}
