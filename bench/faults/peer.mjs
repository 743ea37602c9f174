/**
 * One peer that runs on Node, in its own process, with its response timeout set, if it has one. A request with `X-Block: N`
 * blocks the event loop for N ms before the peer sees it, like a middleware that computes for long.
 */

import { Agent, createServer, request as sendRequest } from 'node:http';
import { createRequire } from 'node:module';
import { pipeline } from 'node:stream';
import { endToEnd, hasBody } from '../proxy/peers/hop-by-hop.mjs';
import { listen } from '../rig/listen.mjs';
import { options, serve } from '../rig/parent.mjs';

/** @typedef {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void} Listener */

/** @type {{ name: string, origin: string, timeoutMs: number, nonIdempotent?: 'fresh' | 'verified' | 'any', retryOn?: any[] }} */
const { name, origin, timeoutMs, nonIdempotent, retryOn } = options();
const MAX_CONNECTIONS = 100;
// The packages of all comparisons are installed once, in peers/.
const require = createRequire(new URL('../peers/package.json', import.meta.url));

/** @type {Listener} */
function answer502(_request, response) {
  if (response.headersSent) response.destroy();
  else response.writeHead(502, { 'content-length': 0 }).end();
}

/**
 * A proxy in a few lines, around `request()` of undici.
 * @param {(how: any) => Promise<any>} ask
 * @returns {Listener}
 */
function aroundUndici(ask) {
  return async (request, response) => {
    const { method = 'GET', url: path = '/' } = request;
    const body = hasBody(request) ? request : null;
    try {
      const answer = await ask({ method, path, headers: endToEnd(request.rawHeaders), body });
      const { connection: _connection, 'transfer-encoding': _coding, 'keep-alive': _hint, ...fields } = answer.headers;
      response.writeHead(answer.statusCode, fields);
      pipeline(answer.body, response, () => {});
    } catch {
      answer502(request, response);
    }
  };
}

/** @type {Record<string, () => Promise<Listener> | Listener>} */
const PEERS = {
  async 'pooled-backend'() {
    const { PooledBackend } = await import('pooled-backend');
    const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    const settings = { ...(nonIdempotent && { nonIdempotent }), ...(retryOn && { retryOn }) };
    return new PooledBackend({ origins: [origin], ...timeouts, ...settings }).handler();
  },
  'undici Pool'() {
    const { Pool } = require('undici');
    const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    const pool = new Pool(origin, { connections: MAX_CONNECTIONS, ...timeouts });
    return aroundUndici((how) => pool.request(how));
  },
  'undici RetryAgent'() {
    const { Agent: UndiciAgent, RetryAgent } = require('undici');
    const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    const agent = new RetryAgent(new UndiciAgent({ connections: MAX_CONNECTIONS, ...timeouts }));
    return aroundUndici((how) => agent.request({ origin, ...how }));
  },
  'node:http Agent'() {
    const { hostname, port } = new URL(origin);
    const agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
    return (request, response) => {
      const { method, url: path } = request;
      const headers = /** @type {any} */ (endToEnd(request.rawHeaders));
      const outgoing = sendRequest({ agent, hostname, port, method, path, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.rawHeaders));
        pipeline(answer, response, () => {});
      });
      outgoing.on('error', () => answer502(request, response));
      request.pipe(outgoing);
    };
  },
  'http-proxy'() {
    const agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
    const proxy = require('http-proxy').createProxyServer({ target: origin, agent, proxyTimeout: timeoutMs });
    proxy.on('error', (/** @type {Error} */ _error, /** @type {any} */ request, /** @type {any} */ response) =>
      answer502(request, response),
    );
    return (request, response) => proxy.web(request, response);
  },
  async '@fastify/http-proxy'() {
    const app = require('fastify')();
    const undici = { connections: MAX_CONNECTIONS, headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    app.register(require('@fastify/http-proxy'), { upstream: origin, undici });
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
};

// A peer with an uncaught error goes on: it is judged by its answers.
process.on('uncaughtException', () => {});
process.on('unhandledRejection', () => {});

const listener = await PEERS[name]?.();
if (listener === undefined) throw new Error(`no peer ${name}`);
const server = createServer((request, response) => {
  const end = performance.now() + Number(request.headers['x-block'] ?? 0);
  while (performance.now() < end);
  listener(request, response);
});
server.keepAliveTimeout = 120_000; // longer than a run, so that the peer closes no client's connection
serve({ port: await listen(server) });
