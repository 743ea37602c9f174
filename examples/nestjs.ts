/** NestJS on Express: a module mounts the backend under a path, and closes it with the application. */

import 'reflect-metadata';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type MiddlewareConsumer, Module, type NestModule, type OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PooledBackend } from 'pooled-backend';

const origin = createServer((req, res) => {
  if (req.url === '/crash') req.socket.destroy();
  else res.end(`${req.method} ${req.url}, asked through ${req.headers['x-forwarded-host']}\n`);
}).listen(0, '127.0.0.1');
await once(origin, 'listening');

const backend = new PooledBackend(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
const handle = backend.handler();

class GatewayModule implements NestModule, OnApplicationShutdown {
  configure(consumer: MiddlewareConsumer): void {
    // Everything under /api, which Express strips from the path. Of 'api/*path' it would strip all.
    // Without `next`: Nest answers each failure that it is given with 500 and, before Nest 12, shows the client its message.
    consumer.apply((req: IncomingMessage, res: ServerResponse) => handle(req, res)).forRoutes('api');
  }

  async onApplicationShutdown(): Promise<void> {
    await backend.close({ timeout: 10_000 }); // finishes what has begun
  }
}
Module({})(GatewayModule); // as a decorator: @Module({})

// Without Nest's body parser: bodies are relayed as they come.
const app = await NestFactory.create(GatewayModule, { bodyParser: false, logger: false });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');

const url = await app.getUrl();
for (const method of ['GET', 'POST']) {
  const response = await fetch(`${url}/api/orders?page=2`, {
    method,
    ...(method === 'POST' && { body: '{"book":1}' }),
  });
  console.log(response.status, (await response.text()).trim());
}
for (const path of ['/api/crash', '/other']) console.log(path, (await fetch(url + path)).status);

await app.close();
origin.close();
