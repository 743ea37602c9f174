/** An origin that hangs up on who resumes a TLS session, in the place of a whole handshake: its store of sessions is down. */

import { constants } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { PooledBackend } from '../../src/index.js';
import { authority, cert, key } from './certificate.js';
import { outcomeOf } from './setting.js';

test('a session that an origin refuses is not offered again: it is reached by a whole handshake', async () => {
  const versions = { maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET } as const;
  const server = createServer({ key, cert, ...versions }, (_req, res) => res.end('here'));
  const stored = new Set<string>();
  let resumed = 0;
  server.on('newSession', (id: Buffer, _session: Buffer, done: () => void) => {
    stored.add(id.toString('hex'));
    done();
  });
  server.on('resumeSession', (id: Buffer, done: (error: Error | null, session: Buffer | null) => void) => {
    const isOurs = stored.has(id.toString('hex')); // else it is one that means nothing, for the sake of TLS 1.3
    if (isOurs) resumed += 1;
    done(isOurs ? new Error('the store is down') : null, null);
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const backend = new PooledBackend({
    origins: [`https://127.0.0.1:${port}`],
    ...{ tls: { ca: authority }, spareConnections: false },
  });
  onTestFinished(() => {
    backend.destroy();
    server.close();
  });
  const posted = async () => await outcomeOf(backend, { method: 'POST', body: 'x' });
  const outcomes = [await posted(), await posted()];
  expect([outcomes, resumed]).toEqual([Array(2).fill({ status: 200, body: 'here', attempts: 1 }), 1]);
});
