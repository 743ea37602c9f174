import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { PooledBackend } from 'pooled-backend';
import { answer, execute, type Script, send } from 'pooled-backend/testing';
import { expect, onTestFinished, test } from 'vitest';
import { authority, cert, key } from './certificate.js';
import { checkAtRest, load, outcomeOf, startBackend, startOrigin } from './setting.js';

const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray';

// In a write, so in a TLS record, of its own: both are read from the kernel at once, and given out one after the other.
const script: Script = ({ request }) => [execute(), answer({ body: request.id }), send(stray)];

test.each(['GET', 'POST'])('nobody gets the second response that was decrypted with the first (%s)', async (method) => {
  const origin = await startOrigin({ script, tls: { key, cert } });
  const options = { maxConnections: 3, nonIdempotent: 'any', spareConnections: false } as const;
  const backend = startBackend(origin, { ...options, tls: { ca: authority } });
  const outcomes = await load(backend, { method, count: 20, lanes: 6 });
  expect([...outcomes.values()].filter((outcome) => !('code' in outcome) && outcome.body === 'stray')).toEqual([]);
  checkAtRest(backend, 3);
});

test('a full TLS pool keeps its connections, though their answers come before Node says that the requests were written', async () => {
  const origin = await startOrigin({ thread: true, tls: { key, cert } });
  const backend = startBackend(origin, { maxConnections: 4, tls: { ca: authority } });
  await load(backend, { count: 60, lanes: 16 });
  const [stats] = backend.stats().origins;
  expect({ dialled: stats?.dialled, closed: stats?.closed }).toEqual({ dialled: 4, closed: {} });
});

const CHANGE_CIPHER_SPEC = 20;
const APPLICATION_DATA = 23;

/** Passes bytes on to a port and back, but the end of the first TLS 1.2 handshake only together with what comes after it. */
async function wireTo(port: number): Promise<number> {
  let isFirst = true;
  const wire = createServer((client) => {
    const origin = connect(port, '127.0.0.1');
    let held = Buffer.alloc(0);
    let holds = isFirst;
    isFirst = false;
    origin.on('data', (bytes: Buffer) => {
      held = Buffer.concat([held, bytes]);
      const records = recordsIn(held);
      const end = records.find(({ type }) => type === CHANGE_CIPHER_SPEC);
      if (records.some(({ type }) => type === APPLICATION_DATA)) holds = false;
      const passed = holds ? (end?.from ?? records.at(-1)?.to ?? 0) : held.length;
      client.write(held.subarray(0, passed));
      held = held.subarray(passed);
    });
    client.pipe(origin);
    client.on('error', () => {}).on('close', () => origin.destroy());
    origin.on('error', () => {}).on('close', () => client.destroy());
  });
  return listen(wire);
}

async function listen(server: Server): Promise<number> {
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** The whole records at the beginning of these bytes. */
function recordsIn(bytes: Buffer) {
  const records = [];
  for (let from = 0; from + 5 <= bytes.length; ) {
    const to = from + 5 + bytes.readUInt16BE(from + 3);
    if (to > bytes.length) break;
    records.push({ type: bytes[from], from, to });
    from = to;
  }
  return records;
}

test.each(['GET', 'POST'])('nobody gets what one read brought with the end of a handshake (%s)', async (method) => {
  let connections = 0;
  const server = createTlsServer({ key, cert }, (socket) => {
    connections += 1;
    socket.on('error', () => {});
    if (connections === 1) socket.write(stray);
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown'));
  });
  const port = await wireTo(await listen(server));
  const backend = new PooledBackend({
    origins: [`https://127.0.0.1:${port}`],
    // In TLS 1.3 the last word of a handshake is the client's.
    tls: { ca: authority, maxVersion: 'TLSv1.2' },
  });
  onTestFinished(() => backend.destroy());
  expect(await outcomeOf(backend, { method })).toEqual({ status: 200, body: 'own', attempts: 1 });
});
