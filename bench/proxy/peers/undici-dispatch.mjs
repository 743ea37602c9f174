/**
 * Peer: undici's `Pool.dispatch`, its lowest and fastest interface. The code around it does what any proxy needs: it passes
 * on fields as received except hop-by-hop ones, streams bodies both ways with backpressure, ends the request of a client that
 * leaves, and never gives a truncated response a regular end.
 */

import { createServer } from 'node:http';
import { Pool } from 'undici';
import { listen } from '../../rig/listen.mjs';
import { measured } from '../../rig/measured.mjs';
import { options, serve } from '../../rig/parent.mjs';
import { endToEnd, hasBody } from './hop-by-hop.mjs';

/** @type {{ origins: string[], maxConnections: number }} */
const { origins, maxConnections } = options();
const pool = new Pool(origins[0] ?? '', { connections: maxConnections, pipelining: 1 });

/** Passes one response to its client. */
class Relay {
  /** @type {import('node:http').ServerResponse} */
  #response;
  /** @type {((error?: Error) => void) | undefined} */
  #abort;
  /** @type {(() => void) | undefined} */
  #resume;

  constructor(/** @type {import('node:http').ServerResponse} */ response) {
    this.#response = response;
    response.on('close', () => {
      if (!response.writableFinished) this.#abort?.();
    });
  }

  onConnect(/** @type {(error?: Error) => void} */ abort) {
    this.#abort = abort;
    if (this.#response.destroyed) abort();
  }

  /**
   * @param {number} status
   * @param {Buffer[]} rawFields
   * @param {() => void} resume
   * @param {string} statusText
   */
  onHeaders(status, rawFields, resume, statusText) {
    if (status < 200) return true;
    this.#resume = resume;
    const fields = endToEnd(rawFields.map((field) => field.toString('latin1')));
    this.#response.writeHead(status, statusText, fields);
    return true;
  }

  onData(/** @type {Buffer} */ bytes) {
    if (this.#response.write(bytes)) return true;
    this.#response.once('drain', this.#resume ?? (() => {}));
    return false;
  }

  onComplete() {
    this.#response.end();
  }

  onError() {
    if (this.#response.headersSent) this.#response.destroy();
    else this.#response.writeHead(502, { 'content-length': 0 }).end();
  }
}

const server = createServer((request, response) => {
  pool.dispatch(
    {
      method: /** @type {import('undici').Dispatcher.HttpMethod} */ (request.method),
      path: request.url ?? '/',
      headers: endToEnd(request.rawHeaders),
      body: hasBody(request) ? request : null,
    },
    new Relay(response),
  );
});
serve({ port: await listen(server) }, measured);
