import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { PooledBackend } from 'pooled-backend';
import { answer, execute } from 'pooled-backend/testing';
import { expect, onTestFinished, test } from 'vitest';
import { client, serve, startBackend, startOrigin } from './setting.js';

/** Uploads nothing until the whole answer and the FIN behind it are there, then everything. */
async function lateUpload(port: number, bytes: number): Promise<{ received: string; hadError: boolean }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  let received = '';
  let hadError = false;
  socket.on('data', (data) => {
    received += data.toString('latin1');
  });
  socket.on('error', () => {
    hadError = true;
  });
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`);
  await once(socket, 'end');
  const piece = Buffer.alloc(65_536);
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += piece.length) {
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  }
  socket.end();
  if (!socket.destroyed) await once(socket, 'close');
  return { received, hadError };
}

test.each([
  ['of the origin', [execute(), answer({ status: 413, body: 'too long' })], 'HTTP/1.1 413 '],
  ['of ours', [{ do: 'close' } as const], 'HTTP/1.1 502 '],
] as const)('an early answer %s is not lost to a reset while the client still sends', async (_whose, steps, start) => {
  const origin = await startOrigin({ rules: [{ at: 'head', steps }] });
  const port = await serve(startBackend(origin).handler({ requestBufferBytes: false }));
  const { received, hadError } = await lateUpload(port, 16 * 65_536);
  expect([received.startsWith(start), received.includes('\r\nConnection: close\r\n'), hadError]).toEqual([
    true,
    true,
    false,
  ]);
});

test.each([
  ['an error handler', (asked: IncomingMessage) => asked.socket.destroy()],
  ['a timeout of the app', (_asked: IncomingMessage, res: ServerResponse | undefined) => res?.end('mine')],
])('an upload that %s has answered half-way does not block the next request', async (_who, act) => {
  let relayed: ServerResponse | undefined;
  const origin = await serve((asked) => void act(asked, relayed));
  const backend = new PooledBackend(`http://127.0.0.1:${origin}`);
  onTestFinished(() => backend.destroy());
  const handle = backend.handler({ requestBufferBytes: false });
  const port = await serve((req, res) => {
    if (req.method === 'GET') res.end('next');
    else handle(req, res, () => void res.end('mine'));
    relayed ??= res;
  });
  const asked = await client(port);
  asked.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n');
  asked.write(Buffer.alloc(500_000));
  expect(String((await asked.readResponse()).body)).toBe('mine');
  asked.write(Buffer.alloc(500_000));
  expect(String((await asked.get('/')).body)).toBe('next');
});
