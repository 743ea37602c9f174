/** An origin that asks for a client certificate: with TLS 1.3 it refuses who has none after the handshake, as an alert. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { BackendError, PooledBackend } from '../../src/index.js';
import { cert, key } from './certificate.js';

test.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s a refused client is told so', async (version) => {
  const asks = { requestCert: true, rejectUnauthorized: true, ca: cert };
  const server = createServer({ key, cert, ...asks, minVersion: version, maxVersion: version });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const backend = new PooledBackend({
    origins: [`https://127.0.0.1:${(server.address() as AddressInfo).port}`],
    tls: { rejectUnauthorized: false },
    ...{ queueTimeout: 200, maxAttempts: 1 },
  });
  onTestFinished(async () => {
    backend.destroy();
    server.close();
  });
  const failed: unknown = await backend.request({ path: '/' }).catch((error: unknown) => error);
  expect(BackendError.is(failed) && failed.code).toBe('tls_alert_received');
});
