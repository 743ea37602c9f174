/** An origin for large bodies, in its own process: sends as many bytes as requested, and counts the bytes that it receives. */

import { createServer } from 'node:http';
import { listen } from '../rig/listen.mjs';
import { serve } from '../rig/parent.mjs';

const PIECE = Buffer.alloc(262_144, 'pooled');

const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://origin');
  const bytes = Number(searchParams.get('bytes') ?? 0);
  if (request.method === 'GET') send(response, bytes, searchParams.has('chunked'));
  else count(request, (total) => response.end(String(total)));
});
server.requestTimeout = 0;

serve({ port: await listen(server) });

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} bytes
 * @param {boolean} chunked
 */
function send(response, bytes, chunked) {
  let left = bytes;
  response.writeHead(200, chunked ? {} : { 'Content-Length': bytes });
  const more = () => {
    while (left > 0) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      left -= piece.length;
      if (!response.write(piece)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {(total: number) => void} done
 */
function count(request, done) {
  let total = 0;
  request.on('data', (/** @type {Buffer} */ piece) => {
    total += piece.length;
  });
  request.on('end', () => done(total));
}
