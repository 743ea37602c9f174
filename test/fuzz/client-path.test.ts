import { once } from 'node:events';
import { Agent, createServer as createHttpServer, request } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { BackendError, PooledBackend } from 'pooled-backend';
import { checkStats } from 'pooled-backend/testing';
import { expect, onTestFinished, test } from 'vitest';
import { caseOf } from './mutations.js';
import { begin, guard, memoryInUse, SECONDS, seeds } from './session.js';

const LANES = 12;
const MAX_CONNECTIONS = 8;
const SETTLED_MS = 20_000; // an answer that has not come by then never will: every timeout below is a tenth of it
const TIMEOUTS = { headersTimeout: 150, bodyTimeout: 150, sendTimeout: 2000, clientTimeout: 2000 };
const WARM_REQUESTS = 300;
const MOST_GROWTH_BYTES = 48 * 2 ** 20;

async function portOf(server: { listen(port: number, host: string): unknown; address(): unknown }): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server as never, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null || !('port' in address)) throw new Error('no port');
  return Number(address.port);
}

/** Answers `/case/N` with the case of that number, and everything else as a good server does. */
async function startOrigin(): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    let text = '';
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    socket.on('data', (piece: string) => {
      text += piece;
      // The bodies of these requests have no empty line in them, and say so by their end.
      if (!/\r\n\r\n(?:body!)?$/.test(text)) return;
      if (text.startsWith('POST') && !text.endsWith('body!')) return;
      const [, seed] = /^\S+ \/case\/(\d+) /.exec(text) ?? [];
      text = '';
      if (seed === undefined) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood');
      else void play(socket, Number(seed));
    });
  });
  const port = await portOf(server);
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return port;
}

async function play(socket: Socket, seed: number): Promise<void> {
  const { pieces, ending } = caseOf(seed);
  for (const piece of pieces) {
    if (socket.destroyed) return;
    socket.write(piece, 'latin1');
    if (pieces.length < 20) await new Promise((resolve) => setImmediate(resolve));
  }
  if (ending === 'close') socket.end();
  if (ending === 'reset') socket.resetAndDestroy();
}

/** Through `backend.request()`. */
async function ask(backend: PooledBackend, seed: number): Promise<void> {
  const { method, expectsUpgrade } = caseOf(seed);
  try {
    const response = await backend.request({
      method,
      path: `/case/${seed}`,
      ...(method === 'POST' && { body: 'body!' }),
      ...(expectsUpgrade && { headers: { Te: 'trailers' } }),
    });
    await response.body.arrayBuffer();
  } catch (error) {
    if (!BackendError.is(error)) throw error;
  }
}

/** Through `backend.handler()`: any answer will do, and so will the loss of the connection. */
function askFront(port: number, agent: Agent, seed: number): Promise<void> {
  const { method } = caseOf(seed);
  return new Promise((resolve) => {
    const outgoing = request({ host: '127.0.0.1', port, agent, method, path: `/case/${seed}` }, (response) => {
      response.on('error', () => resolve());
      response.on('close', () => resolve());
      response.resume();
    });
    outgoing.on('error', () => resolve());
    outgoing.end(method === 'POST' ? 'body!' : undefined);
  });
}

async function settles(what: Promise<void>, seed: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not settled; npm run fuzz -- --case ${seed}`)), SETTLED_MS);
  });
  try {
    await Promise.race([what, late]);
  } finally {
    clearTimeout(timer);
  }
}

test(
  'whatever a server sends, every request ends, nothing is thrown past it, and the next good answer is passed on',
  async () => {
    const escaped = guard();
    const origin = await startOrigin();
    const backend = new PooledBackend({
      origins: [`http://127.0.0.1:${origin}`],
      maxConnections: MAX_CONNECTIONS,
      nonIdempotent: 'any',
      ejection: { failures: 1_000_000 },
      ...TIMEOUTS,
    });
    const front = createHttpServer(backend.handler());
    const port = await portOf(front);
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => {
      agent.destroy();
      front.closeAllConnections();
      front.close();
      backend.destroy();
    });

    let requests = 0;
    let before = 0;
    const next = seeds();
    const lane = async (): Promise<void> => {
      for (const seed of next) {
        begin(seed);
        await settles(seed % 2 === 0 ? ask(backend, seed) : askFront(port, agent, seed), seed);
        requests += 1;
        if (requests === WARM_REQUESTS) before = memoryInUse();
        if (escaped.length > 0) return;
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    const grownBytes = before === 0 ? 0 : memoryInUse() - before;
    const good = await (await backend.request({ path: '/good' })).body.text();

    expect(escaped).toEqual([]);
    expect(good).toBe('good');
    checkStats(backend.stats(), { maxConnections: MAX_CONNECTIONS });
    expect(grownBytes).toBeLessThan(MOST_GROWTH_BYTES);
    console.log(`${requests} requests were answered with mutated responses`);
  },
  SECONDS * 1000 + 60_000,
);
