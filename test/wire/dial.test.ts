import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  type AddressInfo,
  createServer,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  type LookupFunction,
  type Server,
  Socket,
  setDefaultAutoSelectFamilyAttemptTimeout,
  type Socket as Wire,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { send } from 'pooled-backend/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Connection } from '../../src/connection/connection.js';
import { type Dialled, type DialTarget, startDial } from '../../src/connection/dial.js';
import type { BackendError } from '../../src/errors.js';
import { readWindow } from '../../src/http1/llhttp.js';
import { FIXED_LIMITS } from '../../src/http1/parser-limits.js';
import { RepeatedHead } from '../../src/http1/repeated-head.js';
import { systemClock } from '../../src/time/clock.js';
import { Deadlines } from '../../src/time/deadlines.js';
import { authority, cert, key } from './certificate.js';
import { pause, startOrigin } from './setting.js';

const deadlines = new Deadlines(systemClock);

type Where = Partial<Omit<DialTarget, 'connect'>> & { readonly connect?: Partial<DialTarget['connect']> };

function target({ connect, ...where }: Where): DialTarget {
  return {
    origin: 'http://o',
    protocol: 'http:',
    hostname: '127.0.0.1',
    port: 1,
    servername: where.hostname ?? '127.0.0.1',
    tls: {},
    connectTimeoutMs: 5_000,
    ...where,
    connect: {
      noDelay: true,
      keepAliveInitialDelay: 30_000,
      localAddress: undefined,
      lookup: undefined,
      family: 0,
      ...connect,
    },
  };
}

interface DialEnd {
  readonly dialled?: Dialled;
  readonly error?: BackendError;
  /** TLS sessions, as they come. */
  readonly sessions: Buffer[];
}

function dial(where: Where, session?: Buffer): Promise<DialEnd> {
  return new Promise((resolve) => {
    const sessions: Buffer[] = [];
    startDial(target(where), session, deadlines, {
      opened: (dialled) => {
        dialled.socket.on('error', () => undefined);
        onTestFinished(() => void dialled.socket.destroy());
        resolve({ dialled, sessions });
      },
      failed: (error) => resolve({ error, sessions }),
      session: (one) => sessions.push(one),
    });
  });
}

/** The net.Socket of a dial. */
function socketOf({ dialled, error }: DialEnd): Socket {
  if (!(dialled?.socket instanceof Socket)) throw new Error('the dial has failed', { cause: error });
  return dialled.socket;
}

async function listen(server: Server, ...where: [path: string] | [port: number, host: string]): Promise<number> {
  const open = new Set<Wire>();
  server.on('connection', (socket: Wire) => {
    open.add(socket);
    socket.on('error', () => undefined);
  });
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  if (where.length === 1) server.listen(where[0]);
  else server.listen(where[0], where[1]);
  await once(server, 'listening');
  const address = server.address() as AddressInfo | string;
  return typeof address === 'string' ? 0 : address.port;
}

const listenTcp = (host = '127.0.0.1') => listen(createServer(), 0, host);

/** Answers every name with those of these addresses that are of the family asked for, in this order. */
const resolvesTo =
  (...addresses: string[]): LookupFunction =>
  (_hostname, options, callback) => {
    const each = addresses.map((address) => ({ address, family: isIP(address) }));
    const all = each.filter(({ family }) => !options.family || family === options.family);
    if (options.all === true) callback(null, all);
    else callback(null, all[0]?.address ?? '', all[0]?.family ?? 4);
  };

/** Answers with 127.0.0.1, which node:net gives up at first, after `ms`, and with ::1. `askedAgain` is called as it is asked again. */
function givenUpFirst(askedAgain: () => void, ms = 10): LookupFunction {
  const usualMs = getDefaultAutoSelectFamilyAttemptTimeout();
  setDefaultAutoSelectFamilyAttemptTimeout(ms);
  onTestFinished(() => setDefaultAutoSelectFamilyAttemptTimeout(usualMs));
  let lookups = 0;
  return (...asked) => {
    lookups += 1;
    if (lookups > 1) askedAgain();
    setImmediate(() => {
      resolvesTo('127.0.0.1', '::1')(...asked);
      // Its answer is here, and not read yet, when node:net gives it up.
      const until = performance.now() + ms + 10;
      while (lookups === 1 && performance.now() < until);
    });
  };
}

// First in this file: whether the kernel can be asked is found out once a process.
test('finding out whether the kernel can be asked takes no byte from the socket', async () => {
  const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
  const origin = await startOrigin({ thread: true, rules: [{ at: 'connection', steps: [send(stray)] }] });
  const heard = await new Promise<string>((resolve) => {
    startDial(target({ port: Number(new URL(origin.url).port) }), undefined, deadlines, {
      opened: ({ socket, intake }) => {
        onTestFinished(() => void socket.destroy());
        intake.receive = (count) => {
          resolve(readWindow().toString('latin1', 0, count));
          return true;
        };
        socket.on('end', () => resolve('end'));
      },
      failed: (error) => resolve(error.message),
      session: () => undefined,
    });
    // The dial is under way after this turn; it opens with the bytes in the kernel.
    setImmediate(() => origin.blockUntil(() => origin.connections[0]?.steps.length === 1));
  });
  expect(heard).toBe(stray);
});

describe('TCP', () => {
  test('opens, alive, and unref\u2019d', async () => {
    const port = await listenTcp();
    const end = await dial({ port });
    expect([end.dialled?.spokeFirst, end.dialled?.askKernel?.().name, isHeld(end)]).toEqual([false, 'alive', false]);
  });

  test('an IPv6 literal', async () => {
    const port = await listenTcp('::1');
    expect(socketOf(await dial({ hostname: '::1', port })).remoteAddress).toBe('::1');
  });

  test('refused', async () => {
    const server = createServer();
    const port = await listen(server, 0, '127.0.0.1');
    await new Promise((resolve) => server.close(resolve));
    const { error } = await dial({ port, origin: 'http://gone' });
    expect([error?.code, error?.statusCode, error?.delivery, error?.message]).toEqual([
      'connection_refused',
      502,
      'unsent',
      'could not connect to http://gone: ECONNREFUSED',
    ]);
  });

  test('a name that does not resolve', async () => {
    const { error } = await dial({ hostname: 'nobody.invalid' });
    expect(error?.code).toBe('dns_error');
  });

  test('a lookup that throws is told as a failure, after the dial has begun', async () => {
    const lookup: LookupFunction = () => {
      throw new Error('no resolver');
    };
    const { error } = await dial({ hostname: 'o.test', connect: { lookup } });
    expect(error?.message).toBe('could not connect to http://o: no resolver');
  });
});

describe('a lookup of the owner\u2019s', () => {
  const refusing = Object.assign(new Error('queryA ECONNREFUSED o.test'), { code: 'ECONNREFUSED' });
  const silent = Object.assign(new Error('queryA ETIMEOUT o.test'), { code: 'ETIMEOUT' });

  // Where node:net reads such an answer, an error without a listener ends the process.
  test.each<[what: string, code: string, give: (answer: (...given: unknown[]) => void) => unknown]>([
    ['an empty list', 'dns_error', (answer) => setImmediate(answer, null, [])],
    ['a list of nothing', 'dns_error', (answer) => setImmediate(answer, null, [null])],
    ['nothing', 'dns_error', (answer) => setImmediate(answer, null, null)],
    ['an error that is a string', 'dns_error', (answer) => setImmediate(answer, 'unknown')],
    ['a promise that is rejected', 'dns_error', () => Promise.reject(new Error('no resolver'))],
    ['that its server refuses', 'dns_error', (answer) => answer(refusing)],
    ['that its server is silent', 'dns_timeout', (answer) => answer(silent)],
  ])('that gives %s is a failed dial: %s', async (_what, code, give) => {
    const lookup: LookupFunction = (_hostname, _options, callback) =>
      give(callback as unknown as (...given: unknown[]) => void) as undefined;
    for (const family of [0, 4] as const) {
      const { error } = await dial({ ...secure, hostname: 'o.test', connect: { lookup, family } });
      expect(error?.code).toBe(code);
    }
  });

  test('that answers twice is dialled once', async () => {
    const port = await listenTcp();
    const lookup: LookupFunction = (hostname, options, callback) => {
      resolvesTo('127.0.0.1')(hostname, options, callback);
      resolvesTo('127.0.0.1')(hostname, options, callback);
    };
    expect((await dial({ hostname: 'o.test', port, connect: { lookup } })).error).toBeUndefined();
  });
});

test('a local address that this host has not is no lack of ports', async () => {
  const port = await listenTcp();
  for (const protocol of ['http:', 'https:'] as const) {
    const { error } = await dial({ protocol, port, connect: { localAddress: '192.0.2.1' } });
    expect([error?.code, error?.cause]).toEqual([
      'destination_unavailable',
      expect.objectContaining({ code: 'EADDRNOTAVAIL' }),
    ]);
  }
});

describe('two addresses', () => {
  test('the second is tried when the first refuses, and the socket holds no process', async () => {
    const port = await listenTcp();
    const end = await dial({ hostname: 'o.test', port, connect: { lookup: resolvesTo('::1', '127.0.0.1') } });
    expect([socketOf(end).remoteAddress, isHeld(end)]).toEqual(['127.0.0.1', false]);
  });

  test('the same through TLS, and its bytes are read', async () => {
    const server = createTlsServer({ key, cert }, (socket) => socket.write('hello'));
    const port = await listen(server, 0, '127.0.0.1');
    const end = await dial({
      ...secure,
      hostname: 'localhost',
      port,
      connect: { lookup: resolvesTo('::1', '127.0.0.1') },
    });
    expect([await firstBytes(end), isHeld(end)]).toEqual(['hello', false]);
  });

  test('the first is not given up for a second that refuses, though it has not answered before that was tried', async () => {
    const port = await listenTcp();
    let lookups = 0;
    const lookup = givenUpFirst(() => {
      lookups += 1;
    });
    const end = await dial({ hostname: 'o.test', port, connect: { lookup } });
    expect([socketOf(end).remoteAddress, isHeld(end), lookups > 0]).toEqual(['127.0.0.1', false, true]);
  });

  test('the dial fails when the first has not answered in a second and the second refuses', async () => {
    const port = await listenTcp();
    let again = 0;
    const lookup = givenUpFirst(() => (again += 1), 1_000);
    const { error } = await dial({ hostname: 'o.test', port, connect: { lookup } });
    expect([error?.code, again]).toEqual(['connection_timeout', 0]);
  });

  test('a dial that is abandoned by its lookup, as that is asked again, leaves no socket', async () => {
    const port = await listenTcp();
    const sockets: Socket[] = [];
    const add = (message: unknown) => void sockets.push((message as { readonly socket: Socket }).socket);
    subscribe('net.client.socket', add);
    onTestFinished(() => void unsubscribe('net.client.socket', add));
    await new Promise<void>((resolve) => {
      const lookup = givenUpFirst(() => {
        underWay.abandon();
        setImmediate(resolve);
      });
      const where = target({ hostname: 'o.test', port, connect: { lookup } });
      const underWay = startDial(where, undefined, deadlines, {
        opened: () => expect.unreachable(),
        failed: () => expect.unreachable(),
        session: () => undefined,
      });
    });
    onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });

  test('both refused', async () => {
    const server = createServer();
    const port = await listen(server, 0, '127.0.0.1');
    await new Promise((resolve) => server.close(resolve));
    const { error } = await dial({ hostname: 'o.test', port, connect: { lookup: resolvesTo('::1', '127.0.0.1') } });
    expect([error?.code, error?.message]).toEqual([
      'connection_refused',
      'could not connect to http://o: ECONNREFUSED',
    ]);
  });

  test('the one is dialled that can be reached from the local address', async () => {
    const port = await listenTcp();
    const connect = { lookup: resolvesTo('::1', '127.0.0.1'), localAddress: '127.0.0.1' };
    const end = await dial({ hostname: 'o.test', port, connect });
    expect(socketOf(end).remoteAddress).toBe('127.0.0.1');
  });

  test('localhost, wherever it listens', async () => {
    const port = await listenTcp('127.0.0.1');
    expect((await dial({ hostname: 'localhost', port })).error).toBeUndefined();
  });
});

describe('a unix socket', () => {
  const place = () => {
    const folder = mkdtempSync(join(tmpdir(), 'dial-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return join(folder, 'origin.sock');
  };

  test('opens, and says that it is local', async () => {
    const socketPath = place();
    await listen(createServer(), socketPath);
    const { dialled } = await dial({ socketPath });
    expect([dialled?.isLocal, dialled?.askKernel?.().name]).toEqual([true, 'alive']);
  });

  test('a clean connection over one can be closed, which a reset could not', async () => {
    const socketPath = place();
    await listen(
      createServer(
        (socket) => void socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')),
      ),
      socketPath,
    );
    const { dialled } = await dial({ socketPath });
    if (dialled === undefined) throw new Error('the dial has failed');
    const closed = await new Promise((resolve) => {
      const own = { limits: { ...FIXED_LIMITS, maxHeaderBytes: 16_384 }, repeated: new RepeatedHead() };
      const setting = { origin: 'o', secure: false, clock: systemClock, deadlines, ...own };
      const connection = new Connection(dialled, setting, {
        answered: () => undefined,
        reusable: () => connection.close('idle-timeout'),
        closed: resolve,
      });
      const listener = {
        onInformation: () => undefined,
        onHead: () => undefined,
        onBody: () => undefined,
        exchangeEnded: () => undefined,
        exchangeFailed: () => undefined,
      };
      const timeouts = { sendTimeout: 1_000, headersTimeout: 1_000, bodyTimeout: 1_000 };
      connection.begin({ method: 'GET', timeouts }, undefined, listener).start('GET / HTTP/1.1\r\n\r\n');
    });
    expect([closed, dialled.socket.destroyed]).toEqual(['idle-timeout', true]);
  });

  test('nobody there', async () => {
    expect((await dial({ socketPath: place() })).error?.code).toBe('connection_refused');
  });
});

const secure = { protocol: 'https:', origin: 'https://o', tls: { ca: authority } } as const;

describe('TLS', () => {
  const listenTls = (options: Parameters<typeof createTlsServer>[0] = {}) =>
    listen(createTlsServer({ key, cert, ...options }), 0, '127.0.0.1');

  test('opens with the authority given, by name and by address', async () => {
    const port = await listenTls();
    const names = ['localhost', '127.0.0.1'];
    const ends = await Promise.all(names.map((hostname) => dial({ ...secure, hostname, port })));
    expect(ends.map(({ error }) => error)).toEqual([undefined, undefined]);
  });

  test.each([
    ['of the origin', { hostname: 'localhost.' }],
    ['of the options', { tls: { ca: authority, servername: 'localhost.' } }],
  ])('the name %s is sent without the dot at its end', async (_whose, where) => {
    const names: string[] = [];
    const SNICallback = (name: string, chosen: (error: null) => void) => {
      names.push(name);
      chosen(null);
    };
    const port = await listenTls({ SNICallback });
    const { error } = await dial({ ...secure, port, connect: { lookup: resolvesTo('127.0.0.1') }, ...where });
    expect([error, ...names]).toEqual([undefined, 'localhost']);
  });

  test('Nagle is off and the kernel probes, as on TCP', async () => {
    const port = await listenTls();
    const socket = socketOf(await dial({ ...secure, port }));
    const kept = Object.getOwnPropertySymbols(socket).map((symbol): [string, unknown] => [
      symbol.description ?? '',
      Reflect.get(socket, symbol),
    ]);
    // What Node remembers to have set on the socket.
    const remembered = ['kSetNoDelay', 'kSetKeepAlive', 'kSetKeepAliveInitialDelay'];
    expect(remembered.map((name) => kept.find(([symbol]) => symbol === name)?.[1])).toEqual([true, true, 30]);
  });

  test.each([
    ['without the authority', { tls: {} }, 'tls_certificate_error'],
    ['by a name that is not in the certificate', { hostname: 'other.test' }, 'tls_certificate_error'],
    ['without a common version', { tls: { ca: authority, maxVersion: 'TLSv1.2' } }, 'tls_alert_received'],
    ['with a key that is none', { tls: { key: 'x', cert: 'y' } }, 'tls_protocol_error'],
  ] as const)('%s it fails', async (_how, where, code) => {
    const port = await listenTls({ minVersion: 'TLSv1.3' });
    const { error } = await dial({ ...secure, port, connect: { lookup: resolvesTo('127.0.0.1') }, ...where });
    expect(error?.code).toBe(code);
  });

  test('to a server without TLS it fails', async () => {
    const port = await listen(
      createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      0,
      '127.0.0.1',
    );
    expect((await dial({ ...secure, port })).error?.code).toBe('tls_protocol_error');
  });

  test('to a server that closes in the handshake it fails', async () => {
    const port = await listen(
      createServer((socket) => socket.destroy()),
      0,
      '127.0.0.1',
    );
    expect((await dial({ ...secure, port })).error?.code).toBe('connection_terminated');
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a session is told, and resumed with the next dial (%s)',
    async (version) => {
      const resumed: boolean[] = [];
      const server = createTlsServer({ key, cert, minVersion: version, maxVersion: version }, (socket: TLSSocket) => {
        resumed.push(socket.isSessionReused());
      });
      const port = await listen(server, 0, '127.0.0.1');
      const first = await dial({ ...secure, port });
      while (first.sessions.length === 0) await pause(1);
      await dial({ ...secure, port }, first.sessions.at(-1));
      while (resumed.length < 2) await pause(1);
      expect(resumed).toEqual([false, true]);
    },
  );

  test('no session is told of a server that was not whom it said it is', async () => {
    const port = await listenTls({ maxVersion: 'TLSv1.2' });
    const connect = { lookup: resolvesTo('127.0.0.1') };
    const { error, sessions } = await dial({ ...secure, hostname: 'other.test', port, connect });
    await pause(20);
    expect([error?.code, sessions]).toEqual(['tls_certificate_error', []]);
  });

  test('a handshake that nobody answers ends with connectTimeout', async () => {
    const port = await listenTcp();
    const { error } = await dial({ ...secure, port, connectTimeoutMs: 30 });
    expect([error?.code, error?.statusCode]).toEqual(['connection_timeout', 504]);
  });
});

test('a dial that is abandoned is not heard of again, and its socket is closed', async () => {
  const server = createServer();
  const port = await listen(server, 0, '127.0.0.1');
  const told: string[] = [];
  const accepted = once(server, 'connection');
  const underWay = startDial(target({ ...secure, port, connectTimeoutMs: 40 }), undefined, deadlines, {
    opened: () => told.push('opened'),
    failed: () => told.push('failed'),
    session: () => told.push('session'),
  });
  const [socket] = await accepted;
  underWay.abandon();
  await once(socket.resume(), 'close');
  await pause(60);
  underWay.abandon();
  expect([told, deadlines.size]).toEqual([[], 0]);
});

/** TCP sockets that keep this process alive. */
function heldSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

function isHeld(end: DialEnd): boolean {
  const before = heldSockets();
  socketOf(end).unref();
  return heldSockets() < before;
}

function firstBytes({ dialled, error }: DialEnd): Promise<string> {
  return new Promise((resolve, reject) => {
    if (dialled === undefined) reject(error);
    else {
      dialled.intake.receive = (count) => {
        resolve(readWindow().toString('latin1', 0, count));
        return true;
      };
    }
  });
}
