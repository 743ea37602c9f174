/** What the tests of upgrades need: an origin, a backend, and a front server that relays requests and upgrades. */

import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { PooledBackend, type PooledBackendOptions, type UpgradeHandlerOptions } from 'pooled-backend';
import { onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { listen } from './setting.js';

export interface Front {
  readonly port: number;
  readonly backend: PooledBackend;
  readonly server: Server;
  /** The front server's ends of the clients' connections, in order. */
  readonly sockets: readonly Socket[];
}

export interface FrontOptions {
  readonly upgrade?: UpgradeHandlerOptions;
  readonly backend?: Omit<PooledBackendOptions, 'origins'>;
  /** Used instead of `backend.handler()`. */
  readonly listener?: (backend: PooledBackend) => RequestListener;
}

/** A front server with an upgrade handler, in front of the origin on this port. By default its backend dials no spares. */
export async function startFront(originPort: number, options: FrontOptions = {}): Promise<Front> {
  const backend = new PooledBackend({
    spareConnections: false,
    ...options.backend,
    origins: [`http://127.0.0.1:${originPort}`],
  });
  onTestFinished(() => backend.destroy());
  const server = createServer(options.listener?.(backend) ?? backend.handler());
  const handle = backend.upgradeHandler(options.upgrade);
  server.on('upgrade', handle).on('connect', handle);
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  return { port: await listen(server), backend, server, sockets };
}

/** An origin that echoes WebSocket messages and describes plain requests in its answers. */
export async function webSocketOrigin(
  connected: (socket: WebSocket, req: IncomingMessage) => void = echo,
  options: ConstructorParameters<typeof WebSocketServer>[0] = {},
): Promise<number> {
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (bytes: Buffer) => {
      body += bytes.toString('latin1');
    });
    req.on('end', () => res.end(JSON.stringify({ method: req.method, path: req.url, fields: req.rawHeaders, body })));
  });
  const sockets = new WebSocketServer({ ...options, server });
  sockets.on('connection', (socket, req) => {
    socket.on('error', () => undefined);
    connected(socket, req);
  });
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate();
  });
  return listen(server);
}

function echo(socket: WebSocket): void {
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
}

/** A connected client. */
export async function webSocket(
  port: number,
  path = '/',
  protocols: readonly string[] = [],
  options: ConstructorParameters<typeof WebSocket>[2] = {},
): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, [...protocols], options);
  onTestFinished(() => socket.terminate());
  await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return socket;
}

/** An origin that reads a head, then does with the bare socket what the test says. `rest`: the bytes after the head. */
export function rawUpgradeOrigin(speak: (socket: Socket, head: string, rest: Buffer) => void): Promise<number> {
  const open = new Set<Socket>();
  const server = createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    let seen = Buffer.alloc(0);
    const read = (bytes: Buffer): void => {
      seen = Buffer.concat([seen, bytes]);
      const end = seen.indexOf('\r\n\r\n');
      if (end === -1) return;
      socket.off('data', read);
      speak(socket, seen.toString('latin1', 0, end + 4), seen.subarray(end + 4));
    };
    socket.on('data', read);
  });
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
  });
  return listen(server);
}

/** The head with which an origin switches protocols. */
export const switching = (protocol: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

/** The head with which a client asks for an upgrade. */
export const asking = (protocol: string, path = '/', fields = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: example.test\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${fields}\r\n`;

/** A socket that keeps its half of the connection open after the server has closed the other. */
export async function halfOpenSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

/** All bytes until the other side ends its half. */
export async function allOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const bytes of socket.iterator({ destroyOnReturn: false })) text += (bytes as Buffer).toString('latin1');
  return text;
}
