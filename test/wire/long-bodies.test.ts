/** Long bodies are read into memory that is used again. Whoever still needs a byte of it must never see another's. */

import { createHash } from 'node:crypto';
import { createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { PooledBackend } from 'pooled-backend';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { pause } from './setting.js';

// More than the kernel takes for a client that does not read.
const BYTES = 16_000_000;
const CLIENTS = 4;

/** Bytes that differ with the number and with their place. */
function contentOf(number: number): Buffer {
  const content = Buffer.allocUnsafe(BYTES);
  let state = number + 1;
  for (let at = 0; at + 4 <= BYTES; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    content.writeUInt32LE(state, at);
  }
  return content;
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const contents = Array.from({ length: CLIENTS }, (_, number) => contentOf(number));
const digests = contents.map(digest);

async function listen(listener: RequestListener, highWaterMark = 65_536): Promise<number> {
  const server: Server = createServer({ highWaterMark }, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

async function startBackend(): Promise<PooledBackend> {
  const port = await listen((req, res) => {
    const content = contents[Number(req.url?.slice(1))] ?? Buffer.alloc(0);
    res.writeHead(200, { 'Content-Length': content.length });
    // In pieces of all sizes, so that reads bring much and little.
    for (let at = 0, size = 1_000; at < content.length; at += size, size = (size * 7) % 300_007) {
      res.write(content.subarray(at, at + size));
    }
    res.end();
  });
  const backend = new PooledBackend({ origins: [`http://127.0.0.1:${port}`], maxConnections: 4 });
  onTestFinished(() => backend.destroy());
  return backend;
}

/** The body of a response, read as slowly as that. */
async function bodyOf(port: number, number: number, pauseMs: number): Promise<Buffer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ port, path: `/${number}`, agent: false }, resolve).on('error', reject);
  });
  const pieces: Buffer[] = [];
  for await (const piece of response) {
    pieces.push(piece);
    if (pauseMs > 0 && pieces.length % 64 === 1) await pause(pauseMs);
  }
  return Buffer.concat(pieces);
}

beforeAll(() => expect(new Set(digests).size).toBe(CLIENTS));

// With a high mark node:http asks for more while what it was given still waits for the kernel.
test.each([65_536, 16_777_216])(
  'clients of all paces get their own bytes, whole (mark at %d)',
  async (highWaterMark) => {
    const backend = await startBackend();
    const port = await listen(backend.handler(), highWaterMark);
    const bodies = await Promise.all(contents.map((_, number) => bodyOf(port, number, 20 * (number % 3))));
    expect(bodies.map(digest)).toEqual(digests);
  },
);

test('a middleware that keeps what it is given keeps what it was given', async () => {
  const backend = await startBackend();
  const handle = backend.handler();
  const kept = new Map<string, Buffer[]>();
  const port = await listen((req, res) => {
    const pieces: Buffer[] = [];
    kept.set(req.url ?? '', pieces);
    const { write, end } = res;
    res.write = (piece: Buffer): boolean => {
      pieces.push(piece);
      return write.call(res, piece, 'latin1');
    };
    res.end = ((piece?: Buffer) => {
      if (piece !== undefined) pieces.push(piece);
      return piece === undefined ? end.call(res, undefined, 'latin1') : end.call(res, piece, 'latin1');
    }) as typeof res.end;
    handle(req, res);
  });
  await Promise.all(contents.map((_, number) => bodyOf(port, number, 0)));
  expect(contents.map((_, number) => digest(Buffer.concat(kept.get(`/${number}`) ?? [])))).toEqual(digests);
});

/** Two ends of a connection without a socket: each hands on what it is given, and says at once that it took it. */
function duplexPair(): readonly [Duplex, Duplex] {
  const endOf = (other: () => Duplex) =>
    new Duplex({
      read: () => undefined,
      write: (piece, _encoding, done) => {
        other().push(piece);
        done();
      },
    });
  const near: Duplex = endOf(() => far);
  const far: Duplex = endOf(() => near);
  return [near, far];
}

/** What it has to read. Since Node 26 one read gives one piece of it. */
function allOf(readable: Duplex): Buffer {
  const pieces: Buffer[] = [];
  while (readable.readableLength > 0) pieces.push(readable.read());
  return Buffer.concat(pieces);
}

test('clients of a server whose connections are no sockets get their own bytes, however late they read', async () => {
  const backend = await startBackend();
  const server = createServer(backend.handler());
  const clients = contents.map((content, number) => {
    const [near, far] = duplexPair();
    server.emit('connection', far);
    near.write(`GET /${number} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
    return { near, content };
  });
  while (clients.some(({ near, content }) => near.readableLength < content.length)) await pause(10);
  const received = clients.map(({ near, content }) => allOf(near).subarray(-content.length));
  expect(received.map(digest)).toEqual(digests);
});

test('a call that collects its body has all of it', async () => {
  const backend = await startBackend();
  const bodies = await Promise.all(
    contents.map(async (_, number) => (await backend.request({ path: `/${number}` })).body.arrayBuffer()),
  );
  expect(bodies.map((body) => digest(Buffer.from(body)))).toEqual(digests);
});
