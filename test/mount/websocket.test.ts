/** WebSocket through `upgradeHandler()`, with the client and the server of ws. */

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import express from 'express';
import fastify from 'fastify';
import { PooledBackend } from 'pooled-backend';
import { fastifyPooledBackend } from 'pooled-backend/fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { authority, cert, key } from '../wire/certificate.js';
import { client, listen, until } from './setting.js';
import { asking, rawUpgradeOrigin, startFront, switching, webSocket, webSocketOrigin } from './upgrade-setting.js';

const said = async (socket: WebSocket): Promise<string> => String((await once(socket, 'message'))[0]);

const tunnelsOf = (backend: PooledBackend) => backend.stats().origins[0]?.tunnels;

describe('messages', () => {
  test('text and binary messages pass both ways', async () => {
    const { port } = await startFront(await webSocketOrigin());
    const socket = await webSocket(port);
    socket.send('grüße');
    expect(await once(socket, 'message')).toEqual([Buffer.from('grüße'), false]);
    const binary = Buffer.from([0, 255, 13, 10, 128]);
    socket.send(binary);
    expect(await once(socket, 'message')).toEqual([binary, true]);
  });

  test('5 MB pass both ways beside each other', async () => {
    const { port } = await startFront(await webSocketOrigin());
    const socket = await webSocket(port);
    const large = Buffer.alloc(5_000_000, 'abcdefg');
    socket.send(large);
    const [echoed] = (await once(socket, 'message')) as [Buffer];
    expect(echoed.equals(large)).toBe(true);
  });

  test('pings and pongs pass, those of either side', async () => {
    let ofServer: WebSocket | undefined;
    const origin = await webSocketOrigin((socket) => {
      ofServer = socket;
    });
    const { port } = await startFront(origin);
    const socket = await webSocket(port);
    socket.ping('from the client');
    expect(String((await once(socket, 'pong'))[0])).toBe('from the client');
    ofServer?.ping('from the server');
    expect(String((await once(socket, 'ping'))[0])).toBe('from the server');
  });

  test('a message that the server sends with its 101 is not lost', async () => {
    const { port } = await startFront(await webSocketOrigin((socket) => socket.send('welcome')));
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    onTestFinished(() => socket.terminate());
    expect(await said(socket)).toBe('welcome');
  });
});

describe('the handshake', () => {
  test('subprotocols and extensions are agreed on end to end', async () => {
    const options = { handleProtocols: () => 'graphql-ws', perMessageDeflate: { threshold: 0 } };
    const { port } = await startFront(await webSocketOrigin(undefined, options));
    const socket = await webSocket(port, '/', ['chat', 'graphql-ws']);
    expect(socket.protocol).toBe('graphql-ws');
    expect(socket.extensions).toBe('permessage-deflate');
    socket.send('compressed');
    expect(await said(socket)).toBe('compressed');
  });

  test('the request is told as others are: path, host, who asked, and nothing that was for this hop', async () => {
    const seen: IncomingMessage[] = [];
    const { port } = await startFront(await webSocketOrigin((_socket, req) => seen.push(req)));
    await webSocket(port, '/chat?room=1', [], {
      headers: { 'Keep-Alive': 'timeout=5', 'X-Forwarded-For': '9.9.9.9', Cookie: 'a=b' },
    });
    expect(seen[0]?.url).toBe('/chat?room=1');
    expect(seen[0]?.headers).toMatchObject({
      host: `127.0.0.1:${port}`,
      'x-forwarded-for': '127.0.0.1',
      via: '1.1 pooled-backend',
      cookie: 'a=b',
      upgrade: 'websocket',
      connection: 'Upgrade',
    });
    expect(seen[0]?.headers).not.toHaveProperty('keep-alive');
  });

  test('the hooks of the mount see the request and the 101', async () => {
    const seen: IncomingMessage[] = [];
    const { port } = await startFront(await webSocketOrigin((_socket, req) => seen.push(req)), {
      upgrade: {
        host: 'origin',
        rewritePath: (path) => `/v2${path}`,
        onRequestFields: (fields) => [...fields, 'X-Added', 'request'],
        onResponseFields: (fields) => [...fields, 'X-Added', 'response', 'Connection', 'close'],
      },
    });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    onTestFinished(() => socket.terminate());
    const [answer] = (await once(socket, 'upgrade')) as [IncomingMessage];
    expect(answer.headers).toMatchObject({ 'x-added': 'response', connection: 'Upgrade', via: '1.1 pooled-backend' });
    expect(seen[0]?.url).toBe('/v2/chat');
    expect(seen[0]?.headers['x-added']).toBe('request');
    expect(seen[0]?.headers.host).not.toBe(`127.0.0.1:${port}`);
  });

  test('cookies of the 101 are rewritten as those of any response, and hooks may take their time', async () => {
    const { port } = await startFront(
      await rawUpgradeOrigin((socket) => {
        const [head, end] = [switching('websocket').slice(0, -2), '\r\n'];
        socket.write(`${head}Set-Cookie: a=b; Domain=inner.test\r\nContent-Length: 5\r\n${end}early`);
      }),
      {
        upgrade: {
          cookieDomainRewrite: 'outer.test',
          onResponseFields: async (fields) => {
            await new Promise((resolve) => setImmediate(resolve));
            return [...fields, 'X-Added', 'late'];
          },
        },
      },
    );
    const asked = await client(port);
    asked.write(asking('websocket'));
    const answer = await asked.readResponse();
    expect(answer.headers).toMatchObject({ 'set-cookie': 'a=b; Domain=outer.test', 'x-added': 'late' });
    expect(answer.headers).not.toHaveProperty('content-length');
    expect(String(await asked.bytes(5))).toBe('early');
  });

  test('a hook cannot write a second response behind the 101', async () => {
    const onResponseFields = (fields: string[]) => [...fields, 'X-Mine', 'a\r\n\r\nHTTP/1.1 200 OK'];
    const { port } = await startFront(await webSocketOrigin(() => undefined), { upgrade: { onResponseFields } });
    await expect(webSocket(port)).rejects.toThrow('500');
  });

  test('a hook that throws at the 101 fails the upgrade with 500, and the origin is left', async () => {
    const left: Promise<unknown>[] = [];
    const origin = await webSocketOrigin((socket) => left.push(once(socket, 'close')));
    const { port, backend } = await startFront(origin, {
      upgrade: {
        onResponseFields: () => {
          throw new Error('no');
        },
      },
    });
    await expect(webSocket(port)).rejects.toThrow('500');
    await left[0];
    expect(backend.stats().origins[0]).toMatchObject({ tunnels: { open: 0, opened: 1 }, closed: { upgraded: 1 } });
  });
});

describe('the end', () => {
  test.each([
    [1000, 'done'],
    [4001, 'own reason'],
  ])('the close code %d passes from client to server', async (code, reason) => {
    const closes: Promise<unknown[]>[] = [];
    const { port } = await startFront(await webSocketOrigin((socket) => closes.push(once(socket, 'close'))));
    const socket = await webSocket(port);
    const closed = once(socket, 'close');
    socket.close(code, reason);
    expect(await closes[0]).toEqual([code, Buffer.from(reason)]);
    expect((await closed)[0]).toBe(code);
  });

  test('the server may close first', async () => {
    const { port, backend } = await startFront(await webSocketOrigin((socket) => socket.close(4100, 'go')));
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    onTestFinished(() => socket.terminate());
    expect(await once(socket, 'close')).toEqual([4100, Buffer.from('go')]);
    await until(() => tunnelsOf(backend)?.open === 0);
    expect(backend.stats().origins[0]?.closed).toEqual({ upgraded: 1 });
  });

  test('a client that is killed takes the connection to the origin with it', async () => {
    const closes: Promise<unknown[]>[] = [];
    const { port, backend } = await startFront(await webSocketOrigin((socket) => closes.push(once(socket, 'close'))));
    const socket = await webSocket(port);
    expect(backend.stats().origins[0]).toMatchObject({ tunnels: { open: 1, opened: 1 }, connections: { busy: 1 } });
    socket.terminate();
    expect((await closes[0])?.[0]).toBe(1006);
    await until(() => tunnelsOf(backend)?.open === 0);
  });

  test('a server that is killed takes the client with it', async () => {
    const { port } = await startFront(
      await webSocketOrigin((socket) => socket.on('message', () => socket.terminate())),
    );
    const socket = await webSocket(port);
    const closed = once(socket, 'close');
    socket.send('die');
    expect((await closed)[0]).toBe(1006);
  });
});

test('over TLS on both sides: large messages, and an orderly close', async () => {
  const origin = createTlsServer({ key, cert });
  const sockets = new WebSocketServer({ server: origin });
  sockets.on('connection', (socket) => socket.on('message', (message) => socket.send(message)));
  const backend = new PooledBackend({
    origins: [`https://localhost:${await listen(origin)}`],
    spareConnections: false,
    tls: { ca: authority },
    connect: { family: 4 },
  });
  onTestFinished(() => backend.destroy());
  const front = createTlsServer({ key, cert }, backend.handler());
  front.on('upgrade', backend.upgradeHandler());
  const socket = new WebSocket(`wss://127.0.0.1:${await listen(front)}/`, { ca: authority });
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  const large = Buffer.alloc(3_000_000, 'abcdefg');
  socket.send(large);
  const [echoed] = (await once(socket, 'message')) as [Buffer];
  expect(echoed.equals(large)).toBe(true);
  socket.close(1000);
  expect((await once(socket, 'close'))[0]).toBe(1000);
  await until(() => tunnelsOf(backend)?.open === 0);
  expect(backend.stats().origins[0]?.closed).toEqual({ upgraded: 1 });
});

describe('frameworks', () => {
  test('Express: one line on its server', async () => {
    const backend = new PooledBackend(`http://127.0.0.1:${await webSocketOrigin()}`);
    onTestFinished(() => backend.destroy());
    const app = express();
    app.use('/api', backend.handler());
    const server = createServer(app);
    server.on('upgrade', backend.upgradeHandler());
    const port = await listen(server);
    const socket = await webSocket(port, '/api/chat');
    socket.send('hello');
    expect(await said(socket)).toBe('hello');
    expect(await (await fetch(`http://127.0.0.1:${port}/api/x`)).json()).toMatchObject({ path: '/x' });
  });

  test('Fastify: one line on its server', async () => {
    const backend = new PooledBackend(`http://127.0.0.1:${await webSocketOrigin()}`);
    const app = fastify();
    app.register(fastifyPooledBackend, { backend, prefix: '/api' });
    app.server.on('upgrade', backend.upgradeHandler());
    app.addHook('preClose', () => backend.close());
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const socket = await webSocket(Number(new URL(url).port), '/api/chat');
    socket.send('hello');
    expect(await said(socket)).toBe('hello');
    expect(await (await fetch(`${url}/api/x`)).json()).toMatchObject({ path: '/x' });
    const closed = once(socket, 'close');
    await app.close();
    expect((await closed)[0]).toBe(1006);
  });
});
