/** A backend through all the ways to an origin: TLS of every sort, unix sockets, both families. */

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, LookupFunction, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { PooledBackend } from 'pooled-backend';
import { describe, expect, onTestFinished, test } from 'vitest';
import { client, serve } from '../mount/setting.js';
import { authority, cert, key } from './certificate.js';
import { backendOf, startOrigin } from './setting.js';

/** Resolves every name to this machine. */
const lookup: LookupFunction = (_name, options, done) => {
  if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
  else done(null, '127.0.0.1', 4);
};

/** As localhost is on most machines. */
const bothFamilies: LookupFunction = (_name, options, done) => {
  if (options.all !== true) throw new Error('the dial does not race the families');
  done(null, [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ]);
};

async function listening(server: Server, where: string | { readonly path: string } = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(typeof where === 'string' ? { host: where, port: 0 } : where, resolve);
  });
  onTestFinished(() => void server.close());
  const address = server.address() as AddressInfo | string;
  return typeof address === 'string' ? 0 : address.port;
}

/** The path of a socket that is removed with the test. */
function socketOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'socket');
}

/** Answers what the origin knows of its connection. */
const tell: RequestListener = (request, response) => {
  const socket = request.socket as TLSSocket;
  const { alpnProtocol, authorized } = socket;
  const servername = Reflect.get(socket, 'servername');
  response.end(JSON.stringify({ alpnProtocol, authorized, servername, host: request.headers.host }));
};

async function told(backend: PooledBackend): Promise<Record<string, unknown>> {
  return (await (await backend.request({ path: '/' })).body.json()) as Record<string, unknown>;
}

describe('over TLS', () => {
  const origin = (options: ServerOptions = {}) => listening(createHttpsServer({ key, cert, ...options }, tell));

  test('the server name is the host of the origin, and the protocol http/1.1', async () => {
    const port = await origin({ ALPNProtocols: ['h2', 'http/1.1'] });
    const backend = backendOf({ origins: [`https://localhost:${port}`], tls: { ca: authority } });
    expect(await told(backend)).toMatchObject({
      alpnProtocol: 'http/1.1',
      servername: 'localhost',
      host: `localhost:${port}`,
    });
  });

  test('the server name that is given is asked for and checked in its place', async () => {
    const port = await origin();
    const options = { origins: [`https://other.test:${port}`], connect: { lookup } };
    const backend = backendOf({ ...options, tls: { ca: authority, servername: 'localhost' } });
    expect(await told(backend)).toMatchObject({ servername: 'localhost', host: `other.test:${port}` });
  });

  test('an address that is given for a server name is checked in its place, and not asked for', async () => {
    const port = await origin();
    const options = { origins: [`https://other.test:${port}`], connect: { lookup }, queueTimeout: 1_000 };
    const backend = backendOf({ ...options, tls: { ca: authority, servername: '127.0.0.1' } });
    expect(await told(backend)).toMatchObject({ servername: false, host: `other.test:${port}` });
    const another = backendOf({ ...options, tls: { ca: authority, servername: '10.9.9.9' } });
    await expect(told(another)).rejects.toMatchObject({ code: 'tls_certificate_error' });
  });

  test('an origin that is reached by its address is asked for, and checked, by the name that it is given', async () => {
    const port = await origin();
    const options = { url: `https://127.0.0.1:${port}`, host: 'localhost:8443' };
    const backend = backendOf({ origins: [options], tls: { ca: authority } });
    expect(await told(backend)).toMatchObject({ servername: 'localhost', host: 'localhost:8443' });
  });

  test('a certificate that is not for the name of an origin is refused, whatever its address', async () => {
    const port = await origin();
    const options = { url: `https://127.0.0.1:${port}`, host: 'other.test' };
    const backend = backendOf({ origins: [options], tls: { ca: authority }, queueTimeout: 1_000 });
    await expect(told(backend)).rejects.toMatchObject({ code: 'tls_certificate_error' });
  });

  test.each([
    ['the address that it is given', { host: '10.9.9.9' }],
    ['its address, on a unix socket', { url: 'https://10.9.9.9', socketPath: '' }],
  ])('a certificate is checked for %s, not for where it is dialled', async (_what, given) => {
    const socketPath = 'socketPath' in given ? socketOfTest() : undefined;
    const server = createHttpsServer({ key, cert }, tell);
    const port = await listening(server, socketPath === undefined ? undefined : { path: socketPath });
    const options = { url: `https://127.0.0.1:${port}`, ...given, socketPath };
    const backend = backendOf({ origins: [options], tls: { ca: authority }, queueTimeout: 1_000 });
    await expect(told(backend)).rejects.toMatchObject({ code: 'tls_certificate_error' });
  });

  test('an address is no server name', async () => {
    const port = await origin();
    const backend = backendOf({ origins: [`https://127.0.0.1:${port}`], tls: { ca: authority } });
    expect(await told(backend)).toMatchObject({ servername: false });
  });

  test('a certificate of ours is shown to an origin that wants one', async () => {
    const port = await origin({ requestCert: true, rejectUnauthorized: true, ca: authority });
    const origins = [`https://localhost:${port}`];
    expect(await told(backendOf({ origins, tls: { ca: authority, key, cert } }))).toMatchObject({ authorized: true });
    // TLS 1.3 refuses after the handshake: the first request meets the alert.
    const outcome = await backendOf({ origins, tls: { ca: authority }, queueTimeout: 1_000 })
      .request({ method: 'POST', path: '/' })
      .catch((error) => error);
    expect(outcome).toMatchObject({ statusCode: 502 });
  });

  test('a session is resumed by the connections that follow', async () => {
    const script = await startOrigin({ tls: { key, cert } });
    const backend = backendOf({
      origins: [script.url.replace('127.0.0.1', 'localhost')],
      tls: { ca: authority },
      maxRequestsPerConnection: 1,
    });
    for (let count = 0; count < 4; count += 1) await (await backend.request({ path: '/' })).body.text();
    expect(script.connections.map(({ tls }) => tls?.resumed)).toEqual([false, true, true, true]);
  });

  test.each([
    ['an authority that nobody knows', {}, 'localhost'],
    ['another name', { ca: authority }, 'other.test'],
  ])('a certificate of %s is 502 with tls_certificate_error, at once', async (_what, tls, name) => {
    const port = await origin();
    const backend = backendOf({ origins: [`https://${name}:${port}`], tls, connect: { lookup } });
    const response = await (await client(await serve(backend.handler()))).get('/');
    expect([response.status, response.headers['proxy-status']]).toEqual([
      502,
      'pooled-backend; error=tls_certificate_error',
    ]);
    expect(backend.stats().origins[0]?.connections.open).toBe(0);
  });

  test('an origin that speaks no TLS is 502', async () => {
    const port = await listening(createServer(tell));
    const backend = backendOf({ origins: [`https://localhost:${port}`], tls: { ca: authority }, queueTimeout: 1_000 });
    const response = await (await client(await serve(backend.handler()))).get('/');
    expect([response.status, response.headers['proxy-status']?.replace(/.*=/, '')]).toEqual([
      502,
      'tls_protocol_error',
    ]);
  });
});

describe('an origin', () => {
  test('on a unix socket is reached under the name that is given', async () => {
    const socketPath = socketOfTest();
    await listening(createServer(tell), { path: socketPath });
    const backend = backendOf({ origins: [{ url: 'http://app.internal', socketPath }] });
    expect(await told(backend)).toMatchObject({ host: 'app.internal' });
    expect(backend.stats().origins).toMatchObject([{ origin: 'http://app.internal:80' }]);
  });

  test('with an IPv6 literal is reached, brackets in Host', async () => {
    const port = await listening(createServer(tell), '::1');
    expect(await told(backendOf({ origins: [`http://[::1]:${port}`] }))).toMatchObject({ host: `[::1]:${port}` });
  });

  test.each(['127.0.0.1', '::1'])(
    'whose name has addresses of both families is reached though it listens on %s alone',
    async (address) => {
      const port = await listening(createServer(tell), address);
      const backend = backendOf({ origins: [`http://localhost:${port}`], connect: { lookup: bothFamilies } });
      expect(await told(backend)).toMatchObject({ host: `localhost:${port}` });
    },
  );
});
