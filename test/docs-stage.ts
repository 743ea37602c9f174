/**
 * Runs programs of the documentation, one after the other, in a process of their own. Every dial leads to one origin of this
 * file, and every server listens on a free port of 127.0.0.1: nothing leaves the machine, and no used port is needed. Each
 * server that a program opens is asked for `/`; then the program is told to stop.
 */

import cluster from 'node:cluster';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, get, Server as HttpServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createNetServer, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { pathToFileURL } from 'node:url';
import { cert, key } from './wire/certificate.js';

const PROGRAM_MS = 20_000;
const TLS_HANDSHAKE = 0x16;

/** Names that pages use and do not define. */
Object.assign(globalThis, {
  operatorsOnly: (_req: unknown, _res: unknown, next: () => void) => next(),
  roleOf: async () => 'operator',
});

const { listen } = Server.prototype;
const { connect } = Socket.prototype;
const { exit } = process;
let opened: Server[] = []; // by the current program
let complaints: string[] = [];

process.on('uncaughtException', (error) => complaints.push(`threw ${shown(error)}`));
process.on('unhandledRejection', (error) => complaints.push(`rejected ${shown(error)}`));

// Every name has the address of this machine, and no DNS server is asked.
Object.assign(Resolver.prototype, {
  resolve4: async (_name: string, options?: { ttl: boolean }) =>
    options?.ttl ? [{ address: '127.0.0.1', ttl: 60 }] : ['127.0.0.1'],
  resolve6: async () => [],
  resolveSrv: async () => [{ name: 'localhost', port: 80, priority: 0, weight: 1 }],
});

const origin = await startOrigin();

Server.prototype.listen = function listenHere(this: Server, ...args: unknown[]): Server {
  const listening = args.findLast((one): one is () => void => typeof one === 'function');
  opened.push(this);
  return Reflect.apply(listen, this, [0, '127.0.0.1', listening]);
} as typeof listen;

Socket.prototype.connect = function dialOurs(this: Socket, ...args: unknown[]): Socket {
  // Node passes the arguments on as one list of options and listener.
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  if (typeof options !== 'object' || options === null) throw new Error('a dial that the stage does not know');
  const ports = opened.map((server) => (server.address() as AddressInfo | null)?.port);
  if (!ports.includes(Number(options.port)))
    Object.assign(options, { port: origin, host: '127.0.0.1', path: undefined });
  return Reflect.apply(connect, this, args);
} as typeof connect;

// A program may call exit() late, and must not end the programs that run meanwhile. A worker that it has forked may exit.
if (cluster.isPrimary) {
  process.exit = ((code?: number) => {
    if (code) complaints.push(`exited with ${code}`);
  }) as typeof process.exit;
}

for (const file of process.argv.slice(2)) {
  opened = [];
  complaints = [];
  const isPlayed = play(file).then(() => true);
  const limit = sleep(PROGRAM_MS, false, { ref: false });
  if (!(await Promise.race([isPlayed, limit]))) complaints.push(`took more than ${PROGRAM_MS} ms`);
  if (cluster.isPrimary) console.log(`played ${JSON.stringify(complaints)}`);
}
Reflect.apply(exit, process, [0]);

async function play(file: string): Promise<void> {
  try {
    await import(pathToFileURL(file).href);
    for (const server of opened) if (server instanceof HttpServer) await ask(server);
  } catch (error) {
    complaints.push(shown(error));
  }
  process.emit('SIGTERM');
  for (const server of opened) {
    if (server instanceof HttpServer) server.closeAllConnections();
    if (server.listening) server.close();
  }
}

async function ask(server: HttpServer): Promise<void> {
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const [answer]: IncomingMessage[] = await once(get({ port, host: '127.0.0.1', agent: false }), 'response');
  answer?.resume();
  const status = answer?.statusCode ?? 0;
  if (status >= 500) complaints.push(`what it serves answers ${status}`);
}

/** Answers every request with JSON. Speaks TLS with clients that begin with a handshake. */
async function startOrigin(): Promise<number> {
  const http = createServer((req, res) => {
    req.resume().on('end', () => res.setHeader('Content-Type', 'application/json').end('{}'));
  });
  const tls = createTlsServer({ key, cert }, (socket) => void http.emit('connection', socket));
  const server = createNetServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (bytes) => {
      socket.pause();
      socket.unshift(bytes);
      (bytes[0] === TLS_HANDSHAKE ? tls : http).emit('connection', socket);
      process.nextTick(() => socket.resume());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function shown(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
