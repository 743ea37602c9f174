/** Upgrades to protocols of the origin's own, byte by byte: the tunnel, refusals, limits and every way to end. */

import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { authority, cert, key } from '../wire/certificate.js';
import { checkAtRest } from '../wire/setting.js';
import { client, listen, until } from './setting.js';
import {
  allOf,
  asking,
  halfOpenSocket,
  rawUpgradeOrigin,
  startFront,
  switching,
  webSocket,
  webSocketOrigin,
} from './upgrade-setting.js';

const MEGABYTES_5 = Buffer.alloc(5_000_000, '0123456789');

describe('the tunnel', () => {
  test('bytes behind the request and behind the 101 are kept, in order', async () => {
    const origin = await rawUpgradeOrigin((socket, _head, rest) => {
      expect(rest.length).toBe(0); // nothing of the client's before it was switched
      socket.write(`${switching('echo')}first;`);
      socket.on('data', (bytes) => socket.write(`<${bytes}>`));
    });
    const { port } = await startFront(origin);
    const asked = await client(port);
    asked.write(`${asking('echo')}early`);
    const answer = await asked.readResponse();
    expect(answer.status).toBe(101);
    expect(answer.headers).toEqual({ connection: 'Upgrade', upgrade: 'echo', via: '1.1 pooled-backend' });
    expect(String(await asked.bytes(13))).toBe('first;<early>');
    asked.write('late');
    expect(String(await asked.bytes(19))).toBe('first;<early><late>');
  });

  test('what the client sends while it waits for the 101 is sent on after it', async () => {
    let ofOrigin: Socket | undefined;
    const origin = await rawUpgradeOrigin((socket) => {
      ofOrigin = socket;
    });
    const { port, sockets } = await startFront(origin);
    const asked = await client(port);
    asked.write(asking('echo'));
    await until(() => ofOrigin !== undefined);
    asked.write('impatient');
    await until(() => sockets[0]?.readableLength === 9);
    ofOrigin?.on('data', (bytes) => ofOrigin?.write(bytes));
    ofOrigin?.write(switching('echo'));
    expect((await asked.readResponse()).status).toBe(101);
    expect(String(await asked.bytes(9))).toBe('impatient');
  });

  test('a client that has said all it has to say before the 101 is still answered', async () => {
    const origin = await rawUpgradeOrigin(async (socket) => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      socket.write(switching('sum'));
      socket.end(`${(await allOf(socket)).length} bytes`);
    });
    const { port } = await startFront(origin);
    for (const first of ['together', '']) {
      const asked = await client(port);
      asked.write(asking('sum') + first);
      if (first === '') await new Promise((resolve) => setTimeout(resolve, 10));
      if (first === '') asked.write('later on');
      asked.end();
      expect((await asked.readResponse()).status).toBe(101);
      await asked.ended();
      expect(String(asked.unread)).toBe('8 bytes');
    }
  });

  test('an upgrade uses a connection of its own, whatever others may ride', async () => {
    const { port, backend } = await startFront(await webSocketOrigin(), { backend: { nonIdempotent: 'any' } });
    const asked = await client(port);
    expect((await asked.get('/')).status).toBe(200);
    expect(backend.stats().origins[0]?.connections.idle).toBe(1);
    await webSocket(port);
    expect(backend.stats().origins[0]).toMatchObject({ dialled: 2, reused: 0, connections: { idle: 1, busy: 1 } });
    expect(backend.stats().origins[0]?.responses).toMatchObject({ '2xx': 1, other: 1 });
  });

  test('the client may end its half and still read', async () => {
    const origin = await rawUpgradeOrigin(async (socket) => {
      socket.write(switching('sum'));
      const text = await allOf(socket);
      socket.end(`${text.length} bytes`);
    });
    const { port, backend } = await startFront(origin);
    const asked = await client(port);
    asked.write(asking('sum'));
    await asked.readResponse();
    asked.write('abc');
    asked.end();
    expect(await asked.ended()).toBe('fin');
    expect(String(asked.unread)).toBe('3 bytes');
    await until(() => backend.stats().origins[0]?.tunnels.open === 0);
    checkAtRest(backend);
  });

  test('a client of TLS, too, may end its half and still read', async () => {
    const origin = await rawUpgradeOrigin(async (socket) => {
      socket.write(switching('sum'));
      const text = await allOf(socket);
      await new Promise((resolve) => setTimeout(resolve, 30));
      socket.end(`${text.length} bytes`);
    });
    const { backend } = await startFront(origin);
    const server = createTlsServer({ key, cert }, backend.handler());
    server.on('upgrade', backend.upgradeHandler());
    const socket = connectTls({ port: await listen(server), host: '127.0.0.1', ca: authority });
    socket.allowHalfOpen = true;
    await once(socket, 'secureConnect');
    socket.write(asking('sum'));
    await once(socket, 'readable');
    socket.end('abc');
    expect(await allOf(socket)).toMatch(/3 bytes$/);
    socket.destroy();
  });

  test('the origin may end its half and still read', async () => {
    const heard: Promise<string>[] = [];
    const origin = await rawUpgradeOrigin((socket) => {
      socket.end(`${switching('post')}bye`);
      heard.push(allOf(socket));
    });
    const { port } = await startFront(origin);
    const socket = await halfOpenSocket(port);
    socket.write(asking('post'));
    expect(await allOf(socket)).toMatch(/bye$/);
    socket.end('still here');
    expect(await heard[0]).toBe('still here');
  });

  test('5 MB each way arrive whole, through a reader that is slow on either side', async () => {
    let received = 0;
    const origin = await rawUpgradeOrigin((socket) => {
      socket.write(switching('bulk'));
      socket.write(MEGABYTES_5);
      readSlowly(socket, (bytes) => {
        received += bytes.length;
        if (received === MEGABYTES_5.length) socket.end('all');
      });
    });
    const { port } = await startFront(origin);
    const socket = await halfOpenSocket(port);
    socket.write(asking('bulk'));
    socket.write(MEGABYTES_5);
    let got = 0;
    let tail = '';
    readSlowly(socket, (bytes) => {
      got += bytes.length;
      tail = (tail + bytes.toString('latin1')).slice(-3);
    });
    await once(socket, 'end');
    expect(received).toBe(MEGABYTES_5.length);
    expect(tail).toBe('all');
    expect(got).toBeGreaterThan(MEGABYTES_5.length);
  });

  test('a side that does not read stops the other: what is held between them is bounded', async () => {
    let written = 0;
    let fromClient = 0;
    const origin = await rawUpgradeOrigin((socket) => {
      socket.write(switching('flood'));
      socket.pause();
      written = flood(socket);
    });
    const { port, sockets } = await startFront(origin);
    const socket = await halfOpenSocket(port);
    socket.pause();
    socket.write(asking('flood'));
    await until(() => written > 0);
    fromClient = flood(socket);
    expect(fromClient).toBeGreaterThan(0);
    await settled(() => (sockets[0]?.bytesRead ?? 0) + (sockets[0]?.bytesWritten ?? 0));
    expect((sockets[0]?.writableLength ?? 0) + (sockets[0]?.readableLength ?? 0)).toBeLessThan(300_000);
  });
});

describe('what is not tunnelled', () => {
  test.each([
    [403, 'Forbidden'],
    [426, 'Upgrade Required'],
    [302, 'Found'],
    [503, 'Service Unavailable'],
  ])('a %d is relayed as it is, with its body, and the connection ends', async (status, reason) => {
    const fields = `X-Why: ${reason}\r\nUpgrade: newer/2\r\nConnection: Upgrade\r\nContent-Length: 2\r\n`;
    const origin = await rawUpgradeOrigin((socket) => socket.write(`HTTP/1.1 ${status} ${reason}\r\n${fields}\r\nno`));
    const { port, backend } = await startFront(origin);
    const asked = await client(port);
    asked.write(`${asking('older')}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
    const answer = await asked.readResponse();
    expect(answer).toMatchObject({ status, reason, complete: true, body: Buffer.from('no') });
    expect(answer.headers).toMatchObject({ 'x-why': reason, 'content-length': '2' });
    expect(answer.headers.upgrade).toBe(status === 426 ? 'newer/2' : undefined);
    expect(answer.headers.connection).toBe(status === 426 ? 'Upgrade, close' : 'close');
    expect(await asked.ended(1_000)).toBe('fin');
    expect(asked.unread.length).toBe(0);
    expect(backend.stats().origins[0]).toMatchObject({ requests: 1, tunnels: { open: 0, opened: 0 } });
  });

  test.each([
    ['', 'Content-Length: 2\r\n'],
    [' and ends it', 'Content-Length: 2\r\nConnection: close\r\n'],
    [' and ends it without having said so', ''],
  ])('an origin that refuses on the bare socket%s hears of no reset', async (how, fields) => {
    const heard: string[] = [];
    let close = (): void => undefined;
    const closed = new Promise<void>((resolve) => {
      close = resolve;
    });
    const origin = await rawUpgradeOrigin((socket) => {
      socket.on('error', ({ message }) => heard.push(message)).on('close', close);
      socket.on('end', () => socket.end());
      socket[how === '' ? 'write' : 'end'](`HTTP/1.1 403 Forbidden\r\n${fields}\r\nno`);
    });
    const { port } = await startFront(origin);
    const asked = await client(port);
    asked.write(asking('mine'));
    expect(await asked.readResponse()).toMatchObject({ status: 403, complete: true });
    await closed;
    expect(heard).toEqual([]);
  });

  test('no request is sent on a connection on which an upgrade was refused', async () => {
    const answer = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const origin = await rawUpgradeOrigin((socket, head) => {
      socket.on('data', () => socket.write(answer('behind')));
      const isOffer = /upgrade/i.test(head);
      socket.write(isOffer ? 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n' : answer('apart'));
    });
    const { port, backend } = await startFront(origin);
    const asked = await client(port);
    asked.write(asking('mine'));
    expect((await asked.readResponse()).status).toBe(403);
    expect(await (await backend.request({ path: '/' })).body.text()).toBe('apart');
  });

  test.each([
    ['throws', () => fails()],
    ['rejects', async () => fails()],
  ])('our own answer asks for no upgrade, when the hook of a 426 %s', async (_, onResponseFields) => {
    const head =
      'HTTP/1.1 426 Upgrade Required\r\nUpgrade: newer/2\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n';
    const { port } = await startFront(await rawUpgradeOrigin((socket) => socket.write(head)), {
      upgrade: { onResponseFields },
    });
    const asked = await client(port);
    asked.write(asking('older'));
    const { status, headers } = await asked.readResponse();
    expect([status, headers.upgrade, headers.connection]).toEqual([500, undefined, 'close']);
  });

  test('a large chunked refusal reaches a slow client whole', async () => {
    const piece = `${(100_000).toString(16)}\r\n${'x'.repeat(100_000)}\r\n`;
    const origin = await rawUpgradeOrigin((socket) => {
      socket.write(`HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n${piece.repeat(30)}0\r\n\r\n`);
    });
    const { port } = await startFront(origin, { backend: { spoolBytes: 10_000 } });
    const socket = await halfOpenSocket(port);
    let text = '';
    readSlowly(socket, (bytes) => {
      text += bytes.toString('latin1');
    });
    socket.write(asking('a'));
    await once(socket, 'end');
    expect(text.match(/x/g)?.length).toBe(3_000_000);
    expect(text.endsWith('0\r\n\r\n')).toBe(true);
  });

  test.each([
    ['a protocol that was not offered', switching('other'), 'http_upgrade_failed'],
    ['no protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n', 'http_upgrade_failed'],
    ['a stranger protocol beside the one offered', switching('mine, other'), 'http_upgrade_failed'],
    ['bytes that are not HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n', 'http_protocol_error'],
  ])('a switch to %s is 502', async (_what, bytes, code) => {
    const { port, backend } = await startFront(await rawUpgradeOrigin((socket) => socket.write(bytes)));
    const asked = await client(port);
    asked.write(asking('mine'));
    const answer = await asked.readResponse();
    expect(answer).toMatchObject({ status: 502, complete: true, body: Buffer.from(`${code}\n`) });
    expect(answer.headers['proxy-status']).toBe(`pooled-backend; error=${code}`);
    expect(await asked.ended()).toBe('fin');
    expect(backend.stats().origins[0]).toMatchObject({ requests: 1, tunnels: { opened: 0 }, closed: { garbage: 1 } });
  });

  test('an offer without Host is refused, and the origin hears nothing', async () => {
    const { port, backend } = await startFront(await rawUpgradeOrigin((socket) => socket.write(switching('mine'))));
    const asked = await client(port);
    asked.write(asking('mine').replace(/Host: .*\r\n/, ''));
    expect((await asked.readResponse()).status).toBe(400);
    expect(backend.stats().origins[0]?.requests).toBe(0);
  });

  test('a 101 that nobody asked for stays refused', async () => {
    const { port } = await startFront(await rawUpgradeOrigin((socket) => socket.write(switching('websocket'))));
    const asked = await client(port);
    expect((await asked.get('/')).status).toBe(502);
  });

  test('a connection that closes without an answer is 502, and the upgrade is not sent again', async () => {
    let heads = 0;
    const origin = await rawUpgradeOrigin((socket) => {
      heads += 1;
      socket.destroy();
    });
    const { port } = await startFront(origin);
    const asked = await client(port);
    asked.write(asking('a'));
    expect((await asked.readResponse()).status).toBe(502);
    expect(heads).toBe(1);
  });

  test('an origin that is silent is 504', async () => {
    const origin = await rawUpgradeOrigin(() => undefined);
    const { port } = await startFront(origin, { upgrade: { headersTimeout: 30 } });
    const asked = await client(port);
    asked.write(asking('a'));
    expect((await asked.readResponse()).status).toBe(504);
  });

  test('a backend that is closing answers 503', async () => {
    const { port, backend } = await startFront(await rawUpgradeOrigin(() => undefined));
    await backend.close();
    const asked = await client(port);
    asked.write(asking('a'));
    expect((await asked.readResponse()).status).toBe(503);
  });

  test('a backend that is closed while a hook is busy waits for it', async () => {
    const origin = await rawUpgradeOrigin((socket) => socket.write(switching('a')));
    let goOn: (() => void) | undefined;
    const onRequestFields = () => new Promise<undefined>((resolve) => (goOn = () => resolve(undefined)));
    const { port, backend } = await startFront(origin, { upgrade: { onRequestFields } });
    const asked = await client(port);
    asked.write(asking('a'));
    await until(() => goOn !== undefined);
    const closed = backend.close();
    goOn?.();
    expect((await asked.readResponse()).status).toBe(101);
    await closed;
  });

  test('CONNECT is 501', async () => {
    const { port } = await startFront(await rawUpgradeOrigin(() => undefined));
    const asked = await client(port);
    asked.write('CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\nTLS bytes');
    const { status, headers } = await asked.readResponse();
    expect([status, headers['proxy-status']]).toEqual([501, 'pooled-backend; error=proxy_internal_response']);
    expect(await asked.ended()).toBe('fin');
  });

  test('a 103 is relayed before the 101', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n';
    const { port } = await startFront(await rawUpgradeOrigin((socket) => socket.write(early + switching('a'))));
    const asked = await client(port);
    asked.write(asking('a'));
    expect(await asked.readResponse()).toMatchObject({ status: 103, headers: { link: '</a.css>' } });
    expect((await asked.readResponse()).status).toBe(101);
  });

  test('an upgrade behind other requests of a pipeline is answered in its turn', async () => {
    const origin = await rawUpgradeOrigin((socket, head) => {
      if (head.includes('Upgrade')) socket.write(`${switching('a')}tunnel`);
      else setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain'), 30);
    });
    const { port } = await startFront(origin);
    const asked = await client(port);
    asked.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${asking('a')}`);
    expect(String((await asked.readResponse()).body)).toBe('plain');
    expect((await asked.readResponse()).status).toBe(101);
    expect(String(await asked.bytes(6))).toBe('tunnel');
  });
});

function readSlowly(socket: Socket, take: (bytes: Buffer) => void): void {
  socket.on('data', (bytes: Buffer) => {
    take(bytes);
    socket.pause();
    setImmediate(() => socket.resume());
  });
}

/** Writes until the socket takes no more, and on. Returns how much it was given at first. */
function flood(socket: Socket): number {
  const piece = Buffer.alloc(65_536);
  let given = 0;
  const more = (): void => {
    while (given < 200_000_000 && !socket.destroyed) {
      given += piece.length;
      if (!socket.write(piece)) return;
    }
  };
  socket.on('drain', more);
  more();
  return given;
}

/** Resolves when a number has not changed for a thousand turns of the event loop. */
async function settled(count: () => number): Promise<void> {
  let before = count();
  for (let turns = 0; turns < 1_000; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (count() !== before) turns = 0;
    before = count();
  }
}

function fails(): never {
  throw new Error('the hook of a test');
}
