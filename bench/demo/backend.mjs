/**
 * One backend of the demo, in its own process: a plain node:http server.
 *
 * - `GET /item/N` answers 200 and about 100 bytes of JSON that repeat N.
 * - `POST /payments` with `{"id": …}` books the payment, then answers 201. Like most servers, it does not check whether it
 *   has booked that id before: a request that is sent twice is executed twice.
 * - Every answer takes SERVICE_MS more, so that some requests are in progress whenever the process is killed.
 * - `keepAliveTimeout` is 2 s (Node's default is 5 s), announced in `Keep-Alive: timeout=2`, so idle connections of the
 *   proxy are closed all the time.
 *
 * Each accepted connection and each booked payment is a line in the journal. It is written synchronously before the answer,
 * so the journal is right even after kill -9.
 */

import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { listen } from '../rig/listen.mjs';
import { options, serve } from '../rig/parent.mjs';

const SERVICE_MS = 5;
const KEEP_ALIVE_MS = 2000;

/** @type {{ journal: string, port?: number }} */
const { journal, port } = options();
const journalFile = openSync(journal, 'a');

const server = createServer((request, response) => {
  if (request.method === 'POST') book(request, response);
  else
    answer(response, 200, {
      item: request.url?.slice('/item/'.length),
      name: 'a thing that is sold here',
      price: '12.50',
      stock: 17,
    });
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.on('connection', () => writeSync(journalFile, 'connection\n'));

serve({ port: await listen(server, port) });

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
function book(request, response) {
  /** @type {Buffer[]} */
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    const { id } = JSON.parse(Buffer.concat(pieces).toString());
    writeSync(journalFile, `payment ${id}\n`);
    answer(response, 201, { id, booked: true });
  });
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {unknown} value
 */
function answer(response, status, value) {
  setTimeout(() => {
    const body = JSON.stringify(value);
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  }, SERVICE_MS);
}
