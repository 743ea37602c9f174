/**
 * One HTTP client in a process of its own. Options: `{ name, origin, callers, path, bodyBytes }`. Each caller sends one
 * request after the other. The answer to `run` with a number of seconds is how many responses all callers have read, and
 * how many requests failed.
 */

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { measured } from '../rig/measured.mjs';
import { options, serve } from '../rig/parent.mjs';

/** Sends one request and reads its response as text. @typedef {() => Promise<string>} Call */

/** @type {{ name: string, origin: string, callers: number, path: string, bodyBytes: number }} */
const { name, origin, callers, path, bodyBytes } = options();
const url = origin + path;
const method = bodyBytes > 0 ? 'POST' : 'GET';
const body = bodyBytes > 0 ? 'x'.repeat(bodyBytes) : undefined;

/** Loads a package of peers/. */
const load = (/** @type {string} */ packageName) =>
  import(pathToFileURL(createRequire(new URL('../peers/package.json', import.meta.url)).resolve(packageName)).href);

/** @type {Record<string, () => Promise<Call>>} */
const CLIENTS = {
  pooled,
  'undici-request': undiciRequest,
  'undici-fetch': async () => async () => (await fetch(url, { method, ...(body && { body }) })).text(),
  'node-http': nodeHttp,
  async got() {
    const { got } = await load('got');
    const { Agent } = await import('node:http');
    const agent = { http: new Agent({ keepAlive: true, maxSockets: callers }) };
    return () => got(url, { method, ...(body && { body }), agent, retry: { limit: 0 } }).text();
  },
  async axios() {
    const { default: axios } = await load('axios');
    const { Agent } = await import('node:http');
    const httpAgent = new Agent({ keepAlive: true, maxSockets: callers });
    return async () => (await axios({ url, method, data: body, httpAgent, responseType: 'text' })).data;
  },
  async ky() {
    const { default: ky } = await load('ky');
    return () => ky(url, { method, ...(body && { body }), retry: 0 }).text();
  },
};

async function pooled() {
  const { PooledBackend } = await import('pooled-backend');
  const backend = new PooledBackend({ origins: [origin], maxConnections: callers, nonIdempotent: 'any' });
  return async () => (await backend.request({ method, path, ...(body && { body }) })).body.text();
}

async function undiciRequest() {
  const { Pool } = await load('undici');
  const pool = new Pool(origin, { connections: callers, pipelining: 1 });
  return async () => (await pool.request({ method, path, ...(body && { body }) })).body.text();
}

async function nodeHttp() {
  const { Agent, request } = await import('node:http');
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  return () =>
    new Promise((resolve, reject) => {
      const sent = request(url, { agent, method }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece) => {
          text += piece;
        });
        response.on('end', () => resolve(text));
      });
      sent.on('error', reject);
      sent.end(body);
    });
}

const call = await CLIENTS[name]?.();
if (call === undefined) throw new Error(`no client is called ${name}`);
if ((await call()).length !== 100) throw new Error(`${name} did not get what was asked for`);

serve(null, { ...measured, run });

/** @param {number} seconds */
async function run(seconds) {
  const begun = performance.now();
  const until = begun + seconds * 1000;
  let requests = 0;
  let errors = 0;
  const caller = async () => {
    while (performance.now() < until) {
      try {
        await call?.();
        requests += 1;
      } catch {
        errors += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { requests, errors, seconds: (performance.now() - begun) / 1000 };
}
