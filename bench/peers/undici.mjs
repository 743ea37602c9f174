/** A proxy in a few lines around undici's Pool, as many people write one themselves. */

import { createServer } from 'node:http';
import { pipeline } from 'node:stream';
import { Pool } from 'undici';
import { answer502, origin, start } from './serve.mjs';

const pool = new Pool(origin, { connections: 100 });

await start(
  createServer(async (request, response) => {
    const { method = 'GET', url: path = '/', headers } = request;
    const body = method === 'GET' || method === 'HEAD' ? undefined : request;
    const {
      connection: _connection,
      'transfer-encoding': _coding,
      expect: _expect,
      upgrade: _upgrade,
      ...rest
    } = headers;
    try {
      const answer = await pool.request({ method: /** @type {any} */ (method), path, headers: rest, body });
      response.writeHead(answer.statusCode, answer.headers);
      pipeline(answer.body, response, () => {});
    } catch (error) {
      answer502(error, request, response);
    }
  }),
);
