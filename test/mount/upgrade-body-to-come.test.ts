/** Offers that are not for us, whose body comes later than the head: since Node 26 node:http reads it, and hands over no socket. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { PooledBackend, type UpgradeHandler } from 'pooled-backend';
import { expect, onTestFinished, test } from 'vitest';
import { client, listen, until } from './setting.js';
import { startFront, webSocketOrigin } from './upgrade-setting.js';

const READS_BODIES = Number.parseInt(process.versions.node, 10) >= 26;

const OFFER = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
const HEAD = `POST /late HTTP/1.1\r\nHost: a\r\n${OFFER}Content-Length: 5\r\n\r\n`;

/** A server that hands each offer over with the handler for it. */
async function serverThat(hands: (handle: UpgradeHandler, ...offer: Parameters<UpgradeHandler>) => void) {
  const backend = new PooledBackend(`http://127.0.0.1:${await webSocketOrigin()}`);
  onTestFinished(() => backend.destroy());
  const server = createServer(backend.handler());
  const handle = backend.upgradeHandler();
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => hands(handle, req, socket, head));
  return { server, port: await listen(server) };
}

test('it is served by a handler that hears of it when its body is there', async () => {
  let wasToldTo = (_handOver: () => void): void => undefined;
  const handedOver = new Promise<() => void>((resolve) => {
    wasToldTo = resolve;
  });
  const { port } = await serverThat((handle, req, socket, head) => {
    wasToldTo(() => void until(() => req.complete).then(() => handle(req, socket, head)));
  });
  const asked = await client(port);
  asked.write(HEAD);
  const handOver = await handedOver;
  asked.write('hello');
  handOver();
  expect(await asked.readResponse()).toMatchObject({ status: 200, complete: true });
});

test('its client may be slow to read what it has asked for before', async () => {
  const { port, sockets } = await startFront(await webSocketOrigin(), {
    listener: (backend) => {
      const handle = backend.handler();
      return (req, res) => void (req.url === '/long' ? res.write(Buffer.alloc(8_000_000)) : handle(req, res));
    },
  });
  const asked = await client(port);
  asked.socket.pause();
  let hasRoom = false;
  asked.write(`GET /long HTTP/1.1\r\nHost: a\r\n\r\n${HEAD}`);
  await until(() => Reflect.get(sockets[0] ?? {}, '_httpMessage')?.writableNeedDrain === true);
  Reflect.get(sockets[0] ?? {}, '_httpMessage').once('drain', () => {
    hasRoom = true;
  });
  const before = sockets[0]?.bytesRead ?? 0;
  asked.write('hello');
  if (READS_BODIES) await until(() => (sockets[0]?.bytesRead ?? 0) > before);
  asked.socket.resume();
  await until(() => hasRoom);
});

test('a client that ends its half while the origin is busy with it has left', async () => {
  const { port, backend, server } = await startFront(await listen(createServer((req) => void req.resume())));
  const asked = await client(port);
  asked.write(HEAD);
  await once(server, 'upgrade');
  asked.write('hello');
  await until(() => backend.stats().origins[0]?.requests === 1);
  asked.end();
  await until(() => backend.stats().inFlight === 0);
});

test('its listener has the request and the response that it has of others', async () => {
  class OwnResponse extends ServerResponse {
    readonly own = 'own';
  }
  const seen: unknown[] = [];
  const backend = new PooledBackend(`http://127.0.0.1:${await webSocketOrigin()}`);
  onTestFinished(() => backend.destroy());
  const handle = backend.handler();
  const server = createServer({ ServerResponse: OwnResponse }, (req, res) => {
    seen.push(res.own, req.headersDistinct.host);
    res.once('close', () => seen.push('close'));
    handle(req, res);
  });
  server.on('upgrade', backend.upgradeHandler());
  const asked = await client(await listen(server));
  asked.write(HEAD);
  await once(server, 'upgrade');
  asked.write('hello');
  expect(await asked.readResponse()).toMatchObject({ status: 200, complete: true });
  await until(() => seen.length === 3);
  expect(seen).toEqual(['own', ['a'], 'close']);
});

test.runIf(READS_BODIES)('what a listener throws is no answer', async () => {
  let thrown: unknown;
  const { server, port } = await serverThat((handle, ...offer) => {
    try {
      handle(...offer);
    } catch (error) {
      thrown = error;
    }
  });
  server.removeAllListeners('request').on('request', (_req, res) => {
    res.end('begun');
    throw new Error('of the listener');
  });
  const asked = await client(port);
  asked.write(HEAD);
  expect(String((await asked.readResponse()).body)).toBe('begun');
  expect(String(thrown)).toBe('Error: of the listener');
});

test('one without Host is refused', async () => {
  const { port, backend } = await startFront(await webSocketOrigin());
  const asked = await client(port);
  asked.write(HEAD.replace('Host: a\r\n', ''));
  expect((await asked.readResponse()).status).toBe(400);
  expect(backend.stats().origins[0]?.requests).toBe(0);
});

test.each([
  ['here', 'hello'],
  ['to come', ''],
])('one whose body is %s is not cut off by the idle timeout that began with the answer before', async (_is, body) => {
  const { port, backend, sockets } = await startFront(
    await listen(createServer((req, res) => void (req.method === 'GET' ? res.end() : req.resume()))),
    { backend: { requestBufferBytes: false } },
  );
  const asked = await client(port);
  asked.write(`GET /first HTTP/1.1\r\nHost: a\r\n\r\n${HEAD}${body}`);
  expect((await asked.readResponse()).status).toBe(200);
  await until(() => backend.stats().origins[0]?.requests === 2);
  expect(sockets[0]?.timeout ?? 0).toBe(0);
});
