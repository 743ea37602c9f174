/** What one small GET costs, counted and not timed: so that the hot path does not grow unseen on any machine. */

import { createHook } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import fs from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { connect, type Socket } from 'node:net';
import { GCProfiler } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { PooledBackend } from 'pooled-backend';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { listen } from './setting.js';

// In a thread of its own: what it does must not be counted.
const ORIGIN = `
  const { parentPort } = require('node:worker_threads');
  const answer = 'HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nConnection: keep-alive\\r\\nContent-Length: 5\\r\\n\\r\\nhello';
  const server = require('node:net').createServer((socket) => socket.on('error', () => {}).on('data', () => socket.write(answer)));
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

const WRITES = ['writev', 'writeBuffer', 'writeLatin1String', 'writeUtf8String', 'writeAsciiString'];
const WARM_UP = 3;
const ROUNDS = 5;
const REQUESTS = WARM_UP + ROUNDS;

const HEAP_WARM_UP = 3_000;
const HEAP_SAMPLES = 5;
const HEAP_ROUNDS = 300;
// Of the proxy alone: 5,300 on Node 20, one request at a time, which has a turn of the event loop for itself.
const MOST_BYTES = 6_500;

let originPort = 0;

beforeAll(async () => {
  const worker = new Worker(ORIGIN, { eval: true });
  originPort = await new Promise((resolve) => worker.once('message', resolve));
  return async () => {
    await worker.terminate();
  };
});

/** Calls `wrote` for each write of the socket that goes to the kernel. */
function watchWrites(socket: Socket, wrote: () => void): void {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null) throw new Error('the socket has no handle');
  for (const name of WRITES) {
    const write: unknown = Reflect.get(handle, name);
    if (typeof write !== 'function') continue;
    Reflect.set(handle, name, (...given: unknown[]) => {
      wrote();
      return write.apply(handle, given);
    });
  }
}

/** Calls `read` for each read of the socket that has brought bytes. */
function watchReads(socket: Socket, read: () => void): void {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null) throw new Error('the socket has no handle');
  const onread: unknown = Reflect.get(handle, 'onread');
  if (typeof onread !== 'function') throw new Error('nobody reads the socket');
  Reflect.set(handle, 'onread', function (this: unknown, ...given: unknown[]) {
    read();
    return onread.apply(this, given);
  });
}

/** One GET on this connection, to the end of its response of five bytes. */
function get(client: Socket): Promise<void> {
  return new Promise((resolve) => {
    let heard = '';
    function onData(bytes: Buffer): void {
      heard += bytes.toString('latin1');
      if (!heard.endsWith('hello')) return;
      client.off('data', onData);
      setImmediate(resolve); // the server ends its own work after the write
    }
    client.on('data', onData);
    client.write('GET /small HTTP/1.1\r\nHost: a.test\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n');
  });
}

/** What a server does for one GET on a connection that it knows: writes to its client, and asynchronous things by type. */
async function costOf(listener: RequestListener): Promise<{ writes: number; made: Record<string, number> }> {
  const server = createServer(listener);
  let writes = 0;
  server.on('connection', (socket) => watchWrites(socket, () => (writes += 1)));
  const client = connect({ port: await listen(server), host: '127.0.0.1' });
  onTestFinished(() => void client.destroy());
  for (let round = 0; round < WARM_UP; round += 1) await get(client);
  // The runner of the tests has messages of its own under way: the round that made the fewest things was free of them.
  let least: Record<string, number> | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    const made: Record<string, number> = {};
    const hook = createHook({
      init(_id, type) {
        made[type] = (made[type] ?? 0) + 1;
      },
    });
    writes = 0;
    hook.enable();
    await get(client);
    hook.disable();
    if (least === undefined || sumOf(made) < sumOf(least)) least = made;
  }
  return { writes, made: least ?? {} };
}

/** Bytes of heap that a server, and the client beside it, allocate for one GET. */
async function heapOf(listener: RequestListener): Promise<number> {
  const client = connect({ port: await listen(createServer(listener)), host: '127.0.0.1' });
  onTestFinished(() => void client.destroy());
  // What V8 has compiled allocates less.
  for (let round = 0; round < HEAP_WARM_UP; round += 1) await get(client);
  let least = Number.POSITIVE_INFINITY; // what the runner of the tests does meanwhile can only add
  for (let sample = 0; sample < HEAP_SAMPLES; sample += 1) {
    const profiler = new GCProfiler();
    profiler.start();
    let allocated = -process.memoryUsage().heapUsed;
    for (let round = 0; round < HEAP_ROUNDS; round += 1) await get(client);
    allocated += process.memoryUsage().heapUsed;
    for (const { beforeGC, afterGC } of profiler.stop()?.statistics ?? [])
      allocated += beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize;
    least = Math.min(least, allocated / HEAP_ROUNDS);
  }
  return least;
}

function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function startBackend(): PooledBackend {
  const backend = new PooledBackend(`http://127.0.0.1:${originPort}`);
  onTestFinished(() => backend.destroy());
  return backend;
}

test('a small GET on a reused connection is one write to the origin and one read from it, and one write to the client', async () => {
  let upstream: Socket | undefined;
  const onSocket = (message: unknown): void => {
    if (typeof message !== 'object' || message === null || !('socket' in message)) return;
    const socket = message.socket as Socket;
    socket.once('connect', () => {
      if (socket.remotePort === originPort) upstream = socket;
    });
  };
  subscribe('net.client.socket', onSocket);
  onTestFinished(() => void unsubscribe('net.client.socket', onSocket));
  const handle = startBackend().handler();
  let writes = 0;
  let reads = 0;
  let watched = false;
  const { writes: toClient } = await costOf((req, res) => {
    if (upstream !== undefined && !watched) {
      watched = true;
      watchWrites(upstream, () => (writes += 1));
      watchReads(upstream, () => (reads += 1));
    }
    handle(req, res);
  });
  // The first of the requests made the connection, the others were counted.
  expect([writes, reads, toClient]).toEqual([REQUESTS - 1, REQUESTS - 1, 1]);
});

test('it makes no promise and no timer beyond those that node:http makes to answer, and waits for the end of two turns', async () => {
  const memory = await costOf((_req, res) => {
    res.writeHead(200, ['Content-Length', '5']);
    res.end('hello');
  });
  const proxied = await costOf(startBackend().handler());
  const more = (type: string) => (proxied.made[type] ?? 0) - (memory.made[type] ?? 0);
  expect({
    promises: more('PROMISE'),
    timers: more('Timeout'),
    turns: more('Immediate'),
    contexts: more('PooledRequest'),
  }).toEqual({ promises: 0, timers: 0, turns: 2, contexts: 1 });
});

test('it allocates little beyond what node:http allocates to answer', async () => {
  const memory = await heapOf((_req, res) => {
    res.writeHead(200, ['Content-Type', 'text/plain', 'Content-Length', '5']);
    res.end('hello');
  });
  const proxied = await heapOf(startBackend().handler());
  expect(proxied - memory).toBeLessThan(MOST_BYTES);
});

test('each request asks the kernel once whether its connection is alive', async () => {
  const { readvSync } = fs;
  let questions = 0;
  fs.readvSync = (...given: Parameters<typeof readvSync>): number => {
    questions += 1;
    return readvSync(...given);
  };
  syncBuiltinESMExports();
  onTestFinished(() => {
    fs.readvSync = readvSync;
    syncBuiltinESMExports();
  });
  const handle = startBackend().handler();
  await costOf(handle);
  expect(questions).toBe(REQUESTS);
});
