/** NestJS on Express: a module mounts the backend under a path, and closes it with the application. */

import 'reflect-metadata';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type MiddlewareConsumer, Module, type NestModule, type OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PooledBackend } from 'pooled-backend';

const origin = createServer((req, res) => {
  res.end(`${req.method} ${req.url}, asked through ${req.headers['x-forwarded-host']}\n`);
}).listen(0, '127.0.0.1');
await once(origin, 'listening');

const backend = new PooledBackend(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);

class GatewayModule implements NestModule, OnApplicationShutdown {
  configure(consumer: MiddlewareConsumer): void {
    // Everything under /api, which Express strips from the path. Of 'api/*path' it would strip all.
    consumer.apply(backend.handler()).forRoutes('api');
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
console.log((await fetch(`${url}/other`)).status);

await app.close();
origin.close();
