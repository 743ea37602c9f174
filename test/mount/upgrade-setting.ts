/** What the tests of upgrades begin with: an origin, a backend and a front server that relays both kinds of requests. */

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
  /** Its ends of the clients' connections, in order. */
  readonly sockets: readonly Socket[];
}

export interface FrontOptions {
  readonly upgrade?: UpgradeHandlerOptions;
  readonly backend?: Omit<PooledBackendOptions, 'origins'>;
  /** In the place of `backend.handler()`. */
  readonly listener?: (backend: PooledBackend) => RequestListener;
}

/** A front server before the origin on this port, with an upgrade handler. Its backend dials no spares, unless told to. */
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

/** An origin that echoes WebSocket messages and tells of plain requests. */
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

/** A client that is connected. */
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

/** An origin that reads a head, then does what the test says with the bare socket. `rest` came behind the head. */
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

/** The head by which an origin switches. */
export const switching = (protocol: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;

/** The head by which a client asks. */
export const asking = (protocol: string, path = '/', fields = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: example.test\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${fields}\r\n`;

/** A socket that keeps its half open when the server has closed its own. */
export async function halfOpenSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

/** All that comes until the other side ends its half. */
export async function allOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const bytes of socket.iterator({ destroyOnReturn: false })) text += (bytes as Buffer).toString('latin1');
  return text;
}
