/** How tunnels, and upgrades on their way, come to an end: limits, departures, failures, and a backend that closes. */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { CloseOptions } from 'pooled-backend';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { resetError } from '../../src/connection/liveness.js';
import { checkAtRest } from '../wire/setting.js';
import { client, until } from './setting.js';
import {
  allOf,
  asking,
  type Front,
  halfOpenSocket,
  rawUpgradeOrigin,
  startFront,
  switching,
  webSocket,
  webSocketOrigin,
} from './upgrade-setting.js';

const openTunnels = ({ backend }: Front): number => backend.stats().origins[0]?.tunnels.open ?? -1;

/** An origin that switches, says hello and keeps what it hears; its sockets in order. */
async function listeningOrigin(): Promise<{ readonly port: number; readonly sockets: Socket[]; heard: string }> {
  const sockets: Socket[] = [];
  const origin = { port: 0, sockets, heard: '' };
  origin.port = await rawUpgradeOrigin((socket) => {
    sockets.push(socket);
    socket.on('data', (bytes) => {
      origin.heard += bytes.toString('latin1');
    });
    socket.write(`${switching('a')}hello`);
  });
  return origin;
}

async function openTunnel(port: number) {
  const asked = await client(port);
  asked.write(asking('a'));
  await asked.readResponse();
  await asked.bytes(5);
  return asked;
}

describe('limits', () => {
  test('a tunnel that carries nothing for idleTimeout is ended on both sides', async () => {
    const origin = await listeningOrigin();
    const front = await startFront(origin.port, { upgrade: { idleTimeout: 60 } });
    const asked = await openTunnel(front.port);
    const ended = origin.sockets.map((socket) => once(socket, 'end'));
    expect(await asked.ended()).toBe('fin');
    await Promise.all(ended);
    await until(() => openTunnels(front) === 0);
    checkAtRest(front.backend);
  });

  test('bytes of either side keep it open', async () => {
    const origin = await listeningOrigin();
    const front = await startFront(origin.port, { upgrade: { idleTimeout: 120 } });
    const asked = await openTunnel(front.port);
    for (let i = 0; i < 8; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (i % 2 === 0) asked.write('c');
      else origin.sockets[0]?.write('o');
    }
    expect(openTunnels(front)).toBe(1);
    await asked.ended();
  });

  test('a tunnel lasts no longer than maxDuration, however busy it is', async () => {
    const origin = await listeningOrigin();
    const front = await startFront(origin.port, { upgrade: { maxDuration: 80 } });
    const asked = await openTunnel(front.port);
    const busy = setInterval(() => asked.write('x'), 5);
    onTestFinished(() => clearInterval(busy));
    expect(await asked.ended()).toBe('fin');
    await until(() => openTunnels(front) === 0);
  });

  test('whoever does not close its half when the limit is reached is cut off', async () => {
    const origin = await listeningOrigin(); // it never ends its half
    const front = await startFront(origin.port, { upgrade: { maxDuration: 50 } });
    const socket = await halfOpenSocket(front.port);
    socket.write(asking('a'));
    socket.resume();
    await once(socket, 'end');
    expect(front.sockets[0]?.destroyed).toBe(false);
    await once(front.sockets[0] as Socket, 'close');
    await until(() => openTunnels(front) === 0);
    checkAtRest(front.backend);
  });

  test('tunnels count against maxConnections, and their slots are free again when they end', async () => {
    const origin = await listeningOrigin();
    const front = await startFront(origin.port, { backend: { maxConnections: 1, queueTimeout: 1_000 } });
    const asked = await openTunnel(front.port);
    const second = await client(front.port);
    second.write(asking('a'));
    expect((await second.readResponse()).status).toBe(503);
    asked.end();
    await once(origin.sockets[0] as Socket, 'end');
    origin.sockets[0]?.end();
    await until(() => openTunnels(front) === 0);
    await openTunnel(front.port);
    expect(front.backend.stats().origins[0]?.tunnels).toEqual({ open: 1, opened: 2 });
  });
});

describe('the hook of a 101', () => {
  test.each([
    ['throws', fails],
    ['rejects', async () => fails()],
  ])('that %s is 500, and who watches is told of a failure, not of a tunnel', async (_how, onResponseFields) => {
    const origin = await listeningOrigin();
    const front = await startFront(origin.port, { upgrade: { onResponseFields } });
    const told = news(front);
    const asked = await client(front.port);
    asked.write(asking('a'));
    expect((await asked.readResponse()).status).toBe(500);
    await until(() => front.backend.stats().inFlight === 0 && openTunnels(front) === 0);
    expect(told).toEqual([['proxy_internal_error', 'answered', expect.objectContaining({ message: 'mine' })]]);
    checkAtRest(front.backend);
  });

  test('that is kept is told of once, with the 101', async () => {
    const origin = await listeningOrigin();
    const front = await startFront(origin.port, { upgrade: { onResponseFields: async (fields) => fields } });
    const told = news(front);
    await openTunnel(front.port);
    expect(told).toEqual([101]);
    expect(front.backend.stats().inFlight).toBe(0);
  });
});

/** What becomes of the requests, as events tell: the status, or the failure. */
function news({ backend }: Front): readonly unknown[] {
  const told: unknown[] = [];
  backend.on('fail', ({ error }) => told.push([error.code, error.delivery, error.cause]));
  backend.on('request', ({ statusCode }) => told.push(statusCode));
  return told;
}

function fails(): never {
  throw new Error('mine');
}

describe('departures', () => {
  test('a client that leaves while it waits gives up its place', async () => {
    const heads: string[] = [];
    const front = await startFront(await rawUpgradeOrigin((_socket, head) => heads.push(head)));
    for (const leave of ['end', 'reset', 'destroy'] as const) {
      const asked = await client(front.port);
      asked.write(asking('a', `/${leave}`));
      await until(() => heads.some((head) => head.includes(leave)));
      asked[leave]();
      await until(() => front.backend.stats().inFlight === 0);
    }
    expect(front.backend.stats().origins[0]?.closed).toEqual({ aborted: 3 });
    checkAtRest(front.backend);
  });

  test('a client that leaves the queue is not sent', async () => {
    const origin = await listeningOrigin();
    const front = await startFront(origin.port, { backend: { maxConnections: 1 } });
    await openTunnel(front.port);
    const second = await client(front.port);
    second.write(asking('a'));
    await until(() => front.backend.stats().queue.length === 1);
    second.end();
    await until(() => front.backend.stats().queue.length === 0);
    expect(origin.sockets.length).toBe(1);
  });

  test.each(['', 'half'])('a client that is reset in a tunnel resets the origin (behind %j)', async (bytes) => {
    const origin = await listeningOrigin();
    const front = await startFront(origin.port);
    const asked = await openTunnel(front.port);
    const socket = origin.sockets[0] as Socket;
    const failed = new Promise((resolve) => {
      socket.on('error', resolve).on('end', () => resolve(resetError(socket)));
    });
    asked.write(bytes);
    asked.reset();
    expect(await failed).toMatchObject({ code: 'ECONNRESET' });
    await until(() => openTunnels(front) === 0);
    checkAtRest(front.backend);
  });

  test.each(['', 'half'])(
    'an origin that is reset in a tunnel resets the client, so that nothing looks whole (behind %j)',
    async (bytes) => {
      const origin = await listeningOrigin();
      const front = await startFront(origin.port);
      const asked = await openTunnel(front.port);
      origin.sockets[0]?.write(bytes);
      origin.sockets[0]?.resetAndDestroy();
      expect(await asked.ended()).toBe('rst');
      await until(() => openTunnels(front) === 0);
    },
  );

  test('a client that never reads a refusal is cut off after clientTimeout', async () => {
    const refusal = `HTTP/1.1 403 Forbidden\r\nContent-Length: 30000000\r\n\r\n${'x'.repeat(30_000_000)}`;
    const front = await startFront(await rawUpgradeOrigin((socket) => socket.write(refusal)), {
      upgrade: { clientTimeout: 80 },
    });
    const socket = await halfOpenSocket(front.port);
    socket.write(asking('a'));
    await until(() => front.backend.stats().origins[0]?.connections.busy === 1);
    await until(() => front.backend.stats().inFlight === 0);
    await until(() => front.sockets[0]?.destroyed === true);
    expect(front.backend.stats().spool.bytes).toBe(0);
    checkAtRest(front.backend);
  });

  test('200 clients that leave at any moment leave nothing behind', async () => {
    const front = await startFront(await webSocketOrigin(), { backend: { maxConnections: 20 } });
    const clients = Array.from({ length: 200 }, async (_, i) => {
      const socket = await halfOpenSocket(front.port);
      socket.resume();
      socket.write(
        asking('websocket', '/', 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'),
      );
      for (let turns = 0; turns < i % 40; turns += 1) await new Promise((resolve) => setImmediate(resolve));
      if (i % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    });
    await Promise.all(clients);
    await until(() => front.backend.stats().inFlight === 0 && openTunnels(front) === 0);
    checkAtRest(front.backend, 20);
    (await webSocket(front.port)).terminate();
  });
});

describe('close()', () => {
  test('without a timeout it ends the tunnels at once when no request is under way', async () => {
    const front = await startFront(await webSocketOrigin());
    const socket = await webSocket(front.port);
    const closed = once(socket, 'close');
    await front.backend.close();
    expect((await closed)[0]).toBe(1006);
    checkAtRest(front.backend);
  });

  test('without a timeout it waits for the requests first, while tunnels go on', async () => {
    let answer = (): unknown => undefined;
    const origin = await rawUpgradeOrigin((socket, head) => {
      if (head.includes('Upgrade')) {
        socket.write(switching('a'));
        socket.on('data', (bytes) => socket.write(bytes)).on('end', () => socket.end());
      } else answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    const front = await startFront(origin);
    const tunnel = await client(front.port);
    tunnel.write(asking('a'));
    await tunnel.readResponse();
    const plain = await client(front.port);
    plain.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => front.backend.stats().origins[0]?.connections.busy === 2);
    const closed = front.backend.close();
    tunnel.write('echo');
    expect(String(await tunnel.bytes(4))).toBe('echo');
    await until(() => answer() !== undefined);
    expect((await plain.readResponse()).status).toBe(200);
    await closed;
    expect(await tunnel.ended()).toBe('fin');
  });

  test('what was read from one side still reaches the other', async () => {
    const origin = await rawUpgradeOrigin((socket) => {
      socket.write(switching('a'));
      socket.write(Buffer.alloc(50_000_000));
      socket.on('end', () => socket.end()).resume();
    });
    const front = await startFront(origin);
    const socket = await halfOpenSocket(front.port);
    socket.write(asking('a'));
    await until(() => front.sockets[0]?.writableNeedDrain === true);
    const closed = front.backend.close();
    const read = front.sockets[0]?.bytesWritten;
    expect((await allOf(socket)).length).toBe(read);
    socket.end();
    await closed;
  });

  test.each<[string, CloseOptions, string]>([
    ['without a timeout: the client gets its 101, and the end', {}, 'fin'],
    ['with one: the tunnel ends by itself', { timeout: 60_000 }, 'echo'],
  ])('it waits for the hook of a 101, %s', async (_, options, expected) => {
    let letGo = () => {};
    const asked = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let keep = () => {};
    const kept = new Promise<void>((resolve) => {
      keep = resolve;
    });
    const origin = await rawUpgradeOrigin((socket) => {
      socket.write(switching('a'));
      socket.on('data', (bytes) => socket.write(bytes)).on('end', () => socket.end());
    });
    const onResponseFields = async (fields: string[]) => {
      letGo();
      await kept;
      return fields;
    };
    const front = await startFront(origin, { upgrade: { onResponseFields } });
    const tunnel = await client(front.port);
    tunnel.write(asking('a'));
    await asked;
    const closed = front.backend.close(options);
    await new Promise(setImmediate);
    keep();
    expect((await tunnel.readResponse()).status).toBe(101);
    if (expected === 'echo') {
      tunnel.write('echo');
      expect(String(await tunnel.bytes(4))).toBe('echo');
      tunnel.end();
    }
    expect(await tunnel.ended()).toBe('fin');
    await closed;
    checkAtRest(front.backend);
  });

  test('it does not wait for a hook that is never done when the client has left, nor does destroy(), which is told', async () => {
    const origin = await rawUpgradeOrigin((socket) => socket.write(switching('a')));
    for (const leave of ['client', 'destroy'] as const) {
      let letGo = () => {};
      const asked = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const onResponseFields = () => {
        letGo();
        return new Promise<string[]>(() => undefined);
      };
      const front = await startFront(origin, { upgrade: { onResponseFields } });
      const told = news(front);
      const tunnel = await client(front.port);
      tunnel.write(asking('a'));
      await asked;
      const closed = front.backend.close();
      if (leave === 'client') tunnel.reset();
      else {
        front.backend.destroy();
        expect((await tunnel.readResponse()).status).toBe(503);
      }
      await closed;
      expect(told).toEqual([[leave === 'client' ? 'client_aborted' : 'backend_closed', 'answered', undefined]]);
      checkAtRest(front.backend);
    }
  });

  test('with a timeout tunnels have until then to end by themselves', async () => {
    const front = await startFront(await webSocketOrigin());
    const socket = await webSocket(front.port);
    const closed = front.backend.close({ timeout: 60_000 });
    socket.send('still here');
    expect(String((await once(socket, 'message'))[0])).toBe('still here');
    socket.close(1001);
    await closed;
    checkAtRest(front.backend);
  });

  test('with a timeout they are destroyed when it is over', async () => {
    const front = await startFront(await webSocketOrigin());
    const socket = await webSocket(front.port);
    socket.on('error', () => undefined);
    const closed = once(socket, 'close');
    await front.backend.close({ timeout: 50 });
    expect((await closed)[0]).toBe(1006);
    expect(front.backend.stats().origins[0]?.closed).toMatchObject({ destroyed: 1 });
  });

  test('destroy() ends those, too, whose origin has gone and whose client does not read', async () => {
    const origin = await rawUpgradeOrigin((socket) => {
      socket.end(`${switching('a')}${'x'.repeat(30_000_000)}`);
      socket.resume();
    });
    const front = await startFront(origin);
    const socket = await halfOpenSocket(front.port);
    socket.pause();
    socket.end(`${asking('a')}last words`);
    await until(() => front.sockets[0]?.writableNeedDrain === true);
    front.backend.destroy();
    await until(() => front.sockets[0]?.destroyed === true);
  });

  test('destroy() ends them now', async () => {
    const front = await startFront(await webSocketOrigin());
    const socket: WebSocket = await webSocket(front.port);
    socket.on('error', () => undefined);
    front.backend.destroy();
    await once(socket, 'close');
    await until(() => openTunnels(front) === 0);
    expect(socket.readyState).toBe(WebSocket.CLOSED);
  });
});
