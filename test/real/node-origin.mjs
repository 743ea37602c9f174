/** A node:http server with its defaults, which has a keepAliveTimeout of 5 s, in its own process. */

import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { listen } from '../../bench/rig/listen.mjs';
import { options, serve } from '../../bench/rig/parent.mjs';

/** @type {{ log: string, port?: number }} */
const { log, port } = options();
const file = openSync(log, 'a');

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    writeSync(file, `${request.method} ${request.url}\n`);
    response.end(request.url);
  });
});
serve({ port: await listen(server, port) });
