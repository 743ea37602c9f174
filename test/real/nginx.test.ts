import { Agent, createServer, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { PooledBackend } from 'pooled-backend';
import { afterEach, expect, test } from 'vitest';
import { type Child, startChild } from '../../bench/rig/child.mjs';
import { listen } from '../../bench/rig/listen.mjs';
import { findNginx } from '../../bench/rig/nginx.mjs';
import { send } from './client.js';
import { NginxOrigin } from './nginx-origin.js';
import {
  describeWith,
  executedPosts,
  expectPromises,
  idleLimits,
  limitsAreBelow,
  meetIdleCloses,
  startLoad as startLoadOfModes,
  startProxy as startProxyOfModes,
} from './setting.js';

const RELOAD_EVERY_MS = 250;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function startOrigins(directives: string): Promise<NginxOrigin[]> {
  const origins = await Promise.all([NginxOrigin.start(directives), NginxOrigin.start(directives)]);
  for (const origin of origins) closing.push(() => origin.stop());
  return origins;
}

async function startProxy(backend: PooledBackend): Promise<number> {
  const server: Server = createServer(backend.handler());
  server.keepAliveTimeout = 60_000; // the load is not to meet the front's own
  const port = await listen(server);
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await backend.close({ timeout: 1000 });
  });
  return port;
}

/** In its own process: only a proxy that is kept busy from outside meets a close with a request. */
async function startLoad(port: number, connections: number, request: string): Promise<Child> {
  const load = await startChild(new URL('../../bench/rig/load.mjs', import.meta.url), { port, connections, request });
  closing.push(() => load.stop());
  return load;
}

describeWith(findNginx()?.file, 'nginx', 'in front of two nginx', () => {
  test('3,000 keep-alive clients and 300 one-shot ones share 50 connections to each, opened once', async () => {
    // Answers that wait for each other make the warm-up need every connection that it may have.
    const held: ServerResponse[] = [];
    const slow = createServer((_, response) => {
      held.push(response);
      if (held.length >= 100) for (const one of held.splice(0)) one.end('slow');
    });
    const slowPort = await listen(slow);
    closing.push(async () => slow.close());
    const origins = await startOrigins(
      `keepalive_requests 1000000; location /slow { proxy_pass http://127.0.0.1:${slowPort}; }`,
    );
    const backend = new PooledBackend({
      origins: origins.map(({ url }) => url),
      maxConnections: 50,
      queueTimeout: 30_000,
    });
    const port = await startProxy(backend);
    const agent = new Agent({ keepAlive: true, maxSockets: 3000, maxFreeSockets: 3000 });
    closing.push(async () => agent.destroy());
    const wave = async () => {
      const keepAlive = Array.from({ length: 3000 }, (_, number) => send(port, 'GET', `/kept/${number}`, agent));
      const oneShot = Array.from({ length: 300 }, (_, number) => send(port, 'GET', `/once/${number}`, false));
      return Promise.all([...keepAlive, ...oneShot]);
    };
    let watching = true;
    const mostActive = [0, 0];
    const watch = (async () => {
      while (watching) {
        for (const [index, origin] of origins.entries()) {
          mostActive[index] = Math.max(mostActive[index] ?? 0, (await origin.connections()).active);
        }
        await sleep(10);
      }
    })();

    const warmUp = await Promise.all(Array.from({ length: 400 }, () => send(port, 'GET', '/slow', agent)));
    const acceptedInWarmUp = await Promise.all(origins.map(async (origin) => (await origin.connections()).accepted));
    const answers = [...(await wave()), ...(await wave()), ...(await wave())];
    const accepted = await Promise.all(origins.map(async (origin) => (await origin.connections()).accepted));
    watching = false;
    await watch;

    expect([...warmUp, ...answers].filter(({ status }) => status !== 200)).toEqual([]);
    const opened = backend.stats().origins.map(({ dialled, closed }) => ({ dialled, closed }));
    expect(opened.map(({ closed }) => Object.values(closed).filter((count) => count > 0))).toEqual([[], []]);
    expect(opened.map(({ dialled }) => dialled)).toEqual([50, 50]);
    expect(acceptedInWarmUp).toEqual([50, 50]);
    expect(accepted).toEqual(acceptedInWarmUp);
    for (const most of mostActive) expect(most).toBeLessThanOrEqual(50);
    expect(new Set(answers.map(({ body }) => body)).size).toBe(3300);
  });

  test.each(['fresh', 'verified', 'any'] as const)(
    "that close after 10 requests or 1 s idle and reload under load, no GET fails and no POST is executed twice ('%s')",
    async (nonIdempotent) => {
      const origins = await startOrigins('keepalive_timeout 1s; keepalive_requests 10;');
      const backend = new PooledBackend({
        origins: origins.map(({ url }) => url),
        maxConnections: 50,
        queueTimeout: 30_000,
        nonIdempotent,
      });
      const port = await startProxy(backend);
      const gets = await startLoad(port, 48, 'GET /{n} HTTP/1.1\r\nhost: x\r\n\r\n');
      const posts = await startLoad(port, 16, 'POST /{n} HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody');
      const reloads = setInterval(() => origins[Math.random() < 0.5 ? 0 : 1]?.reload(), RELOAD_EVERY_MS);

      const [got, posted] = await Promise.all([gets.ask('run', { seconds: 5 }), posts.ask('run', { seconds: 5 })]);
      clearInterval(reloads);

      const executed = await executedPosts(() => origins.flatMap((origin) => origin.executed()), posted.requests);
      expect(got.errors).toEqual({});
      expect(got.requests).toBeGreaterThan(100); // many times ten, on however loaded a machine
      expect(new Set(executed).size).toBe(executed.length);
      expect(posted.requests).toBeGreaterThan(20);
    },
  );

  test('that closes after 1 s idle without a word of it: the limit is learned and ends below 1 s', async () => {
    const [origin] = await startOrigins('keepalive_timeout 1s;');
    const proxy = await startProxyOfModes([origin?.url ?? '']);
    const gets = await startLoadOfModes(proxy.port, 'GET', 12);
    const posts = await startLoadOfModes(proxy.port, 'POST', 6);
    await meetIdleCloses([gets, posts], 1000, { learned: () => limitsAreBelow(proxy, 1000) });
    await expectPromises(gets, posts, () => origin?.executed() ?? []);
    for (const limit of idleLimits(proxy)) expect(limit).toBeLessThan(1000);
  });
});
