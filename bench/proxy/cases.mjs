/** The cases of the benchmark: what is measured, with which peers, and the targets. */

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} file a module relative to this one, or the name of a program
 * @property {'fresh' | 'verified' | 'any'} [nonIdempotent]
 * @property {string} [packageName] its package in peers/, which has its version
 */

/** @type {Record<string, Peer>} */
const PEERS = {
  fresh: { name: "pooled-backend 'fresh'", file: '../rig/pooled-proxy.mjs', nonIdempotent: 'fresh' },
  verified: { name: "pooled-backend 'verified'", file: '../rig/pooled-proxy.mjs', nonIdempotent: 'verified' },
  any: { name: "pooled-backend 'any'", file: '../rig/pooled-proxy.mjs', nonIdempotent: 'any' },
  dispatch: { name: 'undici Pool.dispatch', file: 'peers/undici-dispatch.mjs', packageName: 'undici' },
  request: { name: 'undici Pool.request', file: '../peers/undici.mjs', packageName: 'undici' },
  fastProxy: { name: 'fast-proxy', file: '../peers/fast-proxy.mjs', packageName: 'fast-proxy' },
  agent: { name: 'node:http agent', file: 'peers/node-agent.mjs' },
  httpxy: { name: 'httpxy', file: '../peers/httpxy.mjs', packageName: 'httpxy' },
  httpProxy: { name: 'http-proxy', file: '../peers/http-proxy.mjs', packageName: 'http-proxy' },
  middleware: {
    name: 'http-proxy-middleware',
    file: '../peers/http-proxy-middleware.mjs',
    packageName: 'http-proxy-middleware',
  },
  fastify: {
    name: '@fastify/http-proxy',
    file: '../peers/fastify-http-proxy.mjs',
    packageName: '@fastify/http-proxy',
  },
  memory: { name: 'node:http from memory', file: 'peers/memory.mjs' },
  least: { name: 'the least relay', file: 'peers/least-relay.mjs' },
  haproxy: { name: 'HAProxy, one thread', file: 'haproxy' },
  nginx: { name: 'nginx, one worker', file: 'nginx' },
};

const NODE_PEERS = ['dispatch', 'request', 'fastProxy', 'agent', 'httpxy', 'httpProxy', 'middleware', 'fastify'];
const LIMITS = ['memory', 'haproxy', 'nginx'];

/** All peers have the same limit. */
export const MAX_CONNECTIONS = 100;

/** @typedef {{ method: 'GET' | 'POST', path: string, bodyBytes: number }} Sent */

/** What is measured of a peer. @typedef {'cpu' | 'requests' | 'p50' | 'p99' | 'rss' | 'heap'} Measure */

/**
 * Our number divided by the peer's must be at most `most` and at least `least`. For `heap`, the cost of answering from memory
 * is subtracted from both.
 * @typedef {object} Target
 * @property {Measure} measure
 * @property {string} peer
 * @property {string} [ours] the peer whose number is ours; without it, the first peer
 * @property {number} [most]
 * @property {number} [least]
 */

/**
 * The others are compared with the first peer of a case.
 * @typedef {object} Case
 * @property {string} key
 * @property {string} title
 * @property {readonly Sent[]} requests that the clients send, in turn
 * @property {number} clients number of clients; each sends one request after the other
 * @property {boolean} [keepsAlive] whether the clients keep their connections. Default true
 * @property {number} [load] share of the first peer's full load, sent at an even rate
 * @property {boolean} [tls] the origin speaks TLS
 * @property {boolean} [heap] whether allocations are measured, too
 * @property {Target[]} targets
 * @property {Peer[]} peers
 */

/** @returns {Peer[]} */
const peers = (/** @type {string[]} */ ...keys) => keys.flatMap((key) => PEERS[key] ?? []);

const DISPATCH = 'undici Pool.dispatch';
const VERIFIED = "pooled-backend 'verified'";
const ANY = "pooled-backend 'any'";

/** @returns {Sent} */
const get = (/** @type {string} */ path) => ({ method: 'GET', path, bodyBytes: 0 });
/** @type {Sent} */
const POST = { method: 'POST', path: '/100-bytes', bodyBytes: 1024 };
const GET = get('/100-bytes');

/** @type {readonly Case[]} */
export const CASES = [
  {
    ...{ key: 'get-small', title: 'GET, 100 bytes', requests: [GET], clients: 64, heap: true },
    targets: [
      { measure: 'cpu', peer: DISPATCH, most: 0.75 },
      { measure: 'cpu', peer: '@fastify/http-proxy', most: 0.32 },
      { measure: 'cpu', peer: 'http-proxy', most: 0.32 },
      { measure: 'cpu', peer: 'node:http from memory', most: 2.5 },
      { measure: 'requests', peer: 'HAProxy, one thread', least: 0.4 },
      { measure: 'heap', peer: DISPATCH, most: 0.5 },
    ],
    peers: peers('fresh', ...NODE_PEERS, 'least', ...LIMITS),
  },
  {
    ...{ key: 'get-16k', title: 'GET, 16 KiB', requests: [get('/16-kib')], clients: 64 },
    targets: [],
    peers: peers('fresh', ...NODE_PEERS, ...LIMITS),
  },
  {
    ...{ key: 'get-1m', title: 'GET, 1 MiB', requests: [get('/1-mib')], clients: 64 },
    targets: [{ measure: 'cpu', peer: DISPATCH, most: 0.77 }], // at least 1.3 times as many bytes per CPU second
    peers: peers('fresh', ...NODE_PEERS, ...LIMITS),
  },
  {
    ...{ key: 'chunked', title: 'GET, 16 KiB in chunks', requests: [get('/chunked')], clients: 64 },
    targets: [],
    peers: peers('fresh', ...NODE_PEERS, ...LIMITS),
  },
  {
    ...{ key: 'post-1k', title: 'POST of 1 KiB, answered with 100 bytes', requests: [POST], clients: 64 },
    targets: [
      { measure: 'cpu', peer: DISPATCH, most: 0.75 },
      { measure: 'cpu', ours: VERIFIED, peer: DISPATCH, most: 0.75 },
    ],
    peers: peers('any', 'verified', 'fresh', ...NODE_PEERS, ...LIMITS),
  },
  {
    ...{ key: 'post-fifth', title: 'POST of 1 KiB, a fifth of the full load', requests: [POST], clients: 64 },
    load: 0.2,
    targets: [{ measure: 'p50', peer: ANY, most: 1.3 }],
    peers: peers('fresh', 'any', 'verified', 'dispatch'),
  },
  {
    ...{ key: 'post-tls', title: 'POST of 1 KiB to an origin with TLS', requests: [POST], clients: 64, tls: true },
    targets: [],
    peers: peers('any', 'verified', 'fresh', 'dispatch'),
  },
  {
    ...{ key: 'mixed', title: 'Three GETs of 100 bytes to one POST of 1 KiB', clients: 64 },
    requests: [GET, GET, GET, POST],
    targets: [],
    peers: peers('any', 'verified', 'fresh', 'dispatch', 'memory'),
  },
  {
    ...{ key: 'tls', title: 'GET, 100 bytes from an origin with TLS', requests: [GET], clients: 64, tls: true },
    targets: [],
    peers: peers('fresh', ...NODE_PEERS, 'haproxy', 'nginx'),
  },
  {
    ...{ key: 'clients-2000', title: 'GET, 100 bytes, 2,000 clients', requests: [GET], clients: 2000 },
    targets: [
      ...NODE_PEERS.map((key) => ({ measure: /** @type {const} */ ('p99'), peer: PEERS[key]?.name ?? '', most: 1 })),
      { measure: 'rss', peer: DISPATCH, most: 1 },
    ],
    peers: peers('fresh', ...NODE_PEERS, ...LIMITS),
  },
  {
    ...{ key: 'no-keep-alive', title: 'GET, 100 bytes, clients that close', requests: [GET], clients: 64 },
    keepsAlive: false,
    targets: [],
    peers: peers('fresh', ...NODE_PEERS, ...LIMITS),
  },
];
