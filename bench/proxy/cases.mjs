/** What is measured, and who takes part. */

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} file relative to this one
 * @property {'fresh' | 'verified' | 'any'} [nonIdempotent]
 */

/** @type {Record<string, Peer>} */
const PEERS = {
  fresh: { name: "pooled-backend 'fresh'", file: '../rig/pooled-proxy.mjs', nonIdempotent: 'fresh' },
  verified: { name: "pooled-backend 'verified'", file: '../rig/pooled-proxy.mjs', nonIdempotent: 'verified' },
  any: { name: "pooled-backend 'any'", file: '../rig/pooled-proxy.mjs', nonIdempotent: 'any' },
  undici: { name: 'undici Pool.dispatch', file: 'peers/undici-dispatch.mjs' },
  agent: { name: 'node:http agent', file: 'peers/node-agent.mjs' },
  memory: { name: 'node:http from memory', file: 'peers/memory.mjs' },
};

/** Every peer may hold as many connections as every other. */
export const MAX_CONNECTIONS = 100;
/** Keep-alive clients that send one request after the other. */
export const CLIENTS = 64;

/** @typedef {{ method: 'GET' | 'POST', path: string, bodyBytes: number }} Sent */

/**
 * The first peer of a case is the one that the others are compared with.
 * @typedef {object} Case
 * @property {string} key
 * @property {string} title
 * @property {readonly Sent[]} requests what the clients send, in turn
 * @property {{ peer: string, ratio: number }} [bar] our CPU per request is to be at most this part of the peer's
 * @property {Peer[]} peers
 */

/** @returns {Peer[]} */
const peers = (/** @type {string[]} */ ...keys) => keys.flatMap((key) => PEERS[key] ?? []);

/** @type {Sent} */
const GET = { method: 'GET', path: '/100-bytes', bodyBytes: 0 };
/** @type {Sent} */
const POST = { method: 'POST', path: '/100-bytes', bodyBytes: 1024 };

/** @type {readonly Case[]} */
export const CASES = [
  {
    key: 'get-small',
    title: 'GET, 100 bytes',
    requests: [GET],
    bar: { peer: 'undici Pool.dispatch', ratio: 0.85 },
    peers: peers('fresh', 'undici', 'agent', 'memory'),
  },
  {
    key: 'get-16k',
    title: 'GET, 16 KiB',
    requests: [{ method: 'GET', path: '/16-kib', bodyBytes: 0 }],
    peers: peers('fresh', 'undici', 'agent', 'memory'),
  },
  {
    key: 'post-1k',
    title: 'POST of 1 KiB, answered with 100 bytes',
    requests: [POST],
    peers: peers('any', 'verified', 'fresh', 'undici', 'agent', 'memory'),
  },
  {
    key: 'mixed',
    title: 'Three GETs of 100 bytes to one POST of 1 KiB',
    requests: [GET, GET, GET, POST],
    peers: peers('any', 'verified', 'fresh', 'undici', 'agent', 'memory'),
  },
];
